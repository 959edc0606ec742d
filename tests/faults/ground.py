"""The brokers that runs stand on: one with a slow second way in, or three that replicate."""

from collections.abc import Sequence
from pathlib import Path

from stream_app.kafka.connection import Connection
from stream_app.kafka.local import LocalBroker, Node, free_ports
from tests.faults.proxy import Proxy

ROUND_TRIP = 0.008
"""Seconds that the slow way in adds."""


class Ground:
    """Running brokers. ``slow`` is the way through the proxy; a cluster has none."""

    def __init__(
        self, brokers: Sequence[LocalBroker], slow: Connection | None = None, proxy: Proxy | None = None
    ) -> None:
        self.brokers = brokers
        self.connection = Connection(bootstrap_servers=",".join(broker.bootstrap_servers for broker in brokers))
        self.slow = slow or self.connection
        self._proxy = proxy

    def start(self) -> None:
        """Start all; a cluster answers only when most of it runs."""
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait()

    def stop(self) -> None:
        """Stop all."""
        for broker in self.brokers:
            broker.kill()
        if self._proxy is not None:
            self._proxy.close()


def single(folder: Path) -> Ground:
    """Give one broker with a second listener that is reached through a proxy that delays."""
    near, far = free_ports(2)
    node = Node(1)
    broker = LocalBroker(
        folder,
        node=node,
        config={
            "listeners": f"PLAINTEXT://127.0.0.1:{node.port},SLOW://127.0.0.1:{near},"
            f"CONTROLLER://127.0.0.1:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{node.port},SLOW://127.0.0.1:{far}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SLOW:PLAINTEXT,CONTROLLER:PLAINTEXT",
        },
    )
    slow = Connection(bootstrap_servers=f"127.0.0.1:{far}")
    return Ground([broker], slow, Proxy(far, near, ROUND_TRIP / 2))


def cluster(folder: Path) -> Ground:
    """Give three brokers, whose leaders move back within seconds after a broker has come back."""
    nodes = [Node(number) for number in (1, 2, 3)]
    config = {"leader.imbalance.check.interval.seconds": "3", "leader.imbalance.per.broker.percentage": "0"}
    return Ground([LocalBroker(folder / str(node.node_id), node=node, cluster=nodes, config=config) for node in nodes])
