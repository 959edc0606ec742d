"""Is there a Kafka at these addresses? A connection goes in; what was found of each server, and a client, come out.

Decision: name and port are tried one by one, since librdkafka says of both that all brokers are down; TLS and log-in
are judged by handshake.py. Every wait is bounded.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from cryptography import x509

from stream_app.kafka.admin import KafkaUnavailable, admin_client
from stream_app.kafka.certificates import CertificatesUnusable
from stream_app.kafka.connection import Connection
from stream_app.kafka.finding import Finding, good, warning, wrong

PATIENCE = 3.0
"""Seconds for one server."""
ANSWER = 5.0
"""Seconds for the first answer of any of them."""
BATCH_HEAD = 12
"""Bytes by which Kafka's own default of the one is below that of the other."""
SOON = timedelta(days=30)
"""How long before a certificate runs out it is warned of."""
SERVERS = "STREAM_APP_BOOTSTRAP_SERVERS"
PROTOCOL = "STREAM_APP_SECURITY_PROTOCOL"


def servers(connection: Connection) -> Iterator[Finding]:
    """Try each server that is named: its name, then its port."""
    for server in connection.bootstrap_servers.split(","):
        host, _, port = server.rpartition(":")
        yield _server(server, host.strip("[]"), int(port))


def _server(server: str, host: str, port: int) -> Finding:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        return wrong(server, f"the name {host!r} is not known here: {said}", f"look at DNS, and at {SERVERS}")
    try:
        with socket.create_connection((host, port), PATIENCE):
            return good(server, f"{found[0][4][0]} answers on port {port}")
    except TimeoutError:
        return wrong(server, f"nothing answers within {PATIENCE:.0f} s", "is a firewall between, or a wrong address?")
    except OSError as error:
        return wrong(
            server, f"no connection: {error.strerror or error}", f"is the broker running, and {SERVERS} right?"
        )


def cluster(connection: Connection, found: list[AdminClient]) -> Iterator[Finding]:
    """Log in; puts a client into ``found`` where that worked."""
    try:
        client = admin_client(connection, ANSWER)
    except CertificatesUnusable as error:
        yield wrong("certificates", str(error), "put the right file there")
    except KafkaUnavailable as error:
        yield from _speaking_tls(connection)
        yield wrong("log in", str(error), f"see the reason; {PROTOCOL} is {connection.security_protocol}")
    else:
        found.append(client)
        how = f" as {connection.sasl_username}" if connection.sasl_username else ""
        yield good("log in", f"{connection.security_protocol}{how}")


def _speaking_tls(connection: Connection) -> Iterator[Finding]:
    """Say of which ports TLS is spoken, where we do not."""
    if connection.tls:
        return
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # only whether it is TLS is asked
    for server in connection.bootstrap_servers.split(","):
        host, _, port = server.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), PATIENCE) as raw, context.wrap_socket(raw):
                spoken = True
        except OSError:
            spoken = False
        if spoken:
            secure = "SASL_SSL" if connection.logs_in else "SSL"
            yield wrong(
                server, "TLS is spoken on this port, and this client speaks in plain text", f"{PROTOCOL}={secure}"
            )


def certificates(connection: Connection, now: datetime | None = None) -> Iterator[Finding]:
    """Say until when certificates hold: this client's, and those that the servers show. Nothing is verified here."""
    if not connection.tls:
        return
    now = now or datetime.now(UTC)
    if connection.ssl_certificate_location:
        with contextlib.suppress(OSError, ValueError):  # what cannot be read is told of at the log-in
            data = Path(connection.ssl_certificate_location).read_bytes()
            yield _dated("this client's certificate", x509.load_pem_x509_certificate(data), now)
    for server in connection.bootstrap_servers.split(","):
        host, _, port = server.rpartition(":")
        with contextlib.suppress(OSError, ValueError):
            shown = ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=PATIENCE)
            yield _dated(f"certificate of {server}", x509.load_pem_x509_certificate(shown.encode()), now)


def _dated(about: str, certificate: x509.Certificate, now: datetime) -> Finding:
    until = certificate.not_valid_after_utc
    says = f"it holds until {until:%Y-%m-%d %H:%M}Z"
    if now > until:
        return wrong(about, f"it ran out on {until:%Y-%m-%d %H:%M}Z", "renew it")
    return warning(about, says, "renew it in time") if until - now < SOON else good(about, says)


def brokers(client: AdminClient, replication: int, session_timeout: int) -> Iterator[Finding]:
    """Look at the cluster as a whole: how many brokers, and what they are set to. ``session_timeout`` is in seconds."""
    found = client.list_topics(timeout=10)
    count = len(found.brokers)
    said = f"cluster {found.cluster_id or '(no id)'}, {count} broker{'' if count == 1 else 's'}"
    if count < replication:
        yield wrong("brokers", said, f"STREAM_APP_REPLICATION={replication} needs as many brokers")
    elif replication == 1:
        lost = f"{said}; with STREAM_APP_REPLICATION=1 a lost disk is a lost record"
        yield warning("brokers", lost, "3 copies and STREAM_APP_MIN_INSYNC=2, on three brokers or more")
    else:
        yield good("brokers", said)
    if not found.brokers:
        return
    resource = ConfigResource(ResourceType.BROKER, str(min(found.brokers)))
    try:
        entries = client.describe_configs([resource], request_timeout=10)[resource].result()
    except KafkaException as error:
        says = f"their settings cannot be read ({error.args[0].str()})"
        yield warning("brokers", says, "a right to DESCRIBE_CONFIGS of the cluster, if they are to be looked at")
        return
    yield from limits({key: entry.value for key, entry in entries.items()}, session_timeout)


def limits(have: dict[str, str | None], session_timeout: int) -> Iterator[Finding]:
    """Judge what a broker is set to; ``session_timeout`` is in seconds."""
    low, high = (have.get(f"group.{end}.session.timeout.ms") for end in ("min", "max"))
    if low and high and not int(low) <= session_timeout * 1000 <= int(high):
        yield wrong(
            "brokers",
            f"they take sessions of {int(low) // 1000} to {int(high) // 1000} s, STREAM_APP_SESSION_TIMEOUT_S is "
            f"{session_timeout}",
            "set it within, or the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms",
        )
    largest, copied = have.get("message.max.bytes"), have.get("replica.fetch.max.bytes")
    if largest and copied and int(copied) + BATCH_HEAD < int(largest):
        yield warning(
            "brokers",
            f"replica.fetch.max.bytes={copied} is below message.max.bytes={largest}: copying is slow for large records",
            "raise replica.fetch.max.bytes",
        )
    if have.get("auto.create.topics.enable") == "true":
        yield warning(
            "brokers",
            "auto.create.topics.enable=true: a misspelt topic is made, with settings that nobody chose",
            "set it to false; `stream-app topics create` makes what is needed",
        )
