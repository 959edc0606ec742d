"""``rules status`` and ``rules publish``: what is said of workers that differ, and of what cannot be published."""

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from click.testing import CliRunner

from stream_app.cli.main import cli
from stream_app.cli.rules_status import _show, judged
from stream_app.kafka.changing import Refusal, RulesReport
from stream_app.kafka.statuses import GONE, SILENT, Standing, Told, _take
from tests.unit.kafka.simulation import Stored
from tests.unit.rulebook.test_load import rule, write

NOW = 1_750_000_000_000
STATES = {"R": ("R#1", "enabled")}


def standing(set_id: str = "new", refused: str = "", ago: int = 0) -> Standing:
    """Give what a worker said so long ago (ms)."""
    refusal = Refusal(set=refused, at=1, problems=("a/a.toml:1:1: wrong",)) if refused else None
    report = RulesReport(source="topic x-rules", set=set_id, since=NOW, rules=1, refused=refusal)
    return Standing(at=NOW - ago, report=report)


def differences(told: Told, published: str = "new") -> list[str]:
    """Give what is said to differ."""
    return judged(told, published, NOW).differences


def test_workers_that_are_of_one_mind() -> None:
    """There is nothing to say; where they read folders, nothing was published."""
    told = Told({"a": standing(), "b": standing(ago=SILENT)}, {"a": STATES, "b": STATES})
    assert [] == differences(told) == differences(told, "")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Told({}, {}), ["no worker says that it runs"]),
        (
            Told({"a": standing("old"), "b": standing()}, {"a": STATES, "b": STATES}),
            ["workers run 2 different sets: new, old", "a runs old, published last is new"],
        ),
        (
            Told({"a": standing("old", refused="new")}, {"a": STATES}),
            ["a has refused new, and runs old"],
        ),
        (
            Told({"a": standing(), "b": standing()}, {"a": STATES, "b": {"R": ("R#2", "enabled")}}),
            ["rule R differs between workers"],
        ),
        (
            Told({"a": standing(), "b": standing()}, {"a": STATES, "b": {}}),
            ["rule R differs between workers"],
        ),
        (
            Told({"a": standing(), "b": standing("old", ago=SILENT + 5_000)}, {"a": STATES}),
            ["b has said nothing for 25 s"],
        ),
    ],
    ids=["none", "sets", "refused", "editions", "missing", "silent"],
)
def test_what_is_not_as_it_should_be(told: Told, expected: list[str]) -> None:
    """Each difference is one sentence, with the worker or the rule."""
    assert expected == differences(told)


def test_a_worker_that_was_killed_long_ago_is_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """For an hour it may come back; then it is only listed, but where no other runs, that is one."""
    told = Told({"a": standing(), "b": standing("old", ago=GONE)}, {"a": STATES, "b": STATES})
    assert ["b has said nothing for 3600 s"] == differences(told)
    told.workers["b"] = standing("old", ago=GONE + 1)
    fleet = judged(told, "new", NOW)
    assert ([], ["b"], ["b"]) == (fleet.differences, fleet.silent, fleet.gone)
    _show(fleet, each_rule=False)
    shown = capsys.readouterr()
    assert "1 worker, all with set new" in shown.out
    assert "b has said nothing for more than 60 minutes: taken to be no more" in shown.err
    del told.workers["a"]
    assert ["no worker says that it runs"] == differences(told)


def test_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Each worker, each rule that differs, or every rule where it is asked for."""
    told = Told({"a": standing(), "b": standing("old", refused="new")}, {"a": STATES, "b": {"S": ("S#1", "disabled")}})
    _show(judged(told, "new", NOW), each_rule=False)
    shown = capsys.readouterr()
    assert all(said in shown.out for said in ("a/a.toml:1:1: wrong", "R#1 enabled", "S#1 disabled", "not there"))
    assert "b has refused new, and runs old" in shown.err
    _show(judged(Told({"a": standing()}, {"a": STATES}), "new", NOW), each_rule=True)
    assert "1 worker, all with set new" in (out := capsys.readouterr().out)
    assert "R#1 enabled" in out


def test_what_workers_said_is_read_back() -> None:
    """A record without a value takes a worker away; rubbish is an error with a reason."""
    told = Told({}, {})

    def take(key: str, value: Any) -> None:
        data = None if value is None else msgspec.json.encode(value)
        _take(told, cast("Any", Stored("t", 0, 0, key.encode(), data, None)))

    take("worker/a", standing())
    take("rules/a", STATES)
    assert ({"a": standing()}, {"a": STATES}) == (told.workers, told.rules)
    take("worker/a", None)
    take("rules/a", None)
    assert ({}, {}) == (told.workers, told.rules)
    with pytest.raises(ValueError, match="begins neither with worker/ nor with rules/"):
        take("x", 1)
    with pytest.raises(ValueError, match="Expected `object`"):
        take("worker/a", 1)


def test_nothing_wrong_is_published(tmp_path: Path) -> None:
    """A folder with a mistake ends with 2 and its place, before any broker is asked; so does one that is not there."""
    write(tmp_path / "bad", {"a/a.toml": rule().replace("= 5", "= 50")})
    for folder, why in (("bad", "severity must be 1 to 10"), ("no", "cannot be read: No such file or directory")):
        done = CliRunner().invoke(cli, ["rules", "publish", str(tmp_path / folder)])
        assert (2, True) == (done.exit_code, why in done.stderr), done.output
    done = CliRunner().invoke(cli, ["rules", "publish", str(tmp_path / "bad"), "--set", "x"])
    assert (2, True) == (done.exit_code, "cannot both be published" in done.stderr)
    for more in (["--set", "x"], [str(tmp_path / "bad")]):
        done = CliRunner().invoke(cli, ["rules", "publish", "--list", *more])
        assert (2, True) == (done.exit_code, "--list publishes nothing" in done.stderr)
