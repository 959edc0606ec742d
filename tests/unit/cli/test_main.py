"""The command line as a whole: every failure is a line that says what to do, with its status."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from stream_app.cli.demo import SCENE
from stream_app.cli.main import COMMANDS
from stream_app.engine.record import Record
from stream_app.engine.rejection import SUPPRESSED, Rejection, encode_rejection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.local import free_ports

ROOT = Path(__file__).parents[3]
CLOSED = "127.0.0.1:1"
"""Where no broker can be."""


def environment(**settings: str) -> dict[str, str]:
    """Give an environment with these settings only."""
    ours = {f"STREAM_APP_{name.upper()}": text for name, text in settings.items()}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **ours}


def run(
    *arguments: str, folder: Path = ROOT, given: bytes | None = None, **settings: str
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "stream_app", *arguments],
        cwd=folder,
        env=environment(**settings),
        input=given,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def embedded() -> Iterator[str]:
    """Give the address of a broker in this process."""
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


def test_every_command_says_what_it_does() -> None:
    """The help lists the commands in order, and each has a help of its own."""
    helped = run("--help").stdout.decode()
    assert list(COMMANDS) == [name for line in helped.splitlines() for name in line.split()[:1] if name in COMMANDS]
    for command in ("demo", "replay", "broker", "topics"):
        assert 0 == run(command, "-h").returncode


def test_an_unknown_command_is_a_usage_error() -> None:
    """Status 2, with what was wrong."""
    done = run("demos")
    assert (2, True) == (done.returncode, b"No such command 'demos'" in done.stderr)


def test_settings_that_cannot_be_end_a_command() -> None:
    """Every command that reads settings says all mistakes in them and ends with status 2."""
    done = run("replay", str(SCENE), partitions="none", latness_s="1")
    assert (2, b"") == (done.returncode, done.stdout)
    assert (
        "stream-app: settings that cannot be:\n"
        "STREAM_APP_PARTITIONS is 'none': it must be a whole number from 1 to 1000 "
        "(partitions of each topic that is created)\n"
        "STREAM_APP_LATNESS_S is no setting: did you mean STREAM_APP_LATENESS_S?\n"
    ) == done.stderr.decode()


@pytest.mark.parametrize("command", [["worker"], ["demo"], ["replay", str(SCENE)], ["rules", "check"]])
def test_no_command_starts_with_a_wrong_rule(tmp_path: Path, command: list[str]) -> None:
    """All mistakes of all rules are printed with their places, with status 2 and without a broker being asked."""
    for name, change in (("one", ("REGEXP", "REGEXPP")), ("two", ("severity = 5", "severity = 11"))):
        source = next((ROOT / "rules").glob("*/windows-*.toml")).read_text()
        (tmp_path / "rules" / name).mkdir(parents=True)
        (tmp_path / "rules" / name / f"{name}.toml").write_text(source.replace(*change, 1).replace("_1774", f"_{name}"))
    done = run(*command, folder=tmp_path, bootstrap_servers=CLOSED)
    assert (2, b"") == (done.returncode, done.stdout)
    assert done.stderr.startswith(b"stream-app: rules that cannot run:\nrules/one/one.toml:")
    assert b"\nrules/two/two.toml:4:" in done.stderr
    assert b"Traceback" not in done.stderr


def test_wrong_cases_are_told_too(tmp_path: Path) -> None:
    """The check reads the cases that a worker leaves alone."""
    folder = next((ROOT / "rules").glob("*/windows-*.toml")).parent
    (tmp_path / "rules" / folder.name).mkdir(parents=True)
    (tmp_path / "rules" / folder.name / f"{folder.name}.toml").write_bytes(
        (folder / f"{folder.name}.toml").read_bytes()
    )
    (tmp_path / "rules" / folder.name / "cases.toml").write_text('[[case]]\nname = "x"\n')
    done = run("rules", "check", "rules", folder=tmp_path)
    assert (2, True) == (done.returncode, b"cases.toml:1:1: missing key 'events'" in done.stderr)


def test_a_warning_is_shown_and_is_no_mistake(tmp_path: Path) -> None:
    """A pattern that may take long is named with its place and why; the status is that of a good rule."""
    path = next((ROOT / "rules").glob("*/windows-*.toml"))
    text = path.read_text().replace("query = '''", "query = '''command NOT REGEXP \"(a+)+(?=b)\" AND ", 1)
    (tmp_path / "rules" / "one").mkdir(parents=True)
    (tmp_path / "rules" / "one" / "one.toml").write_text(text)
    done = run("rules", "check", "rules", folder=tmp_path)
    place, line, caret = done.stderr.decode().splitlines()
    assert place.endswith(
        ": warning: this pattern can take for ever on a text that was made for it: it needs re, for a look-ahead"
    )
    assert place.startswith("rules/one/one.toml:")
    assert line.index("(a+)+") == caret.index("^")
    expected = b"rules: 1 rule and 0 cases read, nothing wrong, 1 warning\n"
    assert (0, expected) == (done.returncode, done.stdout)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ('procName REGEXP "python"', "no condition outside of OR reads eventType alone: the filter is asked of events"),
        (
            'eventType CONTAIN "Win-Sysmon-3-" AND procName NOT REGEXP "python" AND destIpPort != 443',
            "no condition needs a text to be there: the filter is asked of every event of its types",
        ),
    ],
)
def test_a_rule_that_is_always_asked_is_told_of(tmp_path: Path, query: str, said: str) -> None:
    """What makes a rule dear for every record is a note at its query, and neither a mistake nor a warning."""
    text = next((ROOT / "rules").glob("*/windows-*.toml")).read_text()
    start = text.index("query = '''") + len("query = '''")
    (tmp_path / "rules" / "one").mkdir(parents=True)
    (tmp_path / "rules" / "one" / "one.toml").write_text(text[:start] + query + text[text.index("'''", start) :])
    done = run("rules", "check", "rules", folder=tmp_path)
    assert (0, b"rules: 1 rule and 0 cases read, nothing wrong\n") == (done.returncode, done.stdout)
    assert f": note: {said}" in done.stderr.decode()


JOINT = """\
id = "R"
name = "n"
severity = 1
category = "Security"
window = 60
trigger = "A AND B"
[pattern.A]
query = 'eventType = "a" AND procName = "x"'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[pattern.B]
query = 'procName = "y" AND command NOT REGEXP "(a+)+(?=b)"'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "A.hostName"
"""


def test_all_patterns_of_a_rule_are_told_of_and_how_they_meet(tmp_path: Path) -> None:
    """A second pattern has warnings and notes like the first, and patterns that share no value are a note."""
    (tmp_path / "rules" / "one").mkdir(parents=True)
    (tmp_path / "rules" / "one" / "one.toml").write_text(JOINT)
    done = run("rules", "check", "rules", folder=tmp_path)
    assert 0 == done.returncode
    said = [line.partition(": ")[::2] for line in done.stderr.decode().splitlines() if line.startswith("rules/")]
    assert [
        ("rules/one/one.toml:12:49", "warning: this pattern can take for ever on a text that was made for it"),
        ("rules/one/one.toml:6:11", "note: all matches of this rule come under one key, which one partition works for"),
        ("rules/one/one.toml:12:9", "note: no condition outside of OR reads eventType alone"),
    ] == [(place, message.rpartition(": ")[0]) for place, message in said]


def test_a_file_that_is_not_there_is_named() -> None:
    """Status 1, one line, no stack trace."""
    done = run("replay", "gone.jsonl")
    expected = b"stream-app: gone.jsonl: cannot be read: No such file or directory\n"
    assert (1, expected) == (done.returncode, done.stderr)


def test_replay_reads_standard_input_and_names_what_it_rejects() -> None:
    """A rejected record is told with its line; the tally ends the talk; the incidents are on standard output alone."""
    done = run("replay", "--json", "-", given=SCENE.read_bytes() + b"\n[]\n", update_interval_s="0")
    talk = done.stderr.decode().splitlines()
    assert ["<stdin>:56", "<stdin>:58"] == [line.split(": ")[0] for line in talk[:-1]]
    assert talk[-1].startswith("57 records read, 39 matches, 11 incident records, 2 rejected (1 ")
    assert (0, 11) == (done.returncode, len(done.stdout.splitlines()))


def test_replay_in_a_soar_s_words() -> None:
    """What would lie on the topic of a format, a line for each incident record; a format that is none is refused."""
    done = run("replay", "--as", "cef", "-", given=SCENE.read_bytes(), update_interval_s="0")
    lines = done.stdout.splitlines()
    assert (0, 11) == (done.returncode, len(lines))
    assert all(line.startswith(b"CEF:0|stream_app|stream_app|1|PH_Rule_SIGMA_1774|") for line in lines)
    assert 2 == run("replay", "--as", "xml", "-").returncode


def test_replay_shows_some_rejections_and_counts_all() -> None:
    """A file that is no capture does not flood the terminal, unless all are asked for."""
    few = run("replay", "-", given=b"x\n" * 100)
    everything = run("replay", "--rejected", "-", given=b"x\n" * 100)
    assert (21, 101) == (len(few.stderr.splitlines()), len(everything.stderr.splitlines()))
    assert b"100 rejected (100 " in few.stderr


def test_replay_judges_lateness_only_when_asked(tmp_path: Path) -> None:
    """A capture that jumps back is taken as a whole; with --late a record that comes too late is rejected."""
    line = '{{"EventID":3,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"H",'
    line += '"@timestamp":"2026-03-0{}T09:00:00Z","Image":"python","Initiated":"true",'
    line += '"SourceIp":"10.0.0.1","DestinationIp":"10.0.0.{}"}}\n'
    (tmp_path / "jumps.jsonl").write_text("".join(line.format(day, day) for day in (3, 4, 2)))
    path = str(tmp_path / "jumps.jsonl")
    assert b"3 incident records, 0 rejected" in run("replay", path, "--partitions", "1").stderr
    late = run("replay", path, "--partitions", "1", "--late").stderr
    assert b"2 incident records, 1 rejected (1 late)" in late
    assert b"jumps.jsonl:3: rejected for PH_Rule_SIGMA_1774: late: " in late


@pytest.mark.parametrize(
    "command", [["topics", "show"], ["produce", str(SCENE)], ["incidents"], ["rejected"], ["watchlist"]]
)
def test_a_broker_that_is_not_there_is_a_line(command: list[str]) -> None:
    """After some tries: status 1 and one line, once, that says where it looked and what to check."""
    done = run(*command, bootstrap_servers=CLOSED)
    lines = done.stderr.decode().splitlines()
    assert (1, b"") == (done.returncode, done.stdout)
    assert lines[0].startswith(f"stream-app: no Kafka broker answers at {CLOSED} (PLAINTEXT): ")
    assert lines[0].endswith("and STREAM_APP_SECURITY_PROTOCOL right? Trying again …")
    assert 2 == len(lines)


def test_a_worker_waits_for_its_broker() -> None:
    """It says what it waits for, does not end, and ends in order when told to."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "stream_app", "worker"],
        cwd=ROOT,
        env=environment(bootstrap_servers=CLOSED),
        stderr=subprocess.PIPE,
    )
    assert worker.stderr
    assert b"Trying again" in worker.stderr.readline()
    assert None is worker.poll()
    worker.terminate()
    assert 0 != worker.wait(30)
    assert b"Traceback" not in worker.stderr.read()
    worker.stderr.close()


