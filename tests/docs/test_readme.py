"""What the README shows is what happens: its commands run, what it quotes is printed, its tables are the code's."""

import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from stream_app.cli.demo import SCENE
from stream_app.cli.topics import kept
from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.replay import replay
from stream_app.handoff.native import to_bytes
from stream_app.kafka.connection import Connection
from stream_app.kafka.local import LocalBroker
from stream_app.rulebook.load import load_rulebook
from stream_app.service import parts
from stream_app.service.settings import PREFIX, Settings, settings_table
from tests.brokers import real_kafka
from tests.corpus import BASE_MS, EVERY_CHANGE, corpus, projection, records, rule_of
from tests.workers import WorkerProcess

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)

RUN = {
    "make demo": "test_the_demo_prints_what_is_quoted, by the command that make runs",
    "make demo INPUT=records.jsonl": "test_replay_and_demo_of_a_file_agree, by the command that make runs",
    "stream-app replay records.jsonl": "test_replay_and_demo_of_a_file_agree",
    "stream-app replay --json records.jsonl": "test_replay_and_demo_of_a_file_agree",
    "export STREAM_APP_BOOTSTRAP_SERVERS=127.0.0.1:9092": "test_a_stranger_gets_to_incidents_on_kafka, at another port",
    "stream-app topics create": "test_a_stranger_gets_to_incidents_on_kafka",
    "stream-app worker": "test_a_stranger_gets_to_incidents_on_kafka",
    "stream-app produce records.jsonl": "test_a_stranger_gets_to_incidents_on_kafka",
    "stream-app incidents --all": "test_a_stranger_gets_to_incidents_on_kafka",
    "stream-app replay --topic sysmon --since 2026-01-01T00:00:00Z": "test_a_stranger_gets_to_incidents_on_kafka",
    "stream-app rules check": "test_the_rule_of_the_readme_is_read",
    "sed -n 14p records.jsonl | stream-app rules explain windows-python-initiated-connection --event -": (
        "test_an_explanation_is_what_is_quoted"
    ),
}
NOT_RUN = {
    "stream-app rules import export.xml pages/ -o rules": "its files are made up; test_rules_import.py",
    "make test": "it is what runs these tests",
    ". .venv/bin/activate": "the tests run inside it",
}


def blocks(language: str) -> list[str]:
    """Give the README's blocks of a language."""
    return [text for kind, text in BLOCKS if kind == language]


