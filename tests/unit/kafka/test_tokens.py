"""Tokens from an endpoint: asked for when they are needed, kept while they are good, and refused in words."""

import asyncio
from collections.abc import Iterator

import pytest

from stream_app.kafka.tokens import KEPT, Tokens, TokenUnavailable
from tests.guarded import CLIENT_SECRET, TOKEN_LIFE, TokenEndpoint, token_endpoint


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    """Give a token endpoint."""
    with token_endpoint() as endpoint:
        yield endpoint


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def test_a_token_is_kept_until_shortly_before_its_end(endpoint: TokenEndpoint) -> None:
    """One question for all that ask before four fifths of its life; then a new token."""
    clock = Clock()
    tokens = Tokens(endpoint.url, "worker", CLIENT_SECRET, "kafka", clock=clock)
    first = asyncio.run(tokens.token())
    clock.now = TOKEN_LIFE * KEPT - 1
    assert (first, 1) == (asyncio.run(tokens.token()), len(endpoint.asked))
    clock.now = TOKEN_LIFE * KEPT
    assert first != asyncio.run(tokens.token())
    assert [{"grant_type": ["client_credentials"], "scope": ["kafka"]}] * 2 == endpoint.asked


def test_a_token_of_unknown_life_is_not_kept(endpoint: TokenEndpoint) -> None:
    """Where the endpoint does not say how long it holds, each log-in asks."""
    endpoint.says_life = False
    tokens = Tokens(endpoint.url, "worker", CLIENT_SECRET, "")
    asyncio.run(tokens.token())
    asyncio.run(tokens.token())
    assert [{"grant_type": ["client_credentials"]}] * 2 == endpoint.asked


def test_a_refusal_names_the_settings_and_no_secret(endpoint: TokenEndpoint) -> None:
    """To aiokafka it is a connection that failed, which it tries again."""
    tokens = Tokens(endpoint.url, "worker", "hunter2", "")
    with pytest.raises(TokenUnavailable, match="HTTP 401: are STREAM_APP_OAUTH_CLIENT_ID") as caught:
        asyncio.run(tokens.token())
    assert isinstance(caught.value, OSError)
    assert "hunter2" not in f"{caught.value} {tokens!r}"


@pytest.mark.parametrize("body", [b"<html>", b'{"token_type": "Bearer"}', b'{"access_token": 7}'])
def test_an_answer_without_a_token_is_said(endpoint: TokenEndpoint, body: bytes) -> None:
    """A log-in page, or JSON that is no token."""
    endpoint.body = body
    with pytest.raises(TokenUnavailable, match="its answer holds none"):
        Tokens(endpoint.url, "worker", CLIENT_SECRET, "").fetch()


def test_an_endpoint_that_is_not_there_is_said() -> None:
    """The message names the address and the setting."""
    with pytest.raises(TokenUnavailable, match=r"127\.0\.0\.1:1/token: .*refused; see STREAM_APP_OAUTH_TOKEN_URL"):
        Tokens("http://127.0.0.1:1/token", "worker", CLIENT_SECRET, "").fetch()


def test_the_authority_of_the_endpoint_must_be_there() -> None:
    """A file that is not there is a token that is not there; nothing is sent."""
    with pytest.raises(TokenUnavailable, match="No such file"):
        Tokens("https://127.0.0.1:1/token", "worker", CLIENT_SECRET, "", ca_location="/nowhere").fetch()
