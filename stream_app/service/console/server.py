"""``stream-app console``'s web server: the page, JSON and a stream of events. Nothing can be changed through it.

    GET /                                   the page; the form for the token where one is asked for
    POST /login                             token=...; a cookie for twelve hours
    GET /events?FILTER                      server-sent events:
        list     {whole, rows, gone, matching, folded}   rows as held.Row; at first whole; at most four a second
        state    {trouble, behind, held, forgotten, unread, now}
        figures  {point, latency, partitions}            every few seconds
        history  [point, ...]                            once, at first
        rules    [{rule, incidents, records, open, last}, ...]   those that changed
    GET /api/incidents?FILTER&limit=100     {matching, rows}, newest first
    GET /api/incidents/ID                   the newest record of an incident, as it lies on the topic
    GET /api/incidents/ID/evidence          [{place, timestamp, size, text, whole} or {place, unread}, ...]
    GET /api/incidents/ID/explanation       what its rule says of these records, as `rules explain --json` has it
    GET /api/rules                          {trouble, rules: [{rule, name, severity, enabled, incidents, ...}, ...]}
    GET /api/figures                        {history, latest}
    GET /api/state                          as the event

FILTER is any of rule, host, severity (the least), status (open, cleared), text. Times are ms since 1970. A refusal is a
status and a line of text.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

import msgspec
from aiohttp import web
from confluent_kafka import KafkaException

from stream_app.engine.record import Record
from stream_app.kafka.ranges import RangeUnreadable
from stream_app.service import parts
from stream_app.service.console import evidence
from stream_app.service.console.access import Access, add_headers
from stream_app.service.console.held import Held
from stream_app.service.console.rules import RulesShown
from stream_app.service.console.view import STATUSES, Filter, View
from stream_app.service.console.watch import Reader, Watch
from stream_app.service.settings import Settings

log = logging.getLogger(__name__)

PACE = 0.25
"""Seconds between two sends to one reader, at least."""
PING = 10.0
"""Seconds without an event after which a line of comment says that the stream lives."""
SLOW = 30.0
"""Seconds after which a reader that takes nothing is let go."""
PATIENCE = 20.0
"""Seconds that records of an incident may take to be read and explained."""
LONGEST = 200
"""Characters of a filter's text."""
MOST_ASKING = 8
"""Questions about records and rules that wait for one another."""

