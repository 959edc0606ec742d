"""``GET /live`` and ``GET /ready`` over HTTP: 200 or 503, with the report as JSON; ``GET /metrics`` for Prometheus.

Where a token is asked for, whoever does not bear it gets the status of those two alone, with an empty body, and nothing
of any other path. Decision: a kubelet's probe cannot take a token out of a secret, and a status is what it needs.

Decision: threads of their own and nothing of the event loop, so that they answer while it hangs. What they say was made
before they are asked: a probe costs nothing, and many of them cannot slow a worker down.
"""

import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import ClassVar, Self

from stream_app.service.token import allowed

OPEN = frozenset({"/live", "/ready"})
"""Paths whose status is said without the token."""

JSON = "application/json"
KINDS = {"/metrics": "text/plain; version=0.0.4; charset=utf-8"}
"""Content types of what is no JSON: Prometheus's text format."""

Answer = tuple[bool, bytes]
"""Whether it is so, and the JSON that says why, or what else is asked for."""

log = logging.getLogger(__name__)


class ProbesUnavailable(Exception):
    """The address cannot be listened on; the message names it."""


class Probes:
    """A server for as long as the ``with`` block lasts. ``port`` 0 takes a free one; ``address`` says which."""

    def __init__(self, host: str, port: int, answers: dict[str, Callable[[], Answer]], token: str = "") -> None:
        paths = {f"/{name}": answer for name, answer in answers.items()}
        handler = type("Handler", (_Handler,), {"answers": paths, "token": token})
        server = type("Server", (_Server,), {"address_family": AF_INET6 if ":" in host else AF_INET})
        try:
            self._server = server((host, port), handler)
        except OSError as error:
            raise ProbesUnavailable(f"cannot listen on {host}:{port}: {error.strerror}") from error
        self.address: tuple[str, int] = self._server.server_address[:2]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the library's signature
        """Log what went wrong in an answer; the library would write it over several lines, past the log."""
        log.exception("a request of %s could not be answered", client_address)  # noqa: LOG004 - called in a handler


class _Handler(BaseHTTPRequestHandler):
    timeout = 5
    """Seconds that a client may take to say what it wants."""
    answers: ClassVar[dict[str, Callable[[], Answer]]] = {}
    token: ClassVar[str] = ""

    def do_GET(self) -> None:
        """Answer one probe."""
        path = self.path.partition("?")[0]
        answer = self.answers.get(path)
        known = allowed(self.token, self.headers.get("Authorization"))
        if not known and path not in OPEN:
            self.send_response(HTTPStatus.UNAUTHORIZED)
            self.send_header("WWW-Authenticate", "Bearer")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"there are {', '.join(self.answers)}")
            return
        well, body = answer()
        body = body if known else b""
        self.send_response(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", KINDS.get(path, JSON))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: a probe comes every few seconds."""
