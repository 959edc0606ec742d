"""``stream-app doctor`` on a real Kafka: nothing to say of a good one, and each thing that is wrong named."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from confluent_kafka import TIMESTAMP_CREATE_TIME
from confluent_kafka.admin import AdminClient

from stream_app.kafka.acls import of_role, rights
from stream_app.kafka.admin import add_partitions
from stream_app.kafka.connection import Connection
from stream_app.kafka.finding import Finding
from stream_app.kafka.group import commit_for
from stream_app.kafka.producing import produce
from stream_app.kafka.publishing import publish
from stream_app.kafka.reachability import certificates, limits
from stream_app.kafka.rights import grant
from stream_app.kafka.rulesets import manifest_of
from stream_app.kafka.topics import OPERATOR, WORKER, Names, declare
from stream_app.rulebook.ruleset import RuleSet, read_set
from stream_app.service.doctor import examine
from tests.brokers import configure, everything, fresh_topics, settings_of
from tests.corpus import seed_rules
from tests.guarded import PASSWORD, guarded
from tests.system.test_operations import run
from tests.system.test_stream_time import until

CLOSED = "127.0.0.1:1"


def found(settings: dict[str, str], tmp_path: Path, *, write: bool = False, role: str = WORKER) -> list[Finding]:
    """Give all findings, in the order in which they were made."""
    rules = settings.get("rules") or str(seed_rules(tmp_path / "seed"))
    own = {"rules": rules, "console_port": "0"}
    environ = {f"STREAM_APP_{key.upper()}": value for key, value in (settings | own).items()}
    return list(examine(environ, write=write, step=lambda _what: None, role=role))


def wrongs(findings: list[Finding]) -> dict[str, str]:
    """Give what is wrong or to be thought about, by what it is about."""
    return {each.about: each.says for each in findings if each.level != "ok"}


ALONE = {
    "brokers": "1 broker; with STREAM_APP_REPLICATION=1",
    "auto": "auto.create.topics.enable=true",
}
"""What is to be said of every Kafka that a test has."""


def unexpected(findings: list[Finding]) -> list[Finding]:
    """Leave out what is good, and what holds for a single broker."""
    return [
        each
        for each in findings
        if each.level != "ok" and not any(expected in each.says for expected in ALONE.values())
    ]


@pytest.fixture
def names(connection: Connection, request: pytest.FixtureRequest) -> Names:
    """Give the topics of an app of the test's own."""
    return fresh_topics(connection, f"doctor-{abs(hash(request.node.name)) % 10**8}")


def test_a_good_kafka_has_no_error(tmp_path: Path, connection: Connection, names: Names) -> None:
    """Servers, log-in, topics, rights, group and clock: all are looked at, and none is wrong."""
    findings = found(settings_of(connection, names), tmp_path)
    assert [] == unexpected(findings)
    looked = {each.about for each in findings}
    assert {"settings", "rules", "log in", "rights", "clock", names.sysmon, f"group {names.app_id}"} <= looked


def test_the_clock_is_compared_by_a_record_that_changes_nothing(
    tmp_path: Path, connection: Connection, names: Names
) -> None:
    """With leave to write, progress that speaks of nothing lies on the matches topic, and the difference is told."""
    findings = found(settings_of(connection, names), tmp_path, write=True)
    (clock,) = [each for each in findings if each.about == "clock"]
    assert ("ok", True) == (clock.level, "give or take" in clock.says)
    assert [b"\x93\x01\x00\x90"] * 2 == [each.value() for each in everything(connection, names.matches)]


def test_settings_and_rules_that_are_wrong_are_findings(tmp_path: Path) -> None:
    """Every mistake in the settings is a line; a rule's mistake stands with its place."""
    (first, second) = found({"partitions": "0", "bootstrap_servers": "nowhere"}, tmp_path)
    assert ("error", "error") == (first.level, second.level)
    broken = seed_rules(tmp_path / "broken")
    (file,) = broken.glob("*/windows-*.toml")
    file.write_text(file.read_text().replace("eventType", "eventTyp"))
    said = wrongs(found({"rules": str(broken), "bootstrap_servers": CLOSED}, tmp_path))
    assert "did you mean 'eventType'" in said["rules"]


def test_published_rules_are_looked_at_where_workers_read_them(
    tmp_path: Path, connection: Connection, names: Names
) -> None:
    """A folder is not asked for; that nothing was published is an error, and so is a set that cannot run."""
    settings = settings_of(connection, names) | {"rules_from": "topic", "rules": str(tmp_path / "nowhere")}
    assert "no rules were published" in wrongs(found(settings, tmp_path))["rules"]
    rules = read_set(seed_rules(tmp_path / "seed"))
    publish(connection, names.rules, rules, manifest_of(rules, published_at=1, by="", message=""))
    assert [] == unexpected(found(settings, tmp_path))
    wrong = RuleSet({"a/a.toml": b"id"})
    publish(connection, names.rules, wrong, manifest_of(wrong, published_at=2, by="", message=""))
    said = wrongs(found(settings, tmp_path))["rules"]
    assert said.startswith(f"what was published last cannot run: {wrong.id}: rules/a/a.toml:1:")


