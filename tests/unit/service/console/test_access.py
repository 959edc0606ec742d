"""What the console answers to whom, over HTTP, without brokers or a browser."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
from aiohttp import ClientResponse, ClientSession
from aiohttp.test_utils import TestClient, TestServer

from stream_app.service.console import access
from stream_app.service.console.access import GUESSES, HEADERS, is_loopback
from stream_app.service.console.probe import Look
from stream_app.service.console.rules import RulesShown
from stream_app.service.console.server import Server
from stream_app.service.console.watch import Watch
from stream_app.service.settings import Settings
from tests.corpus import RULES
from tests.unit.service.console.test_held import held

LOCAL = Settings(rules=str(RULES))
GUARDED = Settings(rules=str(RULES), console_host="0.0.0.0", web_token="a-token")  # noqa: S104, S106 - nothing listens
BEARER = {"Authorization": "Bearer a-token"}


def asked(settings: Settings, what: Callable[["TestClient"], Awaitable[None]], watch: Watch | None = None) -> None:
    """Run something against a console that knows no broker."""

    async def run() -> None:
        server = Server(settings, watch or Watch(), RulesShown(settings))
        async with TestClient(TestServer(server.app())) as client:
            await what(client)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/", {}, 200),
        ("/api/state", {"Host": "localhost:1234"}, 200),
        ("/api/state", {"Host": "[::1]:8080"}, 200),
        ("/api/state", {"Host": "evil.example"}, 421),
        ("/", {"Host": "evil.example:8080"}, 421),
        ("/api/state", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/events", {"Sec-Fetch-Site": "same-site"}, 403),
        ("/", {"Sec-Fetch-Site": "cross-site"}, 200),
        ("/api/incidents?status=shut", {}, 400),
        ("/api/incidents?severity=high", {}, 400),
        ("/api/incidents?severity=²", {}, 400),
        ("/api/incidents?limit=all", {}, 400),
        (f"/api/incidents?text={'x' * 201}", {}, 400),
        ("/api/incidents/unknown", {}, 404),
        ("/api/incidents/unknown/evidence", {}, 404),
        ("/nothing", {}, 404),
        ("/page/../server.py", {}, 404),
    ],
)
def test_a_console_on_loopback_answers_its_own_names_and_pages(
    path: str, headers: Mapping[str, str], expected: int
) -> None:
    """Every answer, a refusal too, bears all headers."""

    async def ask(client: TestClient) -> None:
        answer = await client.get(path, headers=headers)
        assert expected == answer.status
        assert HEADERS == {name: answer.headers[name] for name in HEADERS}

    asked(LOCAL, ask)


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/", {}, 200),  # the form; test_page.py sees it
        ("/style.css", {}, 200),
        ("/console.js", {}, 401),
        ("/api/state", {}, 401),
        ("/events", {}, 401),
        ("/api/state", {"Host": "any.example"}, 401),
        ("/api/state", {"Authorization": "Bearer wrong"}, 401),
        ("/api/state", {"Cookie": "stream_app_console=99999999999.00"}, 401),
        ("/api/state", {"Cookie": "stream_app_console=²."}, 401),
        ("/api/state", BEARER, 200),
        ("/", BEARER, 200),
    ],
)
def test_a_console_with_a_token_answers_those_who_bear_it(path: str, headers: Mapping[str, str], expected: int) -> None:
    """All but the form and its looks are refused without it."""

    async def ask(client: TestClient) -> None:
        assert expected == (await client.get(path, headers=headers)).status

    asked(GUARDED, ask)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(method: str) -> None:
    """Methods that change something are answered nowhere but at the login."""

    async def ask(client: TestClient) -> None:
        for path in ("/", "/api/state", "/api/incidents", "/events", "/api/rules"):
            assert 405 == (await client.request(method, path)).status

    asked(LOCAL, ask)


def test_the_form_gives_a_cookie_for_the_right_token_alone() -> None:
    """The cookie lets in; a form of another site and a wrong token get none, and guesses are slow and few."""

    async def post(client: TestClient, token: str, **headers: str) -> ClientResponse:
        return await client.post("/login", data={"token": token}, headers=headers, allow_redirects=False)

    async def ask(client: TestClient) -> None:
        assert 403 == (await post(client, "a-token", Origin="https://evil.example")).status
        right = await post(client, "a-token", Origin=str(client.make_url("")).rstrip("/"))
        cookie = right.cookies["stream_app_console"]
        assert (303, "/", True, "Strict", "") == (
            right.status, right.headers["Location"], cookie["httponly"], cookie["samesite"], cookie["secure"],
        )  # fmt: skip
        assert (await post(client, "a-token", **{"X-Forwarded-Proto": "https"})).cookies["stream_app_console"]["secure"]
        async with ClientSession(cookies={"stream_app_console": cookie.value}) as known:
            assert 200 == (await known.get(client.make_url("/api/state"))).status
        forged = cookie.value.replace(cookie.value[:3], "999", 1)
        async with ClientSession(cookies={"stream_app_console": forged}) as unknown:
            assert 401 == (await unknown.get(client.make_url("/api/state"))).status
        client.session.cookie_jar.clear()
        wrong = await asyncio.gather(*(post(client, f"guess {number}") for number in range(2 * GUESSES)))
        assert {303: GUESSES, 429: GUESSES} == {
            status: [each.status for each in wrong].count(status) for status in (303, 429)
        }
        assert all(not each.cookies for each in wrong)

    asked(GUARDED, ask)


def test_a_cookie_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says itself until when it holds, whatever a browser thinks."""
    monkeypatch.setattr(access, "SESSION_S", -1)

    async def ask(client: TestClient) -> None:
        given = await client.post("/login", data={"token": "a-token"}, allow_redirects=False)
        known = {"Cookie": f"stream_app_console={given.cookies['stream_app_console'].value}"}
        assert 401 == (await client.get("/api/state", headers=known)).status

    asked(GUARDED, ask)


