"""Security on a real Apache Kafka with its authoriser on: who may come in, what each role needs, and what is said."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from shutil import copytree

import pytest
from confluent_kafka.admin import AclBindingFilter, AdminClient, ResourcePatternType

from stream_app.kafka.acls import Right, of_role, rights
from stream_app.kafka.admin import KafkaUnavailable, admin_client
from stream_app.kafka.connection import Connection
from stream_app.kafka.failure import EXIT_STATUS
from stream_app.kafka.local import free_ports
from stream_app.kafka.producing import produce
from stream_app.kafka.rights import RightsMissing, binding, check_rights, grant
from stream_app.kafka.topics import TOOLS, WORKER, Names, declare
from stream_app.kafka.watchlists import entries_on
from stream_app.service.settings import PREFIX
from tests.brokers import everything, fresh_topics, settings_of
from tests.corpus import RULES, SEED, corpus, records, seed_rules
from tests.guarded import CLIENT_SECRET, KEY_PASSWORD, PASSWORD, Guarded, guarded
from tests.workers import WorkerProcess

PATIENCE = 60.0
SEED_ID = "PH_Rule_SIGMA_1774"
SOON = 600_000
"""Milliseconds: Kafka takes no record of a time that is far ahead."""
UNREADABLE = (None, b"no record of anything", None)
WEB_TOKEN = "what the web port asks for"  # noqa: S105 - made up
SECRETS = (PASSWORD, KEY_PASSWORD, CLIENT_SECRET, WEB_TOKEN)
VALUES = ("ws-014", "203.0.113", "python")
"""Parts of the records that are sent, which only topics show."""
LISTS = ("office-child-connects", "watched-host-run-key", SEED.name)
"""Rules that fill and read a watch list, and the seed."""
AUDITED = re.compile(
    r"Principal = User:(\S+) is (Allowed|Denied) operation = (\w+) .* on resource = (\w+):LITERAL:(\S+)"
)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give a broker that asks who comes."""
    with guarded(tmp_path_factory.mktemp("guarded")) as kafka:
        yield kafka


@pytest.fixture
def inside(kafka: Guarded) -> Connection:
    """Give the way in of whoever sets a test up: a super user, without TLS or a password."""
    return Connection(bootstrap_servers=kafka.broker.bootstrap_servers)


def named(mechanism: str, user: str) -> dict[str, str]:
    """Give the settings of a user with a password."""
    return {"sasl_mechanism": mechanism, "sasl_username": user, "sasl_password": PASSWORD}


WAYS: dict[str, Callable[[Guarded], dict[str, str]]] = {
    "plain": lambda kafka: kafka.at("SASL") | named("PLAIN", "plain"),
    "scram256": lambda kafka: kafka.at("SASLTLS") | named("SCRAM-SHA-256", "scram256"),
    "scram512": lambda kafka: kafka.at("SASLTLS") | named("SCRAM-SHA-512", "scram512"),
    "oauth": lambda kafka: kafka.at("SASLTLS") | kafka.token("oauth"),
    "mutual": lambda kafka: kafka.at("MUTUAL") | kafka.certificate("mutual"),
}
"""By the name that the broker knows the client by."""


def of_worker(names: Names, *, processes: int = 0) -> tuple[Right, ...]:
    """Give the rights of a worker with those topics."""
    return of_role(rights(declare(names, processes=processes), names.app_id), WORKER)


def until(true: Callable[[], object], why: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


def play(connection: Connection, names: Names, *rules: str) -> None:
    """Send the records of these rules' shorter cases as received now, and one that is none."""
    now = int(time.time() * 1000)
    known = [case for folder, case in corpus() if folder.name in rules]
    cases = [case for case in known if max(event.at_ms for event in case.events) < SOON]
    produce(connection, names.sysmon, [*(each for case in cases for each in records(case, now)), UNREADABLE])


def incidents(connection: Connection, names: Names, worker: WorkerProcess, more_than: int = 0) -> int:
    """Wait until there are more incident records than that; gives how many."""
    found = 0

    def come() -> bool:
        nonlocal found
        assert worker.alive, worker.said()
        found = len(everything(connection, names.incidents))
        return found > more_than

    until(come, worker.said)
    return found


def listening(pid: int) -> set[tuple[str, int]]:
    """Give the addresses and ports on which a process listens."""
    links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]
    mine = {each[8:-1] for each in links if each.startswith("socket:[")}
    found = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *rest = line.split()
        if state == "0A" and rest[5] in mine:
            address, port = local.split(":")
            found.add((".".join(str(each) for each in bytes.fromhex(address)[::-1]), int(port, 16)))
    return found