PAGE = {
    "/style.css": ("style.css", "text/css"),
    "/console.js": ("console.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


class Server:
    """The handlers of one console."""

    def __init__(self, settings: Settings, watch: Watch, rules: RulesShown) -> None:
        self._settings, self._watch, self._rules = settings, watch, rules
        self._asked = evidence.Rules(settings)
        self._busy, self._rereading = asyncio.Lock(), asyncio.Lock()
        self._asking = 0
        self._files = {name: resources.files(__package__).joinpath("page", name).read_bytes() for name in _files()}
        self._access = Access(settings.console_host, settings.web_token)

    def app(self) -> web.Application:
        """Give the application."""
        app = web.Application(middlewares=[self._access.middleware], client_max_size=4096)
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self._over)
        app.router.add_get("/", self._page)
        for path, (name, kind) in PAGE.items():
            app.router.add_get(path, self._file(name, kind))
        app.router.add_post("/login", self._access.log_in)
        app.router.add_get("/events", self._events)
        app.router.add_get("/api/incidents", self._list)
        app.router.add_get("/api/incidents/{id}", self._one)
        app.router.add_get("/api/incidents/{id}/evidence", self._evidence)
        app.router.add_get("/api/incidents/{id}/explanation", self._explanation)
        app.router.add_get("/api/rules", self._named)
        app.router.add_get("/api/figures", self._figures)
        app.router.add_get("/api/state", self._state)
        return app

    async def _over(self, _app: web.Application) -> None:
        self._watch.close()

    def close(self) -> None:
        """End what was started for questions."""
        self._asked.close()
        self._rules.close()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        known = self._access.known(request)
        body = self._files["index.html" if known else "login.html"]
        return web.Response(
            body=body, content_type="text/html", charset="utf-8"
        )  # 200 for the form too: probes ask here

    def _file(self, name: str, kind: str) -> Callable[[web.Request], Any]:
        async def answer(_request: web.Request) -> web.StreamResponse:
            return web.Response(body=self._files[name], content_type=kind, charset="utf-8")

        return answer

    async def _events(self, request: web.Request) -> web.StreamResponse:
        wanted = wanted_by(request)
        if self._watch.full:
            raise web.HTTPServiceUnavailable(
                text="too many watch already; close a page\n", headers={"Retry-After": "5"}
            )
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await answer.prepare(request)
        with self._watch.reading(wanted) as reader:
            try:
                await self._stream(answer, reader)
            except (TimeoutError, ConnectionError):
                log.debug("a reader is gone, or took nothing for %g s", SLOW)
        return answer

    async def _stream(self, answer: web.StreamResponse, reader: Reader) -> None:
        """Send until the console ends. What is sent is made when the reader took what was sent before."""
        figures = self._watch.figures
        first = [("state", self._watch.state()), ("history", msgspec.json.encode(list(figures.history)))]
        if figures.latest is not None:
            first.append(("figures", msgspec.json.encode(figures.latest)))
        await _write(answer, b"retry: 1000\n\n")
        await _send(answer, [*first, ("list", msgspec.json.encode(reader.view.whole()))])
        while not self._watch.over:
            try:
                async with asyncio.timeout(PING):
                    await reader.changed.wait()
            except TimeoutError:
                await _write(answer, b": still here\n\n")
                continue
            reader.changed.clear()
            events = list(reader.news.items())
            reader.news.clear()
            if reader.rules:
                events.append(("rules", msgspec.json.encode([self._watch.count(each) for each in reader.rules])))
                reader.rules.clear()
            if reader.view.waiting:
                events.append(("list", msgspec.json.encode(reader.view.changes())))
            await _send(answer, events)
            await asyncio.sleep(PACE)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        try:
            limit = min(500, max(1, int(request.query.get("limit", "100"))))
        except ValueError:
            raise web.HTTPBadRequest(text="limit is a number\n") from None
        found = View(self._watch.incidents, wanted_by(request), limit).whole()
        return _json(msgspec.json.encode({"matching": found.matching, "rows": found.rows}))

    async def _one(self, request: web.Request) -> web.StreamResponse:
        return _json(self._held(request).value)

    async def _evidence(self, request: web.Request) -> web.StreamResponse:
        return _json(msgspec.json.encode([shown for shown, _ in await self._records(self._held(request))]))

    async def _explanation(self, request: web.Request) -> web.StreamResponse:
        held = self._held(request)
        await self.reread()
        given: list[tuple[str, Record]] = [
            (shown.place, record) for shown, record in await self._records(held) if record is not None
        ]
        if not given:
            raise web.HTTPConflict(text="none of its records is there any more\n")
        async with self._turn():
            try:
                found = await asyncio.to_thread(self._asked.explain, held.row.rule, given, PATIENCE)
            except LookupError:
                raise web.HTTPConflict(text="its rule is not among the rules that there are\n") from None
            except Exception as error:
                log.warning("an explanation failed: %r", error)
                raise web.HTTPServiceUnavailable(text="the rule could not be asked in time\n") from error
        return _json(found)

    def _held(self, request: web.Request) -> Held:
        held = self._watch.incidents.get(request.match_info["id"])
        if held is None:
            raise web.HTTPNotFound(text="no such incident is held: it is older than what is shown, or was never read\n")
        return held

    async def _records(self, held: Held) -> list[tuple[evidence.Evidence, Record | None]]:
        named = msgspec.json.decode(held.value).get("triggeringEventList") or []
        places = [str(each) for each in named] if isinstance(named, list) else []
        topics = frozenset({self._settings.sysmon_topic})
        async with self._turn():
            try:
                async with asyncio.timeout(PATIENCE):
                    return await asyncio.to_thread(evidence.records, parts.connection(self._settings), places, topics)
            except (TimeoutError, KafkaException, RangeUnreadable) as error:
                raise web.HTTPServiceUnavailable(text="the brokers do not give its records now\n") from error

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for one's turn; refuse where too many do."""
        if self._asking >= MOST_ASKING:
            raise web.HTTPServiceUnavailable(text="too many ask at once; try again\n", headers={"Retry-After": "5"})
        self._asking += 1
        try:
            async with self._busy:
                yield
        finally:
            self._asking -= 1

    async def _named(self, _request: web.Request) -> web.StreamResponse:
        await self.reread()
        named = {each.rule: msgspec.structs.asdict(each) for each in self._rules.named}
        unknown = [each for each in self._watch.fired if each not in named]
        named |= {each: {"rule": each, "name": "", "severity": 0, "enabled": None} for each in unknown}
        found = [{**said, **self._watch.count(rule)} for rule, said in named.items()]
        return _json(msgspec.json.encode({"trouble": self._rules.trouble, "rules": found}))

    async def reread(self) -> None:
        """Read the rules again if they changed."""
        async with self._rereading:
            changed = await asyncio.to_thread(self._rules.changed)
        if changed:
            async with self._busy:
                self._asked.close()

    async def _figures(self, _request: web.Request) -> web.StreamResponse:
        figures = self._watch.figures
        return _json(msgspec.json.encode({"history": list(figures.history), "latest": figures.latest}))

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        return _json(self._watch.state())


def wanted_by(request: web.Request) -> Filter:
    """Read a request's filter. Raises HTTPBadRequest."""
    query = {name: request.query.get(name, "") for name in ("rule", "host", "severity", "status", "text")}
    severity = query["severity"] or "0"
    if any(len(each) > LONGEST for each in query.values()):
        raise web.HTTPBadRequest(text=f"a filter has at most {LONGEST} characters\n")
    if query["status"] not in STATUSES:
        raise web.HTTPBadRequest(text="status is open or cleared\n")
    if not (severity.isascii() and severity.isdigit()):
        raise web.HTTPBadRequest(text="severity is a number from 0 to 10\n")
    return Filter(
        rule=query["rule"], host=query["host"], severity=int(severity[:3]), status=query["status"], text=query["text"]
    )


async def _send(answer: web.StreamResponse, events: list[tuple[str, bytes]]) -> None:
    await _write(answer, b"".join(b"event: %b\ndata: %b\n\n" % (kind.encode(), data) for kind, data in events))


async def _write(answer: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(SLOW):
        await answer.write(data)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _files() -> list[str]:
    return ["index.html", "login.html", *(name for name, _ in PAGE.values())]
