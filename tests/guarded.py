"""A real Apache Kafka that asks who comes: every way to log in, each on a listener, and the authoriser on.

Inside, on the listener without any of it, is whoever sets the tests up: a super user.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs

import trustme
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from msgspec import Struct

from stream_app.kafka.local import LocalBroker, free_ports
from tests.brokers import require_real_kafka

PASSWORD = "correct horse; battery='staple'"  # noqa: S105 - made up
KEY_PASSWORD = "what opens the key"  # noqa: S105 - made up
CLIENT_SECRET = "what the token endpoint asks for"  # noqa: S105 - made up
TOKEN_LIFE = 300
"""Seconds."""
LISTENERS = {
    "SASL": "SASL_PLAINTEXT",
    "SASLTLS": "SASL_SSL",
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
}
"""Name and protocol; the certificate of the last but one has run out, that of the last one is another host's."""
AUDIT = "kafka.authorizer.logger"
_JAAS = "org.apache.kafka.common.security"


class Guarded(Struct, frozen=True):
    """That broker, the files of its certificates, and where tokens are to be had."""

    broker: LocalBroker
    folder: Path
    ports: dict[str, int]
    token_url: str

    def at(self, listener: str) -> dict[str, str]:
        """Give the settings that reach a listener, but for who comes."""
        settings = {
            "bootstrap_servers": f"127.0.0.1:{self.ports[listener]}",
            "security_protocol": LISTENERS[listener],
        }
        tls = {"ssl_ca_location": str(self.folder / "authority.pem")}
        return settings | (tls if LISTENERS[listener].endswith("SSL") else {})

    def certificate(self, name: str = "mutual") -> dict[str, str]:
        """Give the settings of a client's certificate."""
        return {
            "ssl_certificate_location": str(self.folder / f"{name}.crt"),
            "ssl_key_location": str(self.folder / f"{name}.key"),
            "ssl_key_password": KEY_PASSWORD,
        }

    def token(self, user: str = "oauth") -> dict[str, str]:
        """Give the settings of a client that fetches tokens."""
        return {
            "sasl_mechanism": "OAUTHBEARER",
            "oauth_token_url": self.token_url,
            "oauth_client_id": user,
            "oauth_client_secret": CLIENT_SECRET,
            "oauth_scope": "kafka",
        }


@contextmanager
def guarded(folder: Path) -> Iterator[Guarded]:
    """Run that broker; skips with the reason where this machine has none."""
    require_real_kafka()
    make_certificates(folder)
    ports = dict(zip(LISTENERS, free_ports(len(LISTENERS)), strict=True))
    broker = LocalBroker(folder / "kafka", loggers={AUDIT: "DEBUG"})
    broker.config = _config(broker, folder, ports)
    with broker, token_endpoint() as endpoint:
        _make_users(broker.bootstrap_servers)
        yield Guarded(broker, folder, ports, endpoint.url)


def make_certificates(folder: Path) -> None:
    """Write an authority, another one, servers' certificates and clients', good ones and bad ones."""
    past = datetime.now(UTC) - timedelta(days=1)
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    stranger.cert_pem.write_to_path(folder / "stranger.pem")
    _server(folder / "server.pem", authority.issue_cert("127.0.0.1"))
    _server(folder / "expired.pem", authority.issue_cert("127.0.0.1", not_after=past))
    _server(folder / "elsewhere.pem", authority.issue_cert("kafka.elsewhere.example"))
    _client(folder, "mutual", authority.issue_cert("mutual.example", common_name="mutual"))
    _client(folder, "late", authority.issue_cert("late.example", common_name="late", not_after=past))
    _client(folder, "alien", stranger.issue_cert("alien.example", common_name="mutual"))


def _server(path: Path, made: trustme.LeafCert) -> None:
    path.write_bytes(_key(made, None) + b"".join(each.bytes() for each in made.cert_chain_pems))