def asked(port: int, path: str, authorization: str = "") -> tuple[int, bytes]:
    """Ask a web port; gives status and body."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    client.request("GET", path, headers={"Authorization": authorization})
    answer = client.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("user", WAYS)
def test_a_worker_comes_in_and_makes_an_incident(tmp_path: Path, kafka: Guarded, inside: Connection, user: str) -> None:
    """By each way to log in: no secret is on the command line or in the log, and Faust's web listens nowhere."""
    names = fresh_topics(inside, f"way-{user}")
    grant(inside, f"User:{user}", of_worker(names))
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\n")
    settings = settings_of(inside, names) | WAYS[user](kafka)
    if settings.pop("sasl_password", ""):
        settings["sasl_password_file"] = str(secret)
    (port,) = free_ports(1)
    more = {"health_port": str(port), "web_token": WEB_TOKEN, "log_level": "info"}
    play(inside, names, SEED.name)
    with WorkerProcess(tmp_path, names.app_id, settings | more) as worker:
        incidents(inside, names, worker)
        process = Path(f"/proc/{worker.process.pid}")
        assert [] == [each for each in SECRETS if each in process.joinpath("cmdline").read_text() + worker.said()]
        assert {("127.0.0.1", port)} == listening(worker.process.pid)
        assert [(200, b""), (401, b"")] == [asked(port, path) for path in ("/live", "/metrics")]
        _, report = asked(port, "/ready", f"Bearer {WEB_TOKEN}")
        assert b'"partitions"' in report
        assert [] == [each for each in (*SECRETS, *VALUES) if each.encode() in report]


