"""Sigma's correlations, imported and played through the whole engine; and what pySigma's SQLite backend says."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import msgspec
import pytest
import yaml
from msgspec import Struct
from sigma.backends.sqlite import sqliteBackend
from sigma.backends.sqlite.runtime import execute_plan
from sigma.collection import SigmaCollection

from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.replay import replay
from stream_app.exchange.imported import Imported
from stream_app.rulebook.chaining import chained
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.rule import Rulebook
from stream_app.rulebook.rulefile import Defaults, read_rule
from stream_app.rulebook.write import write_rule
from tests.sigma.corpus import ENVIRONMENT, HERE, imported, record

BASE_S = 1_750_000_000

Event = tuple[int, dict[str, str]]
"""Its second, its fields."""


class Entry(Struct, frozen=True):
    """A correlation of the corpus; ``inner`` is another one that it may be about."""

    name: str
    correlation: dict[str, Any]
    fires: tuple[tuple[str, ...], ...]
    quiet: tuple[tuple[str, ...], ...]
    inner: dict[str, Any] | None = None
    alone: str = ""

    @property
    def documents(self) -> list[dict[str, Any]]:
        """All documents: those that it is about first."""
        windows = {"product": "windows", "category": "process_creation"}
        network = {"product": "windows", "category": "network_connection"}
        rules = [_rule(name, windows, {"Image": name, "EventID": 1}) for name in "abc"]
        rules.append(_rule("net", network, {"Image": "*", "EventID": 3}))
        if self.inner is not None:
            rules.append({"title": "inner", "name": "inner", "correlation": self.inner})
        return [*rules, {"title": self.name, "name": "outer", "correlation": self.correlation}]


def _rule(name: str, logsource: dict[str, str], selection: dict[str, object]) -> dict[str, Any]:
    detection = {"selection": selection, "condition": "selection"}
    return {"title": f"Rule {name}", "name": name, "logsource": logsource, "detection": detection}


ENTRIES = [msgspec.convert(each, Entry) for each in yaml.safe_load((HERE / "correlations.yml").read_text("utf-8"))]
OPINIONS = [each for each in ENTRIES if not each.alone]


def parsed(events: Sequence[str]) -> list[Event]:
    """Read events as the corpus writes them."""
    found = []
    for each in events:
        second, *fields = each.split()
        found.append((int(second), dict(field.split("=", 1) for field in fields)))
    return found


def rulebook(found: Sequence[object]) -> Rulebook:
    """Load imported rules as a folder of them is loaded."""
    documents, rules = {}, {}
    for each in found:
        assert isinstance(each, Imported), each
        document = parse_document("rule.toml", write_rule(each.rule))
        rule = read_rule(document, ENVIRONMENT, Defaults())
        documents[rule.id], rules[rule.id] = document, rule
    problems: list[Any] = []
    after = chained(rules, documents, problems)
    assert not problems
    return Rulebook(after)


def verdicts(entry: Entry) -> list[bool]:
    """Say of each list of events whether the outer correlation makes an incident of it."""
    rules = rulebook(list(imported(*entry.documents)))
    return [_fires(rules, parsed(events)) for events in (*entry.fires, *entry.quiet)]


def _fires(rules: Rulebook, events: list[Event]) -> bool:
    records = [
        Record("sysmon", 0, offset, 1000 * (BASE_S + second), record(int(fields.get("EventID", 1)), _own(fields)), "x")
        for offset, (second, fields) in enumerate(events)
    ]
    found = list(replay(rules, records))
    assert all(isinstance(each, Incident) for each in found)
    return any(each.rule.id == "SIGMA_outer" for each in found if isinstance(each, Incident))


def _own(fields: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in fields.items() if name != "EventID"}


@pytest.mark.parametrize("entry", [pytest.param(each, id=each.name) for each in ENTRIES])
def test_a_correlation_fires_when_it_must(entry: Entry) -> None:
    """And only then; its rules by themselves say nothing."""
    assert [True] * len(entry.fires) + [False] * len(entry.quiet) == verdicts(entry)


@pytest.mark.parametrize("entry", [pytest.param(each, id=each.name) for each in OPINIONS])
def test_the_second_opinion_is_the_same(entry: Entry) -> None:
    """Verdict by verdict."""
    assert [_opinion(entry, parsed(events)) for events in (*entry.fires, *entry.quiet)] == verdicts(entry)


def _opinion(entry: Entry, events: list[Event]) -> bool:
    """Say whether the plan that pySigma's SQLite backend makes of a correlation finds something."""
    collection = SigmaCollection.from_yaml(yaml.safe_dump_all(entry.documents, sort_keys=False))
    made = json.loads(
        sqliteBackend(timestamp_format="unix", observation_end=BASE_S + 86_400).convert(
            collection, output_format="zircolite"
        )
    )
    plan = next(each["correlation_plan"] for each in made if each["title"] == entry.name)
    names = sorted({name for _, fields in events for name in fields} | {"EventID"})
    with closing(sqlite3.connect(":memory:")) as connection:
        declared = ", ".join(f"`{name}` TEXT COLLATE NOCASE" for name in names)
        connection.execute(f"CREATE TABLE logs (timestamp REAL, {declared})")
        for second, fields in events:
            row = [BASE_S + second, *({"EventID": "1", **fields}.get(name) for name in names)]
            connection.execute(f"INSERT INTO logs VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - ours
        found, _ = execute_plan(connection, plan)
    return bool(found)
