"""Why no broker answers: a connection and what librdkafka heard go in, a sentence that names the setting comes out.

Decision: where TLS is the trouble, one handshake is made by Python's library, whose errors tell a certificate that has
run out from one of another authority or host; librdkafka calls all three ``could not be verified``. Nothing of Kafka is
spoken, and a wait is bounded.
"""

import re
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime

from confluent_kafka import KafkaError
from cryptography import x509

from stream_app.kafka.certificates import CA, CERTIFICATE, CertificatesUnusable, beyond, names_of, run_out
from stream_app.kafka.connection import OAUTHBEARER, Connection

PATIENCE = 3.0
"""Seconds for one host."""
SAID_BY_NOW = 0.5
"""Seconds within which a broker that refuses a client's certificate has said so (TLS 1.3: after the handshake)."""

_TIMES = re.compile(r" \(after \d+ms in state [^)]*\)")
_WHERE = re.compile(r"^\w+://\S+: ")
_EXPIRED, _NOT_YET = 10, 9
_OTHER_HOST = frozenset({62, 64})
"""OpenSSL's numbers of what is wrong with a certificate."""
_LOG_IN = "STREAM_APP_SASL_USERNAME and STREAM_APP_SASL_PASSWORD right, and is it a user of STREAM_APP_SASL_MECHANISM"


def reason(connection: Connection, heard: Sequence[KafkaError]) -> str:
    """Say what stands in the way, and what to look at; never holds a secret."""
    return connection.hide(_of_tls(connection) or _of_log_in(connection, heard) or _of_errors(heard))


def _of_log_in(connection: Connection, heard: Sequence[KafkaError]) -> str:
    refused = [error for error in heard if error.code() == KafkaError._AUTHENTICATION]  # noqa: SLF001 - its public name
    if not refused:
        return ""
    said = _short(refused[-1])
    if connection.sasl_mechanism == OAUTHBEARER:
        return f"{said}; see STREAM_APP_OAUTH_TOKEN_URL, STREAM_APP_OAUTH_CLIENT_ID and STREAM_APP_OAUTH_CLIENT_SECRET"
    return f"{said}; are {_LOG_IN}={connection.sasl_mechanism}?"


def _of_errors(heard: Sequence[KafkaError]) -> str:
    down = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - its public name
    said = [_short(error) for error in heard if error.code() != down]
    look = "is it running, and are STREAM_APP_BOOTSTRAP_SERVERS and STREAM_APP_SECURITY_PROTOCOL right?"
    return f"{said[-1] if said else 'nobody is there, or hangs up'}; {look}"


def _short(error: KafkaError) -> str:
    """Give what librdkafka says without what changes from one attempt to the next."""
    return _TIMES.sub("", _WHERE.sub("", error.str())).strip()


def _of_tls(connection: Connection) -> str:
    """Say what TLS itself shows; empty where it shows nothing."""
    if not connection.tls:
        return ""
    try:
        old, context = run_out(connection), connection.ssl_context()
    except (CertificatesUnusable, OSError) as error:
        return str(error)
    if old:
        return old
    for server in connection.bootstrap_servers.split(","):
        host, _, port = server.rpartition(":")
        said = _of_server(context, host.strip("[]"), int(port), connection)
        if said:
            return said
    return ""


def _of_server(context: ssl.SSLContext, host: str, port: int, connection: Connection) -> str:
    try:
        with socket.create_connection((host, port), PATIENCE) as raw:
            try:
                with context.wrap_socket(raw, server_hostname=host) as spoken:
                    return _refused(spoken, connection)
            except ssl.SSLCertVerificationError as error:
                return _unverified(error, host, port, connection)
            except (ssl.SSLError, OSError) as error:
                said = getattr(error, "reason", None) or str(error)
                return (
                    f"{host}:{port} does not speak TLS as this client does ({said}); "
                    "is STREAM_APP_SECURITY_PROTOCOL right for that port?"
                )
    except OSError:  # nobody is there: librdkafka has said so
        return ""


def _refused(spoken: ssl.SSLSocket, connection: Connection) -> str:
    """Hear whether the broker takes this client's certificate."""
    spoken.settimeout(SAID_BY_NOW)
    try:
        spoken.recv(1)
    except TimeoutError:
        return ""
    except OSError as error:
        said = getattr(error, "reason", None) or str(error)
        if not connection.ssl_certificate_location:
            return f"the broker asks for a certificate of this client ({said}): set {CERTIFICATE} and its key"
        return (
            f"the broker does not take the certificate in {connection.ssl_certificate_location} ({said}): "
            f"it must be signed by an authority that the broker trusts ({CERTIFICATE})"
        )
    return ""


def _unverified(error: ssl.SSLCertVerificationError, host: str, port: int, connection: Connection) -> str:
    certificate = _certificate_of(host, port)
    if error.verify_code in {_EXPIRED, _NOT_YET}:
        when = beyond(certificate, datetime.now(UTC)) if certificate else ""
        return f"the certificate of {host}:{port} {when or error.verify_message}: it must be renewed on the broker"
    if error.verify_code in _OTHER_HOST:
        names = ", ".join(names_of(certificate)) if certificate else ""
        return (
            f"the certificate of {host}:{port} is not made out to {host!r} but to {names or 'nobody'}: "
            "name the brokers in STREAM_APP_BOOTSTRAP_SERVERS as their certificates do"
        )
    authorities = connection.ssl_ca_location or "the system's list"
    return (
        f"the certificate of {host}:{port} is signed by no authority in {authorities} ({error.verify_message}): "
        f"is {CA} right?"
    )


def _certificate_of(host: str, port: int) -> x509.Certificate | None:
    """Fetch the certificate that a server shows, to speak of it; nothing is believed of it."""
    try:
        return x509.load_pem_x509_certificate(ssl.get_server_certificate((host, port), timeout=PATIENCE).encode())
    except (OSError, ValueError):
        return None
