"""One broker, one console and one browser for all tests of this folder; a test's incidents have a host of their own."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from playwright.sync_api import Browser, BrowserContext, Page

from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.topics import Names
from tests.consoles import ConsoleProcess, chromium, encoded, incident

NAMES = Names()
Send = Callable[..., dict[str, Any]]
_numbers = itertools.count()


@pytest.fixture(scope="session")
def servers() -> Iterator[str]:
    """Give the address of a broker with the topics that a console looks at."""
    with EmbeddedBroker() as broker:
        broker.make_topics((NAMES.sysmon, NAMES.incidents, NAMES.matches))
        yield broker.bootstrap_servers


@pytest.fixture(scope="session")
def producer(servers: str) -> Producer:
    """Give a producer to that broker."""
    return Producer({"bootstrap.servers": servers, "linger.ms": 1, "log_level": 0})


@pytest.fixture(scope="session")
def console(servers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    """Give a console that asks for no token."""
    with ConsoleProcess(tmp_path_factory.mktemp("console") / "log", {"bootstrap_servers": servers}) as process:
        yield process
        assert "Traceback" not in process.said(), process.said()
        assert 0 == process.terminate(), process.said()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a Chromium. Not for longer than a module: while it is there, the main thread has a running event loop."""
    with chromium() as found:
        yield found


@pytest.fixture
def host() -> str:
    """Give a host that no other test has incidents of."""
    return f"host-{next(_numbers)}.example"


@pytest.fixture
def send(producer: Producer, host: str) -> Send:
    """Give what sends an incident of that host, given what is special about it, or a whole record; and gives it."""

    def now(record: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        one = dict(record) if record is not None else incident(host, **fields)
        producer.produce(NAMES.incidents, encoded(one), one["incidentId"])
        producer.flush(10)
        return one

    return now


class Watched:
    """A browser's context whose pages must do nothing that nobody asked for."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.said: list[str] = []
        self.forgiven = "no such text"
        """What a console may say: a browser says it where a console or its token is away on purpose."""

    def open(self, address: str) -> Page:
        """Give a page on an address."""
        page = self.context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: self.said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(address)
        return page


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """Give a context; after the test, no page of it has said a word on its console, thrown, or opened a dialog."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    found = Watched(context)
    yield found
    context.close()
    assert [] == [each for each in found.said if found.forgiven not in each]


@pytest.fixture
def page(watched: Watched, console: ConsoleProcess, host: str) -> Page:
    """Give the page, filtered by the test's host, when it is live."""
    opened = watched.open(f"{console.address}/?host={host}")
    opened.wait_for_selector("#link[data-state=live]")
    return opened


def until(what: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait until something holds. Raises AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for logs."""
    return tmp_path