def _client(folder: Path, name: str, made: trustme.LeafCert) -> None:
    (folder / f"{name}.key").write_bytes(_key(made, KEY_PASSWORD))
    (folder / f"{name}.crt").write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))


def _key(made: trustme.LeafCert, password: str | None) -> bytes:
    """Give the key as PKCS 8, which Kafka reads."""
    key = load_pem_private_key(made.private_key_pem.bytes(), None)
    how = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def _config(broker: LocalBroker, folder: Path, ports: dict[str, int]) -> dict[str, str]:
    node = broker.node
    advertised = {"PLAINTEXT": node.port, **ports}
    protocols = {"CONTROLLER": "PLAINTEXT", "PLAINTEXT": "PLAINTEXT", **LISTENERS}
    config = {
        "listeners": ",".join(
            f"{name}://127.0.0.1:{port}" for name, port in {**advertised, "CONTROLLER": node.controller_port}.items()
        ),
        "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in advertised.items()),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "authority.pem"),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
        "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.expired.ssl.keystore.type": "PEM",
        "listener.name.expired.ssl.keystore.location": str(folder / "expired.pem"),
        "listener.name.elsewhere.ssl.keystore.type": "PEM",
        "listener.name.elsewhere.ssl.keystore.location": str(folder / "elsewhere.pem"),
    }
    for listener in ("sasl", "sasltls"):
        name = f"listener.name.{listener}"
        config |= {
            f"{name}.plain.sasl.jaas.config": f'{_JAAS}.plain.PlainLoginModule required user_plain="{PASSWORD}";',
            f"{name}.scram-sha-256.sasl.jaas.config": f"{_JAAS}.scram.ScramLoginModule required;",
            f"{name}.scram-sha-512.sasl.jaas.config": f"{_JAAS}.scram.ScramLoginModule required;",
            f"{name}.oauthbearer.sasl.jaas.config": (
                f'{_JAAS}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
            ),
        }
    return config


def _make_users(bootstrap_servers: str) -> None:
    changes = [
        UserScramCredentialUpsertion(user, ScramCredentialInfo(mechanism, 4096), PASSWORD.encode())
        for user, mechanism in (
            ("scram256", ScramMechanism.SCRAM_SHA_256),
            ("scram512", ScramMechanism.SCRAM_SHA_512),
        )
    ]
    client = AdminClient({"bootstrap.servers": bootstrap_servers})
    for done in client.alter_user_scram_credentials(changes).values():
        done.result(10)


class TokenEndpoint:
    """An OAuth 2 token endpoint for client credentials; the tokens are those that Kafka's own validator takes."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, list[str]]] = []
        """The forms that were sent, in their order."""
        self.says_life = True
        self.body = b""
        """What is answered instead of a token."""

    def answer(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, bytes]:
        """Give a status and a token to whoever knows the secret."""
        self.asked.append(form)
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        client, _, secret = given.partition(":")
        if secret != CLIENT_SECRET or form.get("grant_type") != ["client_credentials"]:
            return 401, json.dumps({"error": "invalid_client", "error_description": "no such client"}).encode()
        now = time.time()
        claims = {"sub": client, "iat": now, "exp": now + TOKEN_LIFE, "jti": len(self.asked)}
        token = f"{_part({'alg': 'none'})}.{_part(claims)}."
        life = {"expires_in": TOKEN_LIFE} if self.says_life else {}
        return 200, self.body or json.dumps({"access_token": token, "token_type": "Bearer", **life}).encode()


@contextmanager
def token_endpoint() -> Iterator[TokenEndpoint]:
    """Run one, on this machine."""
    endpoint = TokenEndpoint()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Tokens,), {"endpoint": endpoint}))
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/token"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()


class _Tokens(BaseHTTPRequestHandler):
    endpoint: ClassVar[TokenEndpoint]

    def do_POST(self) -> None:
        """Answer with what the endpoint says."""
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        status, data = self.endpoint.answer(self.headers.get("Authorization", ""), form)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
