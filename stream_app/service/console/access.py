"""Who may ask what: a request in, a refusal or nothing out; and the headers that every answer bears.

Decision: a browser logs in by a form and gets a cookie, since its EventSource cannot send a header and a token that a
script holds could be read by one; the cookie is HttpOnly and SameSite=Strict, and holds no token but a signed time, by
a key that dies with the process. A program sends ``Authorization: Bearer <token>``.

Decision: where the console listens on loopback, only names of loopback are answered: a page elsewhere whose name is
pointed at 127.0.0.1 (DNS rebinding) gets nothing.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from stream_app.service.token import BEARER, allowed

FETCH_SITE = "Sec-Fetch-Site"
COOKIE = "stream_app_console"
SESSION_S = 12 * 3600
GUESSES = 20
"""Wrong tokens that are answered at a time; each answer takes a second, so there are no more a second."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Server": "stream-app",
}

FREE = frozenset({"/", "/login", "/style.css", "/icon.svg"})
"""What is answered without a token; ``/`` is the form then."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access:
    """The doors of one console."""

    def __init__(self, host: str, token: str) -> None:
        self._names = _loopback_names(host)
        self._token = token
        self._key = secrets.token_bytes(32)
        self._wrong = 0

    def known(self, request: web.Request) -> bool:
        """Tell whether a request bears the token or a cookie of ours; all do where there is no token."""
        if allowed(self._token, request.headers.get(hdrs.AUTHORIZATION)):
            return True
        until, _, signed = request.cookies.get(COOKIE, "").partition(".")
        fresh = until.isascii() and until.isdigit() and time.time() < int(until[:12])
        return fresh and hmac.compare_digest(signed.encode(), self._signed(until).encode())

    def check(self, request: web.Request) -> None:
        """Raise the refusal that a request gets, if it gets one."""
        if self._names and _name(request.headers.get(hdrs.HOST, "")) not in self._names:
            raise web.HTTPMisdirectedRequest(text="this console is asked by a name of loopback only\n")
        if request.headers.get(FETCH_SITE, "same-origin") not in {"same-origin", "none"} and request.path != "/":
            raise web.HTTPForbidden(text="another site may not ask\n")
        if request.path not in FREE and not self.known(request):
            raise web.HTTPUnauthorized(text="log in, or send the token as Authorization: Bearer\n")

    async def log_in(self, request: web.Request) -> NoReturn:
        """Take the form: the right token is answered with a cookie, a wrong one with a second's delay."""
        origin = request.headers.get(hdrs.ORIGIN)  # "null" from a page of ours, which sends no referrer
        said = FETCH_SITE in request.headers  # what it says was checked
        if not said and origin is not None and urlsplit(origin).netloc != request.headers.get(hdrs.HOST):
            raise web.HTTPForbidden(text="another site may not log in\n")
        if self._wrong >= GUESSES:
            raise web.HTTPTooManyRequests(text="too many wrong tokens; wait a moment\n")
        given = str((await request.post()).get("token", ""))
        if not allowed(self._token, BEARER + given):
            self._wrong += 1
            try:
                await asyncio.sleep(1)
            finally:
                self._wrong -= 1
            raise web.HTTPSeeOther("/?wrong")
        until = str(int(time.time()) + SESSION_S)
        answer = web.HTTPSeeOther("/")
        answer.set_cookie(
            COOKIE,
            f"{until}.{self._signed(until)}",
            max_age=SESSION_S,
            httponly=True,
            samesite="Strict",
            secure=request.headers.get("X-Forwarded-Proto") == "https",
        )
        raise answer

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse, or go on."""
        self.check(request)
        return await handler(request)

    def _signed(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


async def add_headers(_request: web.Request, answer: web.StreamResponse) -> None:
    """Put the headers on an answer, a refusal too."""
    answer.headers.update(
        {name: value for name, value in HEADERS.items() if name not in answer.headers or name == "Server"}
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address, or a name, is this machine's own and nobody else's."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def _loopback_names(host: str) -> frozenset[str]:
    return frozenset({"localhost", "127.0.0.1", "[::1]", _bracketed(host)}) if is_loopback(host) else frozenset()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.casefold()


def _name(host: str) -> str:
    """Give the name of a Host header, without its port."""
    head, bracket, _ = host.partition("]")
    return head + bracket if bracket else host.partition(":")[0].casefold()
