"""A live producer, and the oracle: what it sent says exactly which incidents must come, and with which final count."""

import random
import threading
import time
from collections import Counter

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import producer_settings

HOSTS = 40
ADDRESSES = 12
Group = tuple[str, str]
"""Host name and destination address: what tells the groups of these records apart."""

_encode = msgspec.json.Encoder().encode


def record(host: str, address: str, image: str, number: int) -> bytes:
    """Give one network connection; python's match the seed rule."""
    return _encode(
        {
            "EventID": 3,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": host,
            "Image": image,
            "Initiated": "true",
            "ProcessId": str(number),
            "SourceIsIpv6": "false",
            "SourceIp": "10.1.1.1",
            "DestinationIp": address,
            "DestinationPort": "443",
        }
    )


class Load:
    """Sends ``rate`` records a second for ``seconds``, one in five a match. ``truth`` is the count of each group."""

    def __init__(self, connection: Connection, topic: str, seed: int, rate: int, seconds: float) -> None:
        self.truth: Counter[Group] = Counter()
        self.sent = 0
        self.failed: list[str] = []
        self._random = random.Random(seed)
        self._topic = topic
        self._rate = rate
        self._seconds = seconds
        self._producer = Producer({**producer_settings(connection), "message.timeout.ms": 300_000, "log_level": 0})
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def finish(self, timeout: float = 120.0) -> None:
        """Wait until everything is acknowledged. Raises RuntimeError where the oracle cannot be trusted."""
        self._thread.join(self._seconds + timeout)
        if self._producer.flush(timeout) or self.failed:
            raise RuntimeError(f"the producer could not send everything: {self.failed[:3]}")

    @property
    def matches(self) -> int:
        """Matches sent."""
        return self.truth.total()

    def one_of_each(self) -> None:
        """Send one more match for every group that there is, and wait for the acknowledgements."""
        for group in sorted(self.truth):
            self._send(*group, r"C:\Python311\python.exe")
        self.finish()

    def _run(self) -> None:
        began = time.monotonic()
        while self.sent < self._rate * self._seconds:
            due = min(int(self._rate * self._seconds), int((time.monotonic() - began) * self._rate))
            for _ in range(self.sent, due):
                self._send_any()
            self._producer.poll(0.01)

    def _send_any(self) -> None:
        host = f"host-{self._random.randrange(HOSTS)}"
        address = f"203.0.113.{self._random.randrange(ADDRESSES)}"
        python = self._random.random() < 0.2
        self._send(host, address, r"C:\Python311\python.exe" if python else r"C:\Windows\explorer.exe")

    def _send(self, host: str, address: str, image: str) -> None:
        if "python" in image:
            self.truth[host, address] += 1
        self._producer.produce(self._topic, record(host, address, image, self.sent), host, on_delivery=self._delivered)
        self.sent += 1

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self.failed.append(error.str())