def table(heading: str) -> list[str]:
    """Give the rows of the table under a heading, without its own head."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def stream_app(*arguments: str, folder: Path = ROOT, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of ours."""
    environment = {f"{PREFIX}{name.upper()}": text for name, text in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "stream_app", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a folder such as the README's reader stands in: the rules, and a file of records."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    shutil.copy(SCENE, tmp_path / "records.jsonl")
    return tmp_path


def test_every_command_is_run_or_said_not_to_be() -> None:
    """Each line of each shell block is run by a test of this file, or has a reason not to be."""
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert sorted(commands) == sorted({**RUN, **NOT_RUN})
    tests = {name for name in globals() if name.startswith("test_")}
    assert {said.split(",")[0] for said in RUN.values()} <= tests


def test_make_runs_the_demo_that_is_tested() -> None:
    """The recipe of make demo is the command, with the file that is given."""
    makefile = (ROOT / "Makefile").read_text()
    assert '\t@$(BIN)/stream-app demo $(if $(INPUT),"$(INPUT)")\n' in makefile


def test_the_demo_prints_what_is_quoted() -> None:
    """The demo ends well, and prints the incident and the last line of the README, but for the seconds."""
    done = stream_app("demo")
    assert 0 == done.returncode, done.stderr
    incident, last = (block for block in blocks("text") if not block.startswith("stream-app:"))
    assert incident in done.stdout
    seconds = re.compile(r"[0-9.]+ s$")
    assert seconds.sub("", last.strip()) == seconds.sub("", done.stderr.strip().splitlines()[-1])


def test_replay_and_demo_of_a_file_agree(home: Path) -> None:
    """A user's file gives the same incident records without a broker and through a worker, byte for byte.

    The demo says every change; so does replay here.
    """
    readable = stream_app("replay", "records.jsonl", folder=home, update_interval_s="0")
    replayed = stream_app("replay", "--json", "records.jsonl", folder=home, update_interval_s="0")
    played = stream_app("demo", "--json", "records.jsonl", folder=home)
    assert [0, 0, 0] == [readable.returncode, replayed.returncode, played.returncode]
    assert 11 == len(replayed.stdout.splitlines()) == readable.stdout.count("revision")
    assert sorted(replayed.stdout.splitlines()) == sorted(played.stdout.splitlines())


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[LocalBroker]:
    """Give a running broker."""
    yield from real_kafka(tmp_path / "kafka")


def test_a_stranger_gets_to_incidents_on_kafka(home: Path, kafka: LocalBroker) -> None:
    """On a real Kafka: make the topics, start a worker, send the scene, and see its six incidents."""
    where = {"bootstrap_servers": kafka.bootstrap_servers}
    created = stream_app("topics", "create", folder=home, **where)
    assert (0, 9) == (created.returncode, created.stdout.count(": created\n")), created.stderr
    as_declared = stream_app("topics", "show", folder=home, **where)
    assert (0, 9) == (as_declared.returncode, as_declared.stdout.count("as declared")), as_declared.stdout
    with WorkerProcess(home, "worker", where | {"update_interval_s": "0"}) as worker:
        sent = stream_app("produce", "records.jsonl", folder=home, **where)
        assert sent.stdout.startswith("56 records sent to sysmon in "), sent.stderr
        following = subprocess.Popen(
            [sys.executable, "-m", "stream_app", "incidents", "--all", "--json"],
            cwd=home,
            env={f"{PREFIX}BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        assert following.stdout
        seen = [msgspec.json.decode(following.stdout.readline()) for _ in range(11)]
        following.send_signal(signal.SIGINT)
        assert (b"", 0) == (following.communicate(timeout=20)[0], following.returncode)
        asked = ("--topic", "sysmon", "--since", "2026-01-01T00:00:00Z")
        replayed = stream_app("replay", "--json", *asked, folder=home, update_interval_s="0", **where)
        assert 0 == worker.terminate(), worker.said()
    assert Counter(create=6, update=5) == Counter(incident["activity"] for incident in seen)
    assert {each["incidentId"] for each in seen} == {
        msgspec.json.decode(line)["incidentId"] for line in replayed.stdout.splitlines()
    }


def test_an_explanation_is_what_is_quoted(home: Path) -> None:
    """The command of the README, run by a shell, prints its block."""
    (command,) = (line for block in blocks("sh") for line in block.splitlines() if "rules explain" in line)
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("stream-app", f"{sys.executable} -m stream_app")],
        cwd=home,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ([done.stdout], "") == (blocks("console"), done.stderr)


def write_rule(home: Path) -> Path:
    """Write the README's rule and its cases where it says they belong; gives the rule's file."""
    rule, cases = blocks("toml")[:2]
    files = re.findall(r"`(rules/\S+\.toml)`", README)
    path: Path = home / files[0]
    path.parent.mkdir()
    path.write_text(rule)
    (home / files[1]).write_text(cases)
    return path


def test_the_rule_of_the_readme_is_read(home: Path) -> None:
    """The example is a rule with cases, and what it says of a misspelt attribute is printed."""
    path = write_rule(home)
    checked = stream_app("rules", "check", folder=home)
    assert (0, "") == (checked.returncode, checked.stderr)
    assert checked.stdout.startswith(f"rules: {len(list((ROOT / 'rules').glob('*/cases.toml'))) + 1} rules and ")
    path.write_text(path.read_text().replace("eventType", "eventTyp"))
    wrong = stream_app("rules", "check", folder=home)
    assert (2, blocks("text")[-1]) == (wrong.returncode, wrong.stderr)


def test_the_rule_of_the_readme_does_what_its_cases_say(home: Path) -> None:
    """The example's cases hold."""
    path = write_rule(home)
    rulebook = load_rulebook(home / "rules", EVERY_CHANGE)
    cases = [case for folder, case in corpus(home / "rules") if folder == path.parent]
    assert 2 == len(cases)
    rule = rule_of(path.parent, rulebook)
    for case in cases:
        given = [Record("sysmon", 0, at, time, value) for at, (_, value, time) in enumerate(records(case))]
        found = [msgspec.json.decode(to_bytes(each)) for each in replay(rulebook, given) if isinstance(each, Incident)]
        assert list(case.incidents) == [projection(each, BASE_MS, rule) for each in found]


def test_the_watch_list_of_the_readme_is_filled_and_read(home: Path) -> None:
    """The table stands behind the example's rule, and what is said to read it is read in another one."""
    path = write_rule(home)
    filled = path.read_text() + next(block for block in blocks("toml") if block.startswith("[[watch_list]]"))
    path.write_text(filled)
    (condition,) = re.findall(r"`([^`\n]* IN \(WatchList@[^`\n]*)`", README)
    reader = filled.partition("[[watch_list]]")[0].replace("LSASS_READ_OFTEN", "READER")
    reader = re.sub("query = .*", f"query = '{condition}'", reader)
    (home / "rules" / "reader").mkdir()
    (home / "rules" / "reader" / "reader.toml").write_text(reader)
    checked = stream_app("rules", "check", folder=home)
    assert (0, True) == (checked.returncode, "read, 2 watch lists, nothing wrong" in checked.stdout), checked.stderr
    assert "what is on a watch list is not known before" in checked.stderr


def test_the_settings_are_those_of_the_code() -> None:
    """The README's table has a row for each setting, with its default and its meaning."""
    expected = [
        f"| `{row.variable}` | {f'`{row.default}`' if row.default else ''} | {row.description} | {row.allowed} |"
        for row in settings_table()
    ]
    assert expected == table("Settings")


def test_the_topics_are_those_of_the_code() -> None:
    """The README's table has a row for each topic, with what it is for and how long it keeps."""
    expected = [
        f"| `{topic.name}` | {topic.purpose} | {topic.key} | {topic.codec} | {kept(topic)} |"
        for topic in parts.topics(Settings(process_context=True))
    ]
    assert expected == table("Topics")


def test_help_prints_every_setting() -> None:
    """stream-app worker --help names every variable that the README's table names."""
    helped = stream_app("worker", "--help")
    assert 0 == helped.returncode
    assert [] == [row.variable for row in settings_table() if row.variable not in helped.stdout]


def test_the_connection_of_the_readme_is_the_default() -> None:
    """The address that the reader exports is where a worker looks without it."""
    assert f"export {PREFIX}BOOTSTRAP_SERVERS={Connection().bootstrap_servers}" in blocks("sh")[3]