def test_only_so_many_may_watch_at_once() -> None:
    """One more is told to come again, and gets in when a stream ends."""
    watch = Watch(streams=2)

    async def ask(client: TestClient) -> None:
        streams = [await client.get("/events") for _ in range(2)]
        refused = await client.get("/events")
        assert (503, "5") == (refused.status, refused.headers["Retry-After"])
        streams[0].close()
        async with asyncio.timeout(10):
            while (await client.get("/events")).status != 200:  # noqa: ASYNC110 - the server has no event to wait for
                await asyncio.sleep(0.01)

    asked(LOCAL, ask, watch)


def test_a_stream_begins_with_the_list_and_goes_on_with_what_changes() -> None:
    """Its filter holds for both; events are named, and in order of what they say."""
    watch = Watch()
    watch.take(([held("a", at=1, eventSeverity=9), held("b", at=2)], 0), 0)

    async def ask(client: TestClient) -> None:
        answer = await client.get("/events?severity=9")
        assert "text/event-stream" == answer.headers["Content-Type"]
        first = b""
        async with asyncio.timeout(10):
            while b"event: list" not in first or not first.endswith(b"\n\n"):
                first += await answer.content.readany()
            assert b'"whole":true' in first
            assert b'"id":"a"' in first
            assert b'"id":"b"' not in first
            watch.take(([held("c", at=3, eventSeverity=9), held("d", at=4)], 0), 0)
            then = b""
            while b"event: list" not in then or not then.endswith(b"\n\n"):
                then += await answer.content.readany()
        assert b'"id":"c"' in then
        assert b'"id":"d"' not in then
        assert b'event: rules\ndata: [{"rule":"R"' in then
        watch.look(Look({}, "nobody answers"))
        then = await answer.content.readany()
        assert b'event: state\ndata: {"trouble":"nobody answers"' in then
        assert b"event: rules" not in then
        assert b"event: list" not in then

    asked(LOCAL, ask, watch)


def test_what_is_loopback_is_known() -> None:
    """Addresses of all of 127/8 and ::1, and localhost; nothing else."""
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.example")))  # noqa: S104 - nothing listens
