"""``GET /live`` and ``GET /ready`` over HTTP: 200 or 503, with the report as JSON; ``GET /metrics`` for Prometheus.

Decision: threads of their own and nothing of the event loop, so that they answer while it hangs. What probes say was
made before they are asked: a probe costs nothing, and many of them cannot slow a worker down. Where a token is asked
for, a probe without it is still told yes or no, since a supervisor's probes bear no secret, and nothing else.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import ClassVar, NamedTuple, Self

from stream_app.service.token import allowed

log = logging.getLogger(__name__)

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Answer(NamedTuple):
    """Whether it is so, and what is said of it."""

    well: bool
    body: bytes
    bare: bytes | None
    """What those are told who bear no token; None: nothing."""
    kind: str = "application/json"
    """Content type of both."""


class ProbesUnavailable(Exception):
    """The address cannot be listened on; the message names it."""


class Probes:
    """A server for as long as the ``with`` block lasts. ``port`` 0 takes a free one; ``address`` says which."""

    def __init__(self, host: str, port: int, answers: Mapping[str, Callable[[], Answer]], token: str = "") -> None:
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
    answers: ClassVar[Mapping[str, Callable[[], Answer]]] = {}
    token: ClassVar[str] = ""

    def do_GET(self) -> None:
        """Answer one probe."""
        answer = self.answers.get(self.path.partition("?")[0])
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"there are {', '.join(self.answers)}")
            return
        found = answer()
        status = HTTPStatus.OK if found.well else HTTPStatus.SERVICE_UNAVAILABLE
        if allowed(self.token, self.headers.get("Authorization")):
            self._say(status, found.body, found.kind)
        elif found.bare is not None:
            self._say(status, found.bare, found.kind)
        else:
            self._say(HTTPStatus.UNAUTHORIZED, b"a token is asked for: Authorization: Bearer <token>\n", "text/plain")

    def _say(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: a probe comes every few seconds."""