def test_names_and_ports_that_do_not_answer_are_told_apart(tmp_path: Path) -> None:
    """A name that nobody knows is one thing, a port on which nobody listens another."""
    said = wrongs(found({"bootstrap_servers": f"no-such-host.invalid:9092,{CLOSED}"}, tmp_path))
    assert "is not known here" in said["no-such-host.invalid:9092"]
    assert "no connection" in said[CLOSED]


@pytest.fixture
def tls_port() -> Iterator[int]:
    """Listen on a port where TLS is spoken, and nothing else."""
    context = trustme.CA().issue_cert("127.0.0.1")
    server = socket.create_server(("127.0.0.1", 0))
    spoken = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.configure_cert(spoken)

    def serve() -> None:
        while True:
            try:
                raw, _ = server.accept()
            except OSError:
                return
            raw.settimeout(2)
            try:
                spoken.wrap_socket(raw, server_side=True).close()
            except OSError:
                raw.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


def test_plain_text_to_a_port_with_tls_is_named(tmp_path: Path, tls_port: int) -> None:
    """The port answers, nobody logs in: TLS is what is spoken there."""
    server = f"127.0.0.1:{tls_port}"
    said = found({"bootstrap_servers": server}, tmp_path)
    (tls,) = [each for each in said if "TLS is spoken on this port" in each.says]
    assert ("error", "STREAM_APP_SECURITY_PROTOCOL=SSL") == (tls.level, tls.do)


def test_until_when_certificates_hold_is_said(tls_port: int) -> None:
    """The server's has years, or days, or none left, by the day on which it is looked at."""
    connection = Connection(bootstrap_servers=f"127.0.0.1:{tls_port}", security_protocol="SSL")
    (held,) = certificates(connection)
    until = datetime.strptime(held.says.removeprefix("it holds until "), "%Y-%m-%d %H:%MZ").replace(tzinfo=UTC)
    levels = [each.level for days in (90, 20, -1) for each in certificates(connection, until - timedelta(days=days))]
    assert ["ok", "warning", "error"] == levels


def test_tls_to_a_port_without_is_named(tmp_path: Path, connection: Connection) -> None:
    """The other way round."""
    settings = {"bootstrap_servers": connection.bootstrap_servers, "security_protocol": "SSL"}
    said = wrongs(found(settings, tmp_path))
    assert "does not speak TLS" in said["log in"]


def test_topics_that_are_missing_are_named_and_how_they_are_made(tmp_path: Path, connection: Connection) -> None:
    """An empty cluster: one line with all of them."""
    findings = found({"bootstrap_servers": connection.bootstrap_servers, "app_id": "never-made"}, tmp_path)
    (missing,) = [each for each in findings if each.about == "topics"]
    assert ("error", "stream-app topics create") == (missing.level, missing.do)
    assert "never-made-matches" in missing.says


def test_each_setting_of_a_topic_that_does_harm_is_named(tmp_path: Path, connection: Connection, names: Names) -> None:
    """Sizes, copies in sync, retention, cleanup, stamps and partitions, all at once."""
    configure(connection, names.incidents, max_message_bytes="50000")
    configure(connection, names.rejected, min_insync_replicas="2")
    configure(connection, names.sysmon, retention_ms="600000")
    configure(connection, names.changelog, cleanup_policy="delete")
    configure(connection, names.matches, message_timestamp_type="CreateTime")
    add_partitions(AdminClient({**connection.librdkafka()}), names.matches, 6)
    findings = found(settings_of(connection, names), tmp_path)
    said = {(each.level, each.about, each.says.split(":")[0]) for each in unexpected(findings)}
    assert {
        ("error", names.incidents, "max.message.bytes=50000"),
        ("error", names.rejected, "min.insync.replicas=2 with 1 copy"),
        ("warning", names.sysmon, "records are kept 0.2 hours; the longest window and lateness together are 0.2 hours"),
        ("error", names.changelog, "cleanup.policy=delete, compact is wanted"),
        ("warning", names.matches, "message.timestamp.type is not LogAppendTime"),
        ("error", names.matches, "6 partitions, STREAM_APP_PARTITIONS is 4"),
        ("error", names.changelog, f"4 partitions, {names.matches} has 6, which somebody gave it by hand"),
    } <= {(level, about, says[:100].split(", so")[0]) for level, about, says in said}


def test_a_grow_that_was_broken_off_is_named(tmp_path: Path, connection: Connection, names: Names) -> None:
    """The changelog has its partitions, matches has not: the same command finishes it, whatever the setting says."""
    add_partitions(AdminClient({**connection.librdkafka()}), names.changelog, 8)
    for partitions in (4, 8):
        (said,) = unexpected(found(settings_of(connection, names, partitions), tmp_path))
        assert (names.changelog, "stream-app topics grow --partitions 8") == (said.about, said.do)


