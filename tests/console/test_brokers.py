"""The page and its brokers: what lags is shown, brokers that are away are said, and what they then have is shown."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from playwright.sync_api import expect

from tests.console.conftest import NAMES, Watched
from tests.consoles import ROOT, ConsoleProcess, encoded, incident


class Broker:
    """A broker process, which can be frozen."""

    def __init__(self) -> None:
        topics = (NAMES.sysmon, NAMES.incidents, NAMES.matches)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.console.mock_broker", *topics],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        self.servers = self.process.stdout.readline().strip()
        self.producer = Producer({"bootstrap.servers": self.servers, "log_level": 0})

    def freeze(self) -> None:
        """Answer nothing any more."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Answer again."""
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def broker() -> Iterator[Broker]:
    """Give a broker of this test's own."""
    found = Broker()
    yield found
    found.wake()
    found.process.kill()
    found.process.wait()


def test_lag_is_shown_and_brokers_that_are_away_are_said(watched: Watched, broker: Broker, folder: Path) -> None:
    """Lag is by topic and partition; without brokers the page says so, keeps what it has, and goes on by itself."""
    for number in range(10):
        broker.producer.produce(NAMES.sysmon, b"{}", partition=number % 2)
    broker.producer.produce(NAMES.incidents, encoded(incident("a", incidentTitle="before")))
    broker.producer.flush(10)
    group = Consumer({"bootstrap.servers": broker.servers, "group.id": NAMES.app_id, "enable.auto.commit": False})
    group.commit(offsets=[TopicPartition(NAMES.sysmon, 0, 3)], asynchronous=False)
    with ConsoleProcess(folder / "log", {"bootstrap_servers": broker.servers}) as process:
        page = watched.open(process.address)
        expect(page.locator("#rows .open")).to_have_text("before")
        expect(page.locator("#lag")).to_contain_text("records 7")
        expect(page.locator("#lag")).to_contain_text("matches 0")
        expect(page.locator("#lag svg")).to_have_attribute(
            "aria-label", "lag over 0 minutes: records 7, matches 0, at most 7"
        )
        page.click("text=By partition")
        expect(page.locator("#partitions tbody tr").first).to_have_text("sysmon02")
        expect(page.locator("#partitions tbody tr").nth(1)).to_have_text("sysmon15")
        broker.freeze()
        expect(page.locator("#trouble")).to_contain_text("Kafka does not answer", timeout=20_000)
        assert ["before"] == page.locator("#rows .open").all_inner_texts()
        expect(page.locator("#lag")).to_contain_text("records ?")
        broker.wake()
        broker.producer.produce(NAMES.incidents, encoded(incident("a", incidentTitle="after")))
        broker.producer.flush(10)
        expect(page.locator("#rows .open")).to_have_text(["after", "before"], timeout=20_000)
        expect(page.locator("#trouble")).to_be_hidden(timeout=20_000)
        expect(page.locator("#lag")).to_contain_text("records 7", timeout=20_000)
        page.close()  # else it would ask a console that has ended
        assert 0 == process.terminate()
    group.close()
