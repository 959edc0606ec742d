"""How to reach a Kafka: one value, from which both clients get their settings.

Decision: certificates stay paths to files, since librdkafka cannot take a client key out of an ``ssl.SSLContext``, and
tokens are fetched by each client for itself, from the same endpoint.
"""

import logging
import ssl

from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials
from msgspec import Struct

from stream_app.kafka.tokens import Tokens

LOGGER = logging.getLogger("librdkafka")
"""Where a worker's clients log (``logger``), when they are polled; without it librdkafka writes to standard error."""
OAUTHBEARER = "OAUTHBEARER"
HIDDEN = "***"


class Connection(Struct, frozen=True, kw_only=True):
    """Broker addresses and security, in librdkafka's words. ``repr`` never shows a secret."""

    bootstrap_servers: str = "127.0.0.1:9092"
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    sasl_username: str = ""
    sasl_password: str = ""
    oauth_token_url: str = ""
    oauth_client_id: str = ""
    oauth_client_secret: str = ""
    oauth_scope: str = ""
    oauth_ca_location: str = ""
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    ssl_key_password: str = ""
    client_id: str = "stream-app"
    app_id: str = "stream-app"
    """The workers' group. Every consumer of ours names it, those that join none too: one right serves them all."""

    def __repr__(self) -> str:
        return f"Connection({self.bootstrap_servers!r}, {self.security_protocol})"

    @property
    def tls(self) -> bool:
        """Whether the brokers are spoken to in TLS."""
        return self.security_protocol.endswith("SSL")

    @property
    def logs_in(self) -> bool:
        """Whether this client logs in with a name or a token."""
        return self.security_protocol.startswith("SASL")

    def librdkafka(self) -> dict[str, str]:
        """Give settings for confluent-kafka's clients; what is not set is left to librdkafka's default."""
        settings = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            "client.id": self.client_id,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password,
            "sasl.oauthbearer.method": "oidc" if self.sasl_mechanism == OAUTHBEARER else "",
            "sasl.oauthbearer.token.endpoint.url": self.oauth_token_url,
            "sasl.oauthbearer.client.id": self.oauth_client_id,
            "sasl.oauthbearer.client.secret": self.oauth_client_secret,
            "sasl.oauthbearer.scope": self.oauth_scope,
            "https.ca.location": self.oauth_ca_location,
            "ssl.ca.location": self.ssl_ca_location,
            "ssl.certificate.location": self.ssl_certificate_location,
            "ssl.key.location": self.ssl_key_location,
            "ssl.key.password": self.ssl_key_password,
        }
        return {name: value for name, value in settings.items() if value}

    def reading(self) -> dict[str, str | bool]:
        """Give settings for a consumer that is given its partitions, joins no group and commits nothing."""
        return {**self.librdkafka(), "group.id": self.app_id, "enable.auto.commit": False}

    def faust_credentials(self) -> SASLCredentials | OAuthCredentials | SSLCredentials | None:
        """Give the same for aiokafka, in Faust's form. Raises OSError where a certificate file cannot be read."""
        context = self.ssl_context() if self.tls else None
        if self.sasl_mechanism == OAUTHBEARER:
            return OAuthCredentials(oauth_cb=self._tokens(), ssl_context=context)
        if self.logs_in:
            return SASLCredentials(
                mechanism=self.sasl_mechanism,
                username=self.sasl_username,
                password=self.sasl_password,
                ssl_context=context,
            )
        return SSLCredentials(context) if context else None

    def ssl_context(self) -> ssl.SSLContext:
        """Give how TLS is spoken. Raises OSError where a file cannot be read or does not fit."""
        context = ssl.create_default_context(cafile=self.ssl_ca_location or None)
        if self.ssl_certificate_location:
            # a password that is empty would be asked for on the terminal
            context.load_cert_chain(self.ssl_certificate_location, self.ssl_key_location, lambda: self.ssl_key_password)
        return context

    def hide(self, text: str) -> str:
        """Give a text that others made, such as a server's answer, without this connection's secrets."""
        for secret in (self.sasl_password, self.oauth_client_secret, self.ssl_key_password):
            text = text.replace(secret, HIDDEN) if secret else text
        return text

    def _tokens(self) -> Tokens:
        return Tokens(
            self.oauth_token_url,
            self.oauth_client_id,
            self.oauth_client_secret,
            self.oauth_scope,
            ca_location=self.oauth_ca_location,
        )
