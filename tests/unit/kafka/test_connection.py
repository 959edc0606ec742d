"""A connection: both clients get the same, and nobody sees a secret."""

import msgspec
import pytest
from faust.auth import OAuthCredentials, SASLCredentials

from stream_app.kafka.connection import Connection

TOKEN = Connection(
    security_protocol="SASL_SSL",
    sasl_mechanism="OAUTHBEARER",
    oauth_token_url="https://login.example/token",  # noqa: S106 - an address
    oauth_client_id="worker",
    oauth_client_secret="hunter2",  # noqa: S106 - made up
    oauth_scope="kafka",
)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password_goes_to_both_clients(mechanism: str) -> None:
    """The mechanism, the name and the password, in each one's words."""
    connection = Connection(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,
        sasl_username="worker",
        sasl_password="hunter2",  # noqa: S106 - made up
    )
    given = connection.librdkafka()
    assert (mechanism, "worker", "hunter2") == (given["sasl.mechanism"], given["sasl.username"], given["sasl.password"])
    faust = connection.faust_credentials()
    assert isinstance(faust, SASLCredentials)
    assert (mechanism, "worker", "hunter2") == (faust.mechanism.value, faust.username, faust.password)


def test_a_token_is_had_by_both_clients() -> None:
    """The one asks the endpoint itself; the other is given who asks for it."""
    given = TOKEN.librdkafka()
    assert "oidc" == given["sasl.oauthbearer.method"]
    assert "https://login.example/token" == given["sasl.oauthbearer.token.endpoint.url"]
    faust = TOKEN.faust_credentials()
    assert isinstance(faust, OAuthCredentials)
    assert "SASL_SSL" == faust.protocol.value


def test_a_consumer_that_only_reads_names_the_workers_group() -> None:
    """One right on one group serves every command; none of them commits."""
    reading = Connection(app_id="soc").reading()
    assert ("soc", False) == (reading["group.id"], reading["enable.auto.commit"])


def test_secrets_are_not_shown() -> None:
    """Neither by repr nor in what others say of a connection."""
    assert "hunter2" not in repr(TOKEN)
    assert "no client *** here" == TOKEN.hide("no client hunter2 here")
    assert "as it is" == Connection().hide("as it is")
    held = {field.name for field in msgspec.structs.fields(Connection)}
    assert {"sasl_password", "oauth_client_secret", "ssl_key_password"} <= held
