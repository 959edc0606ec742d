"""Settings that do not go together: settings in, a sentence for each mistake out.

Decision: what would be ignored is a mistake too: a password that is set and not used may be a leak, and whoever set a
certificate believes that there is TLS.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stream_app.kafka.topics import Names

if TYPE_CHECKING:
    from stream_app.service.settings import Settings

PREFIX = "STREAM_APP_"
OAUTHBEARER = "OAUTHBEARER"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_NAMED = ("sasl_username", "sasl_password")
_TOKEN = ("oauth_token_url", "oauth_client_id", "oauth_client_secret")
_TOKEN_MORE = ("oauth_scope", "oauth_ca_location")
_TLS = ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location", "ssl_key_password")


def variable(field: str) -> str:
    """Give the environment variable of a setting."""
    return PREFIX + field.upper()


def contradictions(settings: "Settings") -> Iterator[str]:
    """Yield what no field can see alone."""
    yield from of_security(settings)
    yield from of_topics(settings)
    if settings.min_insync > settings.replication:
        yield f"{variable('min_insync')} must not be more than {variable('replication')}={settings.replication}"


def of_security(settings: "Settings") -> Iterator[str]:
    """Yield each mistake."""
    protocol = f"{variable('security_protocol')}={settings.security_protocol}"
    if settings.security_protocol.startswith("SASL_"):
        yield from _of_mechanism(settings, protocol)
    else:
        for field in _set(settings, ("sasl_mechanism", *_NAMED, *_TOKEN, *_TOKEN_MORE)):
            yield f"{variable(field)} is set, but {protocol} does not log in"
    if not settings.security_protocol.endswith("SSL"):
        for field in _set(settings, _TLS):
            yield f"{variable(field)} is set, but {protocol} has no TLS"
    if bool(settings.ssl_certificate_location) != bool(settings.ssl_key_location):
        yield f"{variable('ssl_certificate_location')} and {variable('ssl_key_location')} go together"
    if settings.ssl_key_password and not settings.ssl_key_location:
        yield f"{variable('ssl_key_password')} is set, but {variable('ssl_key_location')} is not"
    yield from _of_url(settings.oauth_token_url)


def _of_url(text: str) -> Iterator[str]:
    """Yield what is wrong with the token's URL, which is not quoted: there may be a password in it."""
    try:
        url = urlsplit(text)
    except ValueError as error:
        yield f"{variable('oauth_token_url')} is no URL: {error}"
        return
    if "@" in url.netloc:
        yield f"{variable('oauth_token_url')} must hold no name or password: {variable('oauth_client_id')} is for it"
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        yield f"{variable('oauth_token_url')} must be an https URL: the client's secret is sent there"


def of_topics(settings: "Settings") -> Iterator[str]:
    """Yield which settings name one topic for two purposes."""
    topics = [(field, getattr(settings, field)) for field in settings.__struct_fields__ if field.endswith("_topic")]
    for name in dict.fromkeys(topic for _, topic in topics if topic):
        same = [variable(field) for field, topic in topics if topic == name]
        if len(same) > 1:
            yield f"{', '.join(same)} must differ from one another: each is {name!r}"
    named = Names(app_id=settings.app_id)
    ours = {named.matches, named.changelog, named.processes, named.watchlists, named.rules, named.status}
    for field, topic in topics:
        if topic in ours:
            yield f"{variable(field)} must not be {topic!r}: that topic is this app's own"


def _of_mechanism(settings: "Settings", protocol: str) -> Iterator[str]:
    mechanism = f"{variable('sasl_mechanism')}={settings.sasl_mechanism}"
    if not settings.sasl_mechanism:
        yield f"{variable('sasl_mechanism')} must be set with {protocol}"
    by_token = settings.sasl_mechanism == OAUTHBEARER
    wanted, unwanted = (_TOKEN, _NAMED) if by_token else (_NAMED, (*_TOKEN, *_TOKEN_MORE))
    for field in wanted:
        if not getattr(settings, field):
            yield f"{variable(field)} must be set with {mechanism if settings.sasl_mechanism else protocol}"
    for field in _set(settings, unwanted):
        yield f"{variable(field)} is set, but {mechanism} does not use it"


def _set(settings: "Settings", fields: tuple[str, ...]) -> list[str]:
    return [field for field in fields if getattr(settings, field)]