def test_topics_that_are_missing_are_named_by_the_worker(embedded: str) -> None:
    """With another number of partitions than the setting says, the worker does not start and says why."""
    done = run("worker", bootstrap_servers=embedded, partitions="8")
    assert (1, True) == (done.returncode, b"has 4 partitions, STREAM_APP_PARTITIONS says 8" in done.stderr)
    assert b"Traceback" not in done.stderr


def test_produce_sends_what_kafka_takes_and_names_the_rest(tmp_path: Path, embedded: str) -> None:
    """A record that is larger than Kafka takes is named and left out; all others are sent; the status is 1."""
    path = tmp_path / "records"
    path.write_bytes(b"{}\n" + b"x" * 1_200_000 + b"\n{}\n")
    done = run("produce", str(path), bootstrap_servers=embedded)
    assert (1, True) == (done.returncode, done.stdout.startswith(b"2 records sent to sysmon in "))
    assert f"{path}:2: 1,200,000 bytes are more than Kafka takes: not sent\n".encode() == done.stderr


def listed(servers: str, count: int, *options: str, **settings: str) -> list[str]:
    """Give so many lines of what was rejected, from the beginning; then Ctrl-C ends it well."""
    command = [sys.executable, "-m", "stream_app", "rejected", "--all", *options]
    following = subprocess.Popen(
        command, env=environment(bootstrap_servers=servers, **settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert following.stdout
    lines = [following.stdout.readline().decode() for _ in range(count)]
    following.send_signal(signal.SIGINT)
    rest, said = following.communicate(timeout=60)
    assert (b"", 0) == (rest, following.returncode), said
    return [*lines, *said.decode().splitlines()]


def test_what_was_rejected_is_listed(embedded: str) -> None:
    """In lines or as it lies there, all of it, or for one reason and one rule; what is none is named and left out."""
    given = [
        Rejection.of(Record("sysmon", 1, 7, 0, b"{", "T"), "not json", "at 1"),
        Rejection.of(Record("sysmon", 2, 8, 5, b"x", "T"), SUPPRESSED, "rules/x/x.toml:9: tests\n", rule="R"),
        Rejection.of(Record("sysmon", 3, 9, 5, b"x", "T"), SUPPRESSED, "why", rule="S"),
    ]
    producer = Producer({"bootstrap.servers": embedded})
    for value in (b"nothing", *map(encode_rejection, given)):
        producer.produce("rejected", value, partition=0)
    producer.flush()
    lines = [
        "1970-01-01 00:00:00.000Z  sysmon/1@7  not json: at 1\n",
        "1970-01-01 00:00:00.005Z  sysmon/2@8  suppressed for R: rules/x/x.toml:9: tests\\n\n",
        "1970-01-01 00:00:00.005Z  sysmon/3@9  suppressed for S: why\n",
    ]
    *shown, bad = listed(embedded, 3)
    assert lines == shown
    assert bad.startswith("stream-app: a record that is no rejection is left out: JSON is malformed")
    assert lines[1:] == listed(embedded, 2, "--reason", "suppressed")[:2]
    assert [f"{encode_rejection(given[2]).decode()}\n"] == listed(embedded, 1, "--rule", "S", "--json")[:1]


def test_a_topic_that_is_not_there_is_a_line(embedded: str) -> None:
    """With what to do."""
    done = run("rejected", bootstrap_servers=embedded, rejected_topic="gone")
    expected = b"stream-app: there is no topic gone yet: make it with stream-app topics create\n"
    assert (1, expected) == (done.returncode, done.stderr)


def test_the_demo_says_why_its_worker_died(tmp_path: Path) -> None:
    """A worker that ends by itself ends the demo at once, with status 1 and the end of the worker's log."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif sys.argv[1:2] == ['worker']:\n    sys.exit('out of order')\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "stream_app", "demo"],
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (1, "") == (done.returncode, done.stdout)
    assert "stream-app: the worker ended by itself with status 1; the end of its log:\n  " in done.stderr
    assert done.stderr.endswith("out of order\n")
    assert time.monotonic() - began < 30


def test_a_demo_that_is_stopped_takes_its_worker_along(tmp_path: Path) -> None:
    """SIGTERM ends demo and worker, and nothing stays behind in the temporary folder."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "stream_app", "demo"],
        cwd=ROOT,
        env={**environment(), "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert demo.stderr
    assert b"a worker is starting" in demo.stderr.readline()
    while not list(tmp_path.glob("*/worker.log")):
        assert None is demo.poll()
    demo.terminate()
    assert 143 == demo.wait(30)
    assert [] == list(tmp_path.iterdir())
    assert [] == [each for each in Path("/proc").glob("[0-9]*/environ") if str(tmp_path).encode() in _bytes(each)]
    demo.stderr.close()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # a process that has ended, or is not ours
        return b""


def test_the_demo_names_a_record_that_is_too_large_for_it(tmp_path: Path) -> None:
    """10 MB in one line are not sent and said so; 1.5 MB are sent, and rejected by the worker; the rest is played."""
    path = tmp_path / "records"
    path.write_bytes(b"x" * 10_000_000 + b"\n" + b"y" * 1_500_000 + b"\n" + SCENE.read_bytes())
    done = run("demo", "--json", str(path))
    said = done.stderr.decode()
    assert (0, 11) == (done.returncode, len(done.stdout.splitlines())), said
    assert f"{path}:1: 10,000,000 bytes are too many for the embedded broker: not sent\n" in said
    assert "rejected: too large: " in said
    assert "\n57 records read, 39 matches, 6 incidents in 11 records, 2 rejected (1 not json, 1 too large), " in said


def test_a_broker_runs_until_it_is_told_to_end(tmp_path: Path) -> None:
    """It makes the topics, says the setting that leads to it, and ends with status 0; a taken port is refused."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "stream_app", "broker", "--port", str(port), "--folder", str(tmp_path / "kafka")]
    broker = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert broker.stdout
    assert broker.stderr
    said = broker.stdout.readline()
    if not said and os.environ.get("CI") != "true":
        pytest.skip(f"no real Apache Kafka on this machine: {broker.communicate()[1]}")
    assert f"STREAM_APP_BOOTSTRAP_SERVERS=127.0.0.1:{port}\n" == said, broker.stderr.read()
    second = run("broker", "--port", str(port), "--folder", str(tmp_path / "second"))
    assert (1, True) == (second.returncode, f"port {port} of 127.0.0.1 is taken".encode() in second.stderr)
    shown = run("topics", "show", bootstrap_servers=f"127.0.0.1:{port}", partitions="6")
    assert (1, 6) == (shown.returncode, shown.stdout.count(b"partitions: have 4, want 6"))
    broker.terminate()
    assert 0 == broker.wait(40)
    assert 9 == broker.stderr.read().count(": created\n")
    broker.stdout.close()
    broker.stderr.close()


@pytest.mark.parametrize("command", ["worker", "demo"])
def test_a_worker_does_not_wait_for_a_process(command: str) -> None:
    """What only a replay can do is refused before a broker is asked for, with the reason."""
    done = run(command, bootstrap_servers=CLOSED, process_context="true", process_wait_ms="5")
    assert (2, b"") == (done.returncode, done.stdout)
    assert done.stderr.startswith(
        b"stream-app: settings that cannot be:\nSTREAM_APP_PROCESS_WAIT_MS is 5: a worker does not wait for the event 1"
    )


def test_replay_joins_connections_with_their_processes(tmp_path: Path) -> None:
    """With the option an excluded process is quiet, and what was joined is said; waiting is a setting."""
    event = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "pc",
        "ProcessGuid": "{5E1C0B7A-9D2F-65BA-1A0C-000000003100}",
        "Image": r"C:\ProgramData\Anaconda3\python.exe",
        "UtcTime": "2024-01-31 09:15:00.000",
    }
    connection = {**event, "EventID": 3, "Initiated": "true", "SourceIp": "10.0.0.1", "DestinationIp": "203.0.113.9"}
    started = {
        **event,
        "EventID": 1,
        "ParentImage": r"C:\ProgramData\Anaconda3\python.exe",
        "CommandLine": r"python C:\ProgramData\Anaconda3\Scripts\jupyter-notebook-script.py",
    }
    later = {**event, "UtcTime": "2024-01-31 09:15:02.000", "EventID": 5}
    file = tmp_path / "records.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in (connection, started, connection, later)) + "{\n")
    plain = run("replay", "--json", str(file))
    assert (0, 2) == (plain.returncode, len(plain.stdout.splitlines()))
    joined = run("replay", "--json", "--process-context", str(file))
    assert (0, 1) == (joined.returncode, len(joined.stdout.splitlines()))
    assert (
        b"2 connections: 1 joined with their process, 1 without, 0 waited; "
        b"of 2 whose process starts in these records 1 joined (50.0%)\n"
    ) in joined.stderr
    waited = run("replay", "--json", str(file), process_context="true", process_wait_ms="1000")
    assert (0, b"") == (waited.returncode, waited.stdout)
    assert b"2 joined with their process, 0 without, 1 waited; of 2" in waited.stderr
    assert b"@" in next(line for line in waited.stderr.splitlines() if b"not json" in line)
