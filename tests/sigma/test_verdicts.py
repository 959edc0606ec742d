"""Small Sigma rules, imported, on events that they must and must not match; and what pySigma's SQLite backend says."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest
import yaml
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation

from stream_app.exchange.imported import Imported
from stream_app.sysmon.normalise import normalise
from tests.sigma.corpus import Entry, entries, imported, loaded, record

FILES = ("modifiers.yml", "values.yml", "conditions.yml", "sources.yml")
ENTRIES = entries(*FILES)
OPINIONS = [each for each in ENTRIES if not each.alone]


def verdicts(entry: Entry) -> list[bool]:
    """Say of each event of an entry, those that must match first, whether the imported rule matches it."""
    (found,) = imported(entry.document, placeholders=entry.placeholders)
    assert isinstance(found, Imported), found
    rule = loaded(found)
    events = [normalise(record(entry.event_id, fields)) for fields in (*entry.match, *entry.miss)]
    return [rule.subpattern.filter(event) for event in events]


@pytest.mark.parametrize("entry", [pytest.param(each, id=each.name) for each in ENTRIES])
def test_a_rule_matches_what_it_must_and_nothing_else(entry: Entry) -> None:
    """As Sigma's specification has it."""
    assert [True] * len(entry.match) + [False] * len(entry.miss) == verdicts(entry)


@pytest.mark.parametrize("entry", [pytest.param(each, id=each.name) for each in OPINIONS])
def test_the_second_opinion_is_the_same(entry: Entry) -> None:
    """Verdict by verdict."""
    assert second_opinion(entry) == verdicts(entry)


def test_the_corpus_is_what_it_says(record_property: Callable[[str, object], None]) -> None:
    """Every rule has a name of its own, and events of both kinds; nearly all have a second opinion."""
    record_property("rules", len(ENTRIES))
    record_property("with a second opinion", len(OPINIONS))
    assert len(ENTRIES) == len({each.name for each in ENTRIES})
    assert all(each.match and each.miss for each in ENTRIES)
    assert len(ENTRIES) >= 150
    assert len(OPINIONS) >= 0.85 * len(ENTRIES)


def second_opinion(entry: Entry) -> list[bool]:
    """Say of each event of an entry whether the query that pySigma's SQLite backend makes finds it."""
    values = {name: list(several) for name, several in entry.placeholders.items()}
    pipeline = ProcessingPipeline(items=[ProcessingItem(ValueListPlaceholderTransformation())], vars=values)
    backend = sqliteBackend(pipeline, fulltext_field="everything")
    text = yaml.safe_dump(entry.document, sort_keys=False, allow_unicode=True)
    (query,) = backend.convert(SigmaCollection.from_yaml(text))
    events = [{"EventID": entry.event_id, **fields} for fields in (*entry.match, *entry.miss)]
    return found_by(query, events)


def found_by(query: str, events: list[Mapping[str, Any]]) -> list[bool]:
    """Ask a table of these events; a field that no event has is a column of nothing."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.create_function("REGEXP", 2, _matches, deterministic=True)
        named = {*re.findall(r"`([^`]+)`|\b([A-Za-z_]+)\b", query)}
        asked = {quoted or bare for quoted, bare in named} - {"SELECT", "FROM", "WHERE"}
        by_folded = {name.lower(): name for name in asked} | {name.lower(): name for each in events for name in each}
        columns = sorted({*by_folded.values()} - {"logs"})
        declared = ", ".join(f"`{name}` {_AFFINITY.get(name, 'TEXT')} COLLATE NOCASE" for name in columns)
        connection.execute(f"CREATE TABLE logs ({declared})")
        for event in events:
            everything = "\n".join(str(value) for value in event.values())
            row = [everything if name == "everything" else event.get(name) for name in columns]
            connection.execute(f"INSERT INTO logs VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - a table of ours
        found = {row[0] for row in connection.execute(query.replace("SELECT *", "SELECT rowid", 1))}
    return [number in found for number in range(1, len(events) + 1)]


_AFFINITY = dict.fromkeys(("DestinationPort", "SourcePort", "ProcessId", "EventID"), "NUMERIC")


def _matches(pattern: str, value: object) -> bool:
    return value is not None and re.search(pattern, str(value)) is not None
