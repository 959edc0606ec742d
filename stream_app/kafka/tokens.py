"""Tokens for aiokafka: an endpoint and a client's credentials go in, a token that is valid for a while comes out.

Decision: what librdkafka does for itself (``sasl.oauthbearer.method=oidc``) is done here for the other client: the
client-credentials grant of RFC 6749, a token kept for four fifths of its life. In a thread, since the library's HTTP
blocks, and an event loop that waits for an identity provider would miss its heartbeats.
"""

import asyncio
import base64
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

import msgspec
from aiokafka.abc import AbstractTokenProvider
from msgspec import Struct

KEPT = 0.8
"""The part of a token's life for which it is used again."""
PATIENCE = 10.0
"""Seconds for which the endpoint may say nothing."""
LARGEST = 1 << 20
"""Bytes of an answer that are read."""


class TokenUnavailable(ConnectionError):
    """The endpoint gave no token; the message names it and says why. To aiokafka a connection that failed."""


class _Answer(Struct):
    access_token: str
    expires_in: float = 0.0
    """Seconds; 0 where it is not said: then the token is not kept."""


class Tokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka carries no types
    """For any thread and event loop. ``repr`` shows no secret, having none of its own."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        scope: str,
        *,
        ca_location: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        pair = f"{client_id}:{client_secret}"  # as they are, since librdkafka sends them so too
        self._authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._form = urllib.parse.urlencode(form).encode()
        self._ca_location = ca_location
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until = float("-inf")

    async def token(self) -> str:
        """Give a token. Raises TokenUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(None, self.fetch)

    def fetch(self) -> str:
        """Give the token that is kept, or a new one; blocks. Raises TokenUnavailable."""
        with self._lock:
            asked = self._clock()
            if asked >= self._until:
                answer = self._ask()
                self._token, self._until = answer.access_token, asked + answer.expires_in * KEPT
            return self._token

    def _ask(self) -> _Answer:
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        request = urllib.request.Request(self._url, self._form, headers)  # noqa: S310 - settings let http(s) through only
        try:
            context = ssl.create_default_context(cafile=self._ca_location or None)
            with urllib.request.urlopen(request, timeout=PATIENCE, context=context) as answer:  # noqa: S310 - as above
                return msgspec.json.decode(answer.read(LARGEST), type=_Answer)
        except urllib.error.HTTPError as error:
            why = f"HTTP {error.code}: are STREAM_APP_OAUTH_CLIENT_ID and STREAM_APP_OAUTH_CLIENT_SECRET right?"
            raise TokenUnavailable(f"no token from {self._url}: {why}") from None
        except msgspec.DecodeError:
            raise TokenUnavailable(f"no token from {self._url}: its answer holds none") from None
        except (OSError, ValueError) as error:
            why = str(error.reason if isinstance(error, urllib.error.URLError) else error)
            raise TokenUnavailable(f"no token from {self._url}: {why}; see STREAM_APP_OAUTH_TOKEN_URL") from None