WRONG: dict[str, tuple[Callable[[Guarded], dict[str, str]], tuple[str, ...]]] = {
    "password": (
        lambda kafka: kafka.at("SASL") | named("PLAIN", "plain") | {"sasl_password": "hunter2"},
        ("Invalid username or password", "STREAM_APP_SASL_PASSWORD", "=PLAIN"),
    ),
    "mechanism": (
        lambda kafka: kafka.at("SASLTLS") | named("SCRAM-SHA-512", "scram256"),
        ("invalid credentials", "is it a user of STREAM_APP_SASL_MECHANISM=SCRAM-SHA-512?"),
    ),
    "client secret": (
        lambda kafka: kafka.at("SASLTLS") | kafka.token() | {"oauth_client_secret": "hunter2"},
        ("no such client", "STREAM_APP_OAUTH_CLIENT_SECRET"),
    ),
    "token endpoint": (
        lambda kafka: kafka.at("SASLTLS") | kafka.token() | {"oauth_token_url": "http://127.0.0.1:1/token"},
        ("STREAM_APP_OAUTH_TOKEN_URL",),
    ),
    "client certificate ran out": (
        lambda kafka: kafka.at("MUTUAL") | kafka.certificate("late"),
        ("late.crt ran out on ", "renew that file (STREAM_APP_SSL_CERTIFICATE_LOCATION)"),
    ),
    "client certificate of another authority": (
        lambda kafka: kafka.at("MUTUAL") | kafka.certificate("alien"),
        ("does not take the certificate", "alien.crt", "STREAM_APP_SSL_CERTIFICATE_LOCATION"),
    ),
    "no client certificate": (
        lambda kafka: kafka.at("MUTUAL"),
        ("asks for a certificate of this client", "set STREAM_APP_SSL_CERTIFICATE_LOCATION"),
    ),
    "broker's certificate ran out": (
        lambda kafka: kafka.at("EXPIRED"),
        ("ran out on ", "must be renewed on the broker"),
    ),
    "broker's certificate of another host": (
        lambda kafka: kafka.at("ELSEWHERE"),
        ("not made out to '127.0.0.1' but to kafka.elsewhere.example", "STREAM_APP_BOOTSTRAP_SERVERS"),
    ),
    "broker's certificate of another authority": (
        lambda kafka: kafka.at("TLS") | {"ssl_ca_location": str(kafka.folder / "stranger.pem")},
        ("signed by no authority in ", "stranger.pem", "STREAM_APP_SSL_CA_LOCATION"),
    ),
    "TLS to a port without": (
        lambda kafka: kafka.at("SASL") | named("PLAIN", "plain") | {"security_protocol": "SASL_SSL"},
        ("does not speak TLS", "STREAM_APP_SECURITY_PROTOCOL"),
    ),
    "a port of TLS without": (
        lambda kafka: {"bootstrap_servers": kafka.at("TLS")["bootstrap_servers"]},
        ("STREAM_APP_SECURITY_PROTOCOL",),
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_stands_between_is_named(kafka: Guarded, what: str) -> None:
    """The error says what is wrong and which setting to look at, within the time that it was given, without secrets."""
    settings, expected = WRONG[what]
    began = time.monotonic()
    with pytest.raises(KafkaUnavailable) as caught:
        admin_client(Connection(**settings(kafka)), timeout=1.0)
    said = str(caught.value)
    assert [] == [each for each in expected if each not in said], said
    assert [] == [each for each in (*SECRETS, "hunter2") if each in said]
    assert time.monotonic() - began < 15


def test_a_worker_that_is_not_let_in_says_so_and_tries_again(tmp_path: Path, kafka: Guarded) -> None:
    """It says it once, in a line, does not end, and comes in when the password is put right."""
    settings = WRONG["password"][0](kafka)
    with WorkerProcess(tmp_path, "refused", settings) as worker:
        until(lambda: "Trying again" in worker.said(), worker.said)
        assert worker.alive
        assert 1 == len(worker.said().splitlines())
        assert "Traceback" not in worker.said()
        assert "hunter2" not in worker.said()


def command(settings: Mapping[str, str], *words: str) -> "subprocess.Popen[str]":
    """Start a command of ours."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    environment = clean | {f"{PREFIX}{name.upper()}": text for name, text in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "stream_app", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(settings: Mapping[str, str], *words: str) -> tuple[int, str]:
    """Run a command; gives its status and all that it said."""
    process = command(settings, *words)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out + err


def ended_with(settings: Mapping[str, str], text: str, *words: str) -> tuple[int, bool]:
    """Run a command; gives its status and whether it said the text."""
    status, said = ended(settings, *words)
    return status, text in said


def test_files_that_cannot_be_used_are_refused(kafka: Guarded) -> None:
    """A worker does not wait for what does not mend itself: status 2, one line, and not the password."""
    settings = kafka.at("MUTUAL") | kafka.certificate() | {"ssl_key_password": "hunter2", "rules": str(SEED.parent)}
    status, said = ended(settings, "worker")
    assert (2, 1) == (status, len(said.splitlines())), said
    assert said.startswith("stream-app: STREAM_APP_SSL_KEY_PASSWORD does not open the key in ")
    assert "hunter2" not in said


def audited(kafka: Guarded, user: str, since: int) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    """Give what the broker allowed and denied that user from that place of its log on: resource, name, operation."""
    found: dict[str, set[tuple[str, str, str]]] = {"Allowed": set(), "Denied": set()}
    with (kafka.broker.folder / "kafka.log").open(errors="replace") as log:
        log.seek(since)
        for match in map(AUDITED.search, log):
            if match and match[1] == user:
                found[match[2]].add((match[4].lower(), match[5], match[3]))
    return found["Allowed"], found["Denied"]


def log_end(kafka: Guarded) -> int:
    """Give where the broker's log ends now."""
    return (kafka.broker.folder / "kafka.log").stat().st_size


def triples(wanted: Sequence[Right]) -> set[tuple[str, str, str]]:
    """Give rights as the audit has them."""
    return {(right.resource, right.name, right.operation) for right in wanted}


def without_implied(used: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Leave out DESCRIBE where the resource was read or written too: whoever may do that may describe."""
    more = {(resource, name) for resource, name, operation in used if operation in {"READ", "WRITE"}}
    return {each for each in used if each[2] != "DESCRIBE" or each[:2] not in more}


@pytest.fixture(scope="module")
def full(kafka: Guarded, tmp_path_factory: pytest.TempPathFactory) -> tuple[Names, dict[str, str], tuple[Right, ...]]:
    """Give the topics, settings and rights of a worker that uses all that there is, logged in as ``scram512``."""
    inside = Connection(bootstrap_servers=kafka.broker.bootstrap_servers)
    names = fresh_topics(inside, "rights", processes=4)
    wanted = of_worker(names, processes=4)
    grant(inside, "User:scram512", wanted)
    rules = tmp_path_factory.mktemp("rules")
    for name in LISTS:
        copytree(RULES / name, rules / name)
    seed = (SEED / f"{SEED.name}.toml").read_text()
    (rules / "in-shadow").mkdir()
    (rules / "in-shadow" / "in-shadow.toml").write_text(f"shadow = true\n{seed.replace(SEED_ID, 'IN_SHADOW')}")
    status, said = ended(settings_of(inside, names) | {"rules": str(rules)}, "rules", "publish")
    assert 0 == status, said
    more = {"process_context": "true", "instance_id": "one", "rules_from": "topic", "log_level": "info"}
    return names, settings_of(inside, names) | WAYS["scram512"](kafka) | more, wanted


Full = tuple[Names, dict[str, str], tuple[Right, ...]]


def test_a_worker_needs_exactly_its_rights(tmp_path: Path, kafka: Guarded, inside: Connection, full: Full) -> None:
    """With them it reads, fills lists, rejects, recovers and goes on after a restart; it uses each, and no other."""
    names, settings, wanted = full
    since = log_end(kafka)
    play(inside, names, *LISTS)
    with WorkerProcess(tmp_path, names.app_id, settings) as worker:
        first = incidents(inside, names, worker)
        until(lambda: entries_on(inside, names.watchlists), worker.said)
        until(lambda: everything(inside, names.rejected), worker.said)
        until(lambda: everything(inside, names.processes), worker.said)
        until(lambda: everything(inside, names.shadow), worker.said)
        until(lambda: everything(inside, names.status), worker.said)
        assert 0 == worker.terminate(), worker.said()
        worker.restart()
        play(inside, names, SEED.name)
        incidents(inside, names, worker, first)
    allowed, denied = audited(kafka, "scram512", since)
    assert set() == denied
    assert triples(wanted) == without_implied({each for each in allowed if names.app_id in each[1]})


def take(inside: Connection, principal: str, right: Right) -> None:
    """Take a right away."""
    client = AdminClient({**inside.librdkafka()})
    acl = binding(principal, right)
    which = AclBindingFilter(
        acl.restype, acl.name, ResourcePatternType.LITERAL, acl.principal, acl.host, acl.operation, acl.permission_type
    )
    for done in client.delete_acls([which], request_timeout=10).values():
        assert 1 == len(done.result())


def said_of(connection: Connection, wanted: Sequence[Right]) -> str:
    """Give what a worker would say at its start; nothing where it may do all."""
    try:
        check_rights(connection, wanted)
    except RightsMissing as missing:
        return str(missing)
    return ""


def hidden_by(gone: Right, wanted: Sequence[Right]) -> list[Right]:
    """Give what else a broker does not show of a topic that may be neither read nor written any more."""
    left = [each for each in wanted if each.name == gone.name and each != gone]
    return [] if {"READ", "WRITE"} & {each.operation for each in left} else left


def test_each_right_that_is_missing_is_named(kafka: Guarded, inside: Connection, full: Full) -> None:
    """Taken away one by one, each is what the worker's check at its start names, alone, with how it is given."""
    _, _, wanted = full
    connection = Connection(**WAYS["scram512"](kafka))
    until(lambda: not said_of(connection, wanted), lambda: said_of(connection, wanted))
    for right in wanted:
        take(inside, "User:scram512", right)
        until(lambda: said_of(connection, wanted), lambda right=right: right)
        named = [each for each in wanted if each == right or each in hidden_by(right, wanted)]
        lines = "".join(f"  {each.operation} on {each.resource} {each.name} ({each.why})\n" for each in named)
        expected = (
            f"the broker denies rights that are needed:\n{lines}"
            "an administrator gives such rights with "
            "`stream-app topics acls --role worker --principal 'User:scram512' --apply`"
        )
        assert expected == said_of(connection, wanted)
        grant(inside, "User:scram512", [right])
        until(lambda: not said_of(connection, wanted), lambda right=right: right)


def test_a_worker_without_rights_does_not_start(kafka: Guarded, full: Full) -> None:
    """Status 1, and all that is missing at once: it has taken no partition from anybody."""
    _, settings, wanted = full
    status, said = ended(settings | WAYS["scram256"](kafka), "worker")
    assert 1 == status
    assert "Traceback" not in said
    expected = {f"  {each.operation} on {each.resource} {each.name} " for each in wanted}
    assert set() == {each for each in expected if each not in said}, said
    assert len(expected) == said.count(" on topic ") + said.count(" on group "), said


@pytest.mark.parametrize("kind", ["write incidents", "read group"])
def test_a_right_taken_from_a_running_worker_ends_it(
    tmp_path: Path, kafka: Guarded, inside: Connection, kind: str
) -> None:
    """It ends with the status of a failure, and its log names the resource and what to do."""
    names = fresh_topics(inside, f"taken-{kind.replace(' ', '-')}")
    wanted = of_worker(names)
    grant(inside, "User:plain", wanted)
    settings = settings_of(inside, names) | WAYS["plain"](kafka)
    operation, _, of = kind.partition(" ")
    name = {"incidents": names.incidents, "group": names.app_id}[of]
    play(inside, names, SEED.name)
    with WorkerProcess(tmp_path, names.app_id, settings) as worker:
        incidents(inside, names, worker)
        (gone,) = (each for each in wanted if (each.name, each.operation) == (name, operation.upper()))
        take(inside, "User:plain", gone)
        play(inside, names, SEED.name)
        assert EXIT_STATUS == worker.process.wait(PATIENCE), worker.said()
        ends = [line for line in worker.said().splitlines() if "the worker ends" in line]
        assert 1 == len(ends), worker.said()
        assert f"{gone.operation} on {gone.resource} {name}" in ends[0]
        assert "stream-app topics acls" in ends[0]


def lag_known(port: int) -> bool:
    """Whether the console was told by Kafka how far the workers are."""
    try:
        return b'"tools-sysmon":{"0":' in asked(port, "/api/figures")[1]
    except OSError:  # it does not listen yet
        return False


def test_the_other_commands_need_exactly_theirs(tmp_path: Path, kafka: Guarded, inside: Connection) -> None:
    """Topics are made, shown, filled and read with the rights of tools, and no other right is asked for."""
    own = {each: f"tools-{each}" for each in ("sysmon", "incidents", "rejected", "shadow")}
    names = Names(app_id="tools", **own)
    settings = settings_of(inside, names) | WAYS["plain"](kafka)
    administrator = settings_of(inside, names)
    arguments = ("topics", "acls", "--role", TOOLS, "--principal", "User:plain", "--apply")
    assert 0 == ended(administrator, *arguments)[0]
    wanted = of_role(rights(declare(names), names.app_id), TOOLS)
    since = log_end(kafka)
    capture = tmp_path / "one.jsonl"
    capture.write_bytes(next(records(case, 0) for folder, case in corpus() if folder == SEED)[0][1] + b"\n")
    until(lambda: ended(settings, "topics", "create")[0] == 0, lambda: "no topics")
    for topic in (names.incidents, names.rejected, names.shadow):
        produce(inside, topic, [(None, b"{}", None)])
    (port,) = free_ports(1)
    page = {"console_port": str(port), "rules": str(SEED.parent)}
    rules = {"rules": str(seed_rules(tmp_path / "rules"))}
    assert 0 == ended(settings | rules, "rules", "publish")[0]
    assert 1 == ended(settings, "rules", "status")[0]  # no worker runs
    following = [command(settings, *words) for words in (("incidents", "--all", "--json"), ("rejected", "--all"))]
    following.append(command(settings | page, "console"))
    ending = [command(settings, *words) for words in (("topics", "show"), ("produce", str(capture)), ("watchlist",))]
    assert [0, 0, 0] == [process.wait(PATIENCE) for process in ending]
    assert (0, True) == ended_with(settings, "1 record", "replay", "--topic", names.sysmon)
    shadow = {"incidents_topic": names.shadow, "shadow_topic": names.incidents}
    following.append(command(settings | shadow, "incidents", "--all", "--json"))
    streams = (following[0].stdout, following[1].stderr, following[3].stdout)
    assert [True, True, True] == [bool(stream and stream.readline()) for stream in streams]
    until(lambda: lag_known(port), following[2].poll)
    for process in following:
        process.send_signal(signal.SIGINT)
    for process in (*following, *ending):
        process.communicate(timeout=PATIENCE)
    allowed, denied = audited(kafka, "plain", since)
    assert set() == {each for each in denied if names.app_id in each[1]}
    assert triples(wanted) == without_implied({each for each in allowed if names.app_id in each[1]})
