"""The files of a connection's certificates → what is wrong with them, in words that name the setting.

Decision: looked at before any broker is asked. librdkafka says of a key that its password does not open ``PEM lib``,
and a broker says of a certificate that has run out ``bad certificate``.
"""

import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from stream_app.kafka.connection import Connection

CA = "STREAM_APP_SSL_CA_LOCATION"
CERTIFICATE = "STREAM_APP_SSL_CERTIFICATE_LOCATION"
KEY = "STREAM_APP_SSL_KEY_LOCATION"
KEY_PASSWORD = "STREAM_APP_SSL_KEY_PASSWORD"  # noqa: S105 - the setting's name
TOKEN_CA = "STREAM_APP_OAUTH_CA_LOCATION"  # noqa: S105 - as above


class CertificatesUnusable(Exception):
    """A file of certificates or of a key that cannot be used; the message names the setting and what to do."""


def check_files(connection: Connection) -> None:
    """Read every file as the clients will. Raises :class:`CertificatesUnusable`."""
    for variable, path in (
        (CA, connection.ssl_ca_location),
        (CERTIFICATE, connection.ssl_certificate_location),
        (KEY, connection.ssl_key_location),
        (TOKEN_CA, connection.oauth_ca_location),
    ):
        if path:
            _read(variable, path)
    for variable, path in ((CA, connection.ssl_ca_location), (TOKEN_CA, connection.oauth_ca_location)):
        if path:
            _certificates(variable, path)
    if connection.ssl_certificate_location:
        _certificates(CERTIFICATE, connection.ssl_certificate_location)
        try:
            connection.ssl_context()
        except (OSError, ValueError) as error:
            raise CertificatesUnusable(_of_key(connection, error)) from None


def run_out(connection: Connection, now: datetime | None = None) -> str:
    """Say that this client's certificate, or the authority's, does not hold now; empty where both do."""
    now = now or datetime.now(UTC)
    for variable, path in ((CERTIFICATE, connection.ssl_certificate_location), (CA, connection.ssl_ca_location)):
        found = _certificates(variable, path) if path else []
        dates = [said for each in found if (said := beyond(each, now))]
        if (found and len(dates) == len(found)) or (dates and variable == CERTIFICATE):
            return f"the certificate in {path} {dates[0]}: renew that file ({variable})"
    return ""


def beyond(certificate: x509.Certificate, now: datetime) -> str:
    """Say since when a certificate does not hold, or from when on it will; empty where it holds."""
    if now > certificate.not_valid_after_utc:
        return f"ran out on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%SZ}"
    if now < certificate.not_valid_before_utc:
        return f"holds only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%SZ} on (is the clock right?)"
    return ""


def names_of(certificate: x509.Certificate) -> list[str]:
    """Give the host names and addresses that a certificate is made out to."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def _read(variable: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CertificatesUnusable(f"{variable}: cannot read {path!r}: {error.strerror}") from None


def _certificates(variable: str, path: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(variable, path))
    except ValueError:
        raise CertificatesUnusable(f"{variable}: {path!r} holds no certificate in PEM") from None


def _of_key(connection: Connection, error: Exception) -> str:
    path = connection.ssl_key_location
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"{KEY}: the key in {path!r} is not that of the certificate in {connection.ssl_certificate_location!r}"
    if b"ENCRYPTED" not in _read(KEY, path):
        return f"{KEY}: {path!r} holds no private key in PEM"
    if not connection.ssl_key_password:
        return f"{KEY}: the key in {path!r} is encrypted: set {KEY_PASSWORD}"
    return f"{KEY_PASSWORD} does not open the key in {path!r} ({KEY})"
