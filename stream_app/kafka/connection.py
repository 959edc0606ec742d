"""How to reach a Kafka: one value, from which both clients get their settings.

Decision: certificates stay paths to files, since librdkafka cannot take a client key out of an ``ssl.SSLContext``.
"""

import logging
import ssl

from faust.auth import SASLCredentials, SSLCredentials
from msgspec import Struct

LOGGER = logging.getLogger("librdkafka")
"""Where a worker's clients log (``logger``), when they are polled; without it librdkafka writes to standard error."""


class Connection(Struct, frozen=True, kw_only=True):
    """Broker addresses and security, in librdkafka's words. ``repr`` never shows a secret."""

    bootstrap_servers: str = "127.0.0.1:9092"
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    sasl_username: str = ""
    sasl_password: str = ""
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    ssl_key_password: str = ""
    client_id: str = "stream-app"

    def __repr__(self) -> str:
        return f"Connection({self.bootstrap_servers!r}, {self.security_protocol})"

    def librdkafka(self) -> dict[str, str]:
        """Give settings for confluent-kafka's clients; what is not set is left to librdkafka's default."""
        settings = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            "client.id": self.client_id,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password,
            "ssl.ca.location": self.ssl_ca_location,
            "ssl.certificate.location": self.ssl_certificate_location,
            "ssl.key.location": self.ssl_key_location,
            "ssl.key.password": self.ssl_key_password,
        }
        return {name: value for name, value in settings.items() if value}

    def faust_credentials(self) -> SASLCredentials | SSLCredentials | None:
        """Give the same for aiokafka, in Faust's form. Raises OSError where a certificate file cannot be read."""
        context = self._ssl_context() if self.security_protocol.endswith("SSL") else None
        if self.security_protocol.startswith("SASL"):
            return SASLCredentials(
                mechanism=self.sasl_mechanism,
                username=self.sasl_username,
                password=self.sasl_password,
                ssl_context=context,
            )
        return SSLCredentials(context) if context else None

    def _ssl_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ssl_ca_location or None)
        if self.ssl_certificate_location:
            context.load_cert_chain(
                self.ssl_certificate_location, self.ssl_key_location or None, self.ssl_key_password or None
            )
        return context
