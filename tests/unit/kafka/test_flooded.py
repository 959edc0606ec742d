"""Caps through the stages of workers: what is told, what is held back, and the same again after every crash."""

from pathlib import Path

import msgspec
import pytest

from stream_app.engine.key import encode_key
from stream_app.engine.rejection import decode_rejection
from stream_app.kafka import windows
from stream_app.kafka.batch import Batch
from stream_app.kafka.partition import partition_of
from stream_app.kafka.placing import BY_KEY, Placing
from stream_app.kafka.windows import Windows
from stream_app.rulebook.editions import Editions
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from tests.unit.kafka.simulation import NAMES, PARTITIONS, Broker, Run, simulate

CAP = 2
CLEAN = Run(missing=0, extra=0, wrong=0)
BEGIN = 1_750_000_000_000
SOON, OVER = BEGIN + 600_000, BEGIN + 200_000_000
"""When all is decided, and when every summary is cleared and forgotten."""

RULE = """
id = "{id}"
name = "{id}"
severity = 5
category = "Security"
window = 10
lateness = {lateness}
{more}
[pattern.Filter]
query = 'eventType REGEXP "Win-Sysmon-3-.*"'
group_by = ["hostName", "destIpAddr"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
destIpAddr = "Filter.destIpAddr"
[flood]
per_hour = 2
per_day = 10
"""


def rulebook_of(folder: Path, more: str = "", lateness: int = 600) -> Rulebook:
    """Load one rule with caps."""
    (folder / "capped").mkdir(parents=True)
    (folder / "capped" / "capped.toml").write_text(RULE.format(id="capped", more=more, lateness=lateness))
    return load_rulebook(folder)


def judge(broker: Broker) -> Run:
    """Say what is wrong: too many or too few that are told, held back ones that no summary counts or nobody finds."""
    told: set[str] = set()
    summaries: dict[str, tuple[int, int, str]] = {}
    revisions: dict[tuple[str, int], bytes] = {}
    wrong = 0
    held: set[str] = set()
    for (topic, _), log in broker.logs.items():
        for stored in log:
            if topic == NAMES.incidents:
                incident = msgspec.json.decode(stored.value())
                name = incident["incidentId"]
                wrong += stored.value() != revisions.setdefault((name, incident["revision"]), stored.value())
                if incident["eventType"] == "capped":
                    told.add(name)
                else:
                    known = (incident["revision"], incident["count"], incident["activity"])
                    summaries[name] = max(known, summaries.get(name, known))
            elif topic == NAMES.rejected:
                rejection = decode_rejection(stored.value())
                if rejection.reason == "flood":  # a repeat that is read again may be called late
                    held.add(rejection.detail)
    made = len(broker.truth)
    counted = sum(count for _, count, _ in summaries.values())
    wrong += len(held) != max(0, made - CAP) or len(summaries) > 1
    return Run(
        missing=max(0, min(CAP, made) - len(told)) + max(0, made - CAP - counted),
        extra=max(0, len(told) - CAP) + max(0, counted - max(0, made - CAP)),
        wrong=wrong,
    )