def test_too_few_brokers_and_a_session_that_they_do_not_take(
    tmp_path: Path, connection: Connection, names: Names
) -> None:
    """Three copies on one broker; a session below what brokers allow; copies that are smaller than records."""
    said = found(settings_of(connection, names) | {"replication": "3"}, tmp_path)
    assert [("error", "STREAM_APP_REPLICATION=3 needs as many brokers")] == [
        (each.level, each.do) for each in said if each.about == "brokers" and "1 broker" in each.says
    ]
    have = {"group.min.session.timeout.ms": "6000", "group.max.session.timeout.ms": "1800000"}
    sizes = {"message.max.bytes": "5000000", "replica.fetch.max.bytes": "1048576"}
    (session, copies) = limits({**have, **sizes}, 2)
    assert ("error", True) == (session.level, "STREAM_APP_SESSION_TIMEOUT_S is 2" in session.says)
    assert ("warning", "raise replica.fetch.max.bytes") == (copies.level, copies.do)
    assert [] == list(limits({**have, "message.max.bytes": "1048588", "replica.fetch.max.bytes": "1048576"}, 6))


def test_offsets_past_the_end_are_named(tmp_path: Path, connection: Connection, names: Names) -> None:
    """A topic that was made anew under a group that had read the old one."""
    client = AdminClient({**connection.librdkafka()})
    commit_for(client, names.app_id, names.sysmon, {0: 5, 1: 0})
    said = wrongs(found(settings_of(connection, names), tmp_path))
    assert "partition 0: what is committed lies past the end" in said[f"group {names.app_id} on {names.sysmon}"]


def test_a_stamp_from_the_future_is_named(tmp_path: Path, connection: Connection, names: Names) -> None:
    """Without leave to write: a record that lies there was stamped later than now."""
    configure(connection, names.matches, message_timestamp_type="CreateTime")

    def stamped() -> bool:  # the broker takes a moment to leave that to the producer
        produce(connection, names.matches, [(b"k", b"v", int(time.time() * 1000) + 30_000)])
        return any(each.timestamp()[0] == TIMESTAMP_CREATE_TIME for each in everything(connection, names.matches))

    until(stamped, "the broker goes on to stamp records itself")
    (clock,) = [each for each in found(settings_of(connection, names), tmp_path) if each.about == "clock"]
    assert ("warning", True) == (clock.level, "ahead of ours" in clock.says)


def test_what_the_machine_lacks_is_named(tmp_path: Path, connection: Connection, names: Names) -> None:
    """A folder that cannot be one, and a port that is taken."""
    (tmp_path / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = settings_of(connection, names) | {
            "store": "rocksdb",
            "data_dir": str(tmp_path / "file"),
            "health_port": str(port),
        }
        said = wrongs(found(settings, tmp_path))
    assert "cannot be written to" in said["data"]
    assert "STREAM_APP_HEALTH_PORT" in said[f"port {port}"]


def test_the_command_says_it_in_lines_and_in_json(tmp_path: Path) -> None:
    """Status 1 with an error; a line each, with what to do; the same as objects."""
    settings = {"bootstrap_servers": CLOSED, "rules": str(seed_rules(tmp_path / "seed"))}
    text, objects = run(settings, "doctor"), run(settings, "doctor", "--json")
    assert (1, 1) == (text.returncode, objects.returncode)
    assert f"error   {CLOSED}: no connection" in text.stdout
    assert '"level":"error"' in objects.stdout


def test_each_right_that_is_missing_is_named(tmp_path: Path) -> None:
    """A user without any is told all of them; with a worker's, nothing is wrong, and a wrong password is one."""
    with guarded(tmp_path) as kafka:
        inside = Connection(bootstrap_servers=kafka.broker.bootstrap_servers)
        names = fresh_topics(inside, "allowed")
        wanted = of_role(rights(declare(names), names.app_id), WORKER)
        login = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "scram512", "sasl_password": PASSWORD}
        settings = settings_of(inside, names) | kafka.at("SASL") | login
        missing = [each.says for each in found(settings, tmp_path) if each.about == "rights"]
        needed = [right for right in wanted if right.name not in {names.watchlists, names.rules}]
        assert len(needed) == len(missing)
        assert f"no right to READ group {names.app_id}" in missing[-1]
        grant(inside, "User:scram512", wanted)
        until(lambda: not [each for each in found(settings, tmp_path) if each.level == "error"], "something is wrong")
        missing = [each.says for each in found(settings, tmp_path, role=OPERATOR) if each.about == "rights"]
        altered = [f"ALTER topic {each}" for each in (names.sysmon, names.matches, names.changelog)]
        more = [*altered, f"WRITE topic {names.sysmon}", f"READ topic {names.rejected}"]
        assert sorted(more) == sorted(each.split(" (")[0].removeprefix("no right to ") for each in missing)
        grant(inside, "User:scram512", of_role(rights(declare(names), names.app_id), OPERATOR))
        untold = "a broker does not say whether it may WRITE transactional id allowed-replay"
        until(
            lambda: any(untold in each.says for each in found(settings, tmp_path, role=OPERATOR)),
            "a right of the operator is missing",
        )
        said = wrongs(found(settings | {"sasl_password": "another"}, tmp_path))
        assert "are STREAM_APP_SASL_USERNAME and STREAM_APP_SASL_PASSWORD right" in said["log in"]
        assert "another" not in said["log in"]