@pytest.fixture(name="arriving", scope="module")
def _arriving(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    """Give a rule with caps that is decided on arrival, and of which every change is said."""
    return rulebook_of(tmp_path_factory.mktemp("rules"), "update_interval = 0")


@pytest.fixture(name="waiting", scope="module")
def _waiting(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    """Give a rule with caps that is decided as final, and whose changes wait."""
    return rulebook_of(tmp_path_factory.mktemp("rules"), 'decide = "final"', 0)


@pytest.mark.parametrize("end", [None, SOON, OVER])
@pytest.mark.parametrize("seed", range(60))
def test_a_cap_holds_back_the_same_ones_whatever_crashes(arriving: Rulebook, seed: int, end: int | None) -> None:
    """Two are told, the others counted once and found again; each revision has its bytes."""
    assert CLEAN == simulate(arriving, seed, steps=150, end=end, judge=judge)


@pytest.mark.parametrize("seed", range(60))
def test_what_time_decides_is_held_back_alike(waiting: Rulebook, seed: int) -> None:
    """Several that become due at once are judged in one order, wherever batches begin and end."""
    assert CLEAN == simulate(waiting, seed, steps=150, end=SOON, judge=judge)


def test_a_summary_is_cleared_when_its_hour_is_over(arriving: Rulebook) -> None:
    """With its final number, and its row goes."""
    seen: list[tuple[str, int]] = []
    rows: list[int] = []

    def look(broker: Broker) -> Run:
        log = [each for number in range(PARTITIONS) for each in broker.logs[NAMES.incidents, number]]
        said = [msgspec.json.decode(each.value()) for each in log]
        last = max((each for each in said if each["eventType"] == "capped_FLOOD"), key=lambda each: each["revision"])
        seen.append((last["activity"], last["incidentStatus"]))
        latest = {
            each.key(): each.value() for number in range(PARTITIONS) for each in broker.logs[NAMES.changelog, number]
        }
        rows.append(sum(value is not None for key, value in latest.items() if key.startswith(b"\xc1flood")))
        return CLEAN

    for end in (SOON, OVER):
        simulate(arriving, 3, end=end, judge=look)
    assert ["update", "clear"] == [activity for activity, _ in seen]
    assert [0, 1] == [status for _, status in seen]
    assert 1 == rows[0]


def test_link_cut_the_flood_row_is_not_in_front(arriving: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written behind the rows of its batch, it may not know what they hold when a crash comes between them."""
    write = windows.RowPartitions.write

    def behind(held: object, batch: object, rows: dict[bytes, bytes | None], position: int) -> None:
        rows = dict(sorted(rows.items(), key=lambda row: row[0].startswith(b"\xc1flood")))
        write(held, batch, rows, position)  # type: ignore[arg-type]  # passed on as it is

    monkeypatch.setattr(windows.RowPartitions, "write", behind)
    assert _some(arriving, None)


def test_link_cut_batches_decide_when_time_passes(waiting: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the end of a batch decides what is made first, another worker tells of others."""
    handle = Windows.handle

    def at_the_end(stage: Windows, batch: Batch) -> None:
        stage.capped = False
        handle(stage, batch)

    monkeypatch.setattr(Windows, "handle", at_the_end)
    assert _some(waiting, SOON)


def _some(rulebook: Rulebook, end: int | None) -> bool:
    """Whether some run is not clean."""
    return any(CLEAN != simulate(rulebook, seed, steps=150, end=end, judge=judge) for seed in range(300))


def test_matches_of_a_rule_with_caps_meet(arriving: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the partition of rule and customer, each lot in its order; others go where their keys do."""
    placing = Placing(Editions(arriving), 7)
    monkeypatch.setattr("stream_app.kafka.placing.KNOWN", 1)
    named = {"capped": arriving.rules["capped"].edition, "other": "other"}
    keys = [encode_key(named[rule], customer, (f"h{n}",)) for n in range(3) for rule, customer in _PLACES]
    lots = dict(placing.lots([(str(n).encode(), key, None) for n, key in enumerate(keys)]))
    ones = partition_of(encode_key("capped", "1", ()), 7)
    twos = partition_of(encode_key("capped", "3", ()), 7)
    assert ones != twos
    assert {ones: [b"0", b"3", b"6"], twos: [b"1", b"4", b"7"], BY_KEY: [b"2", b"5", b"8"]} == {
        number: [value for value, _, _ in lot] for number, lot in lots.items()
    }
    free = Placing(Editions(Rulebook({})), 7)
    assert [(BY_KEY, [(b"", b"k", None)])] == list(free.lots([(b"", b"k", None)]))


_PLACES = (("capped", "1"), ("capped", "3"), ("other", "1"))
