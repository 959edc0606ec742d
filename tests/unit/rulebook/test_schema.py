"""The schema of rule files is what reads them."""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stream_app.cli.main import cli
from stream_app.cli.rules_schema import schema_text
from stream_app.language.compile import Environment
from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.document import Document, parse_document
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.rulefile import Defaults, read_rule
from stream_app.rulebook.schema import rule_schema
from stream_app.sysmon.attributes import VOCABULARY

FILE = Path(__file__).parents[3] / "stream_app" / "rulebook" / "rule.schema.json"
SCHEMA: dict[str, Any] = rule_schema()
FULL = """\
id = "FULL"
name = "A rule with every key"
description = "It has all of them."
severity = 5
category = "Security"
subcategory = "Execution"
tactics = ["Execution"]
techniques = ["T1059.006"]
enabled = true
case = "ignore"
clock = "receive"
decide = "arrival"
window = 60
lateness = 60
clear_after = 3600
update_interval = 60
evidence = 3
row_limit = 100000
trigger = "Start FOLLOWED_BY Connect"
global = "Start.hostName = Connect.hostName"
[pattern.Start]
query = 'eventType = "A"'
group_by = ["hostName", "user"]
aggregate = "COUNT(*) >= 1"
[pattern.Connect]
query = 'eventType = "B"'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[clear]
query = 'eventType = "C"'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
match = { hostName = "hostName" }
[incident]
hostName = "Start.hostName"
user = "Start.user"
[[exception]]
when = 'user = "a"'
reason = "known"
from = 2026-01-01T00:00:00Z
until = 2026-02-01T00:00:00Z
[[exception]]
when = 'user = "b"'
reason = "known"
days = ["sat"]
start = 22:00:00
end = 06:00:00
zone = "Europe/Berlin"
[[watch_list]]
name = "seen"
attribute = "hostName"
keep = 60
[flood]
per_hour = 5
per_day = 50
"""
DOCUMENT = parse_document("full.toml", FULL)

At = tuple[str | int, ...]


def said(data: Mapping[str, object]) -> list[str]:
    """Give what is wrong with the values of a rule file, whose places are those of :data:`DOCUMENT`."""
    document = Document(DOCUMENT.path, DOCUMENT.text, data, Anywhere(DOCUMENT.entries))
    try:
        read_rule(document, Environment(VOCABULARY), Defaults())
    except LanguageError as error:
        return [each.message for each in error.diagnostics]
    return []


class Anywhere(dict[Any, Any]):
    """Places of a document: what was put in has that of the root."""

    def __missing__(self, _: object) -> object:
        return self[()]


def changed(at: At, value: object) -> dict[str, Any]:
    """Give the values of the full file with another one at a place."""
    data: dict[str, Any] = copy.deepcopy(dict(DOCUMENT.data))
    table: Any = data
    for key in at[:-1]:
        table = table[key]
    table[at[-1]] = value
    return data


def schema_at(at: At) -> dict[str, Any]:
    """Give what the schema says of a place."""
    node = SCHEMA
    for key in at:
        properties = node.get("properties", {})
        node = node["items"] if isinstance(key, int) else properties.get(key) or node["additionalProperties"]
    return node


def places(node: Any, at: At = ()) -> Iterator[tuple[At, Any]]:
    """Give every place of the full file with its value."""
    yield at, node
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in below:
        yield from places(value, (*at, key))


PLACES = dict(places(DOCUMENT.data))
OF_TYPE = {
    kind: [at for at in PLACES if at and schema_at(at).get("type") == kind]
    for kind in ("integer", "string", "array", "object", "boolean")
}


def test_the_file_is_what_the_code_makes() -> None:
    """``stream-app rules schema`` prints it; write it there when the code has changed."""
    assert FILE.read_text() == schema_text()
    assert SCHEMA == json.loads(schema_text())


def test_every_key_that_is_asked_for_is_in_the_schema_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every table of a file that has all of them, which is right."""
    made: list[Fields] = []
    begin = Fields.__init__

    def noting(self: Fields, *arguments: Any) -> None:
        begin(self, *arguments)
        made.append(self)

    monkeypatch.setattr(Fields, "__init__", noting)
    assert [] == said(DOCUMENT.data)
    asked: dict[At, set[str]] = {}
    for each in made:
        asked.setdefault(each.path, set()).update(each._known)
    closed = {at: keys for at, keys in asked.items() if "properties" in schema_at(at)}
    assert {at: set(schema_at(at)["properties"]) for at in closed} == closed
    assert {("pattern",), ("incident",), ("clear", "match")} == set(asked) - set(closed)
    assert 8 == len(closed)


@pytest.mark.parametrize("at", OF_TYPE["integer"], ids=str)
def test_bounds_are_the_reader_s(at: At) -> None:
    """What lies outside is refused, what lies on them is not for its size."""
    low, high = schema_at(at)["minimum"], schema_at(at)["maximum"]
    for value in (low - 1, high + 1):
        assert f"{at[-1]} must be {low} to {high}, got {value}" in said(changed(at, value))
    for value in (low, high):
        assert not any(f"must be {low} to" in each for each in said(changed(at, value)))


@pytest.mark.parametrize("at", [at for at in PLACES if at and "enum" in schema_at(at)], ids=str)
def test_words_are_the_reader_s(at: At) -> None:
    """Each of them is known, another one is not. Of attributes, which are many, every tenth is asked."""
    assert said(changed(at, "no such word"))
    words = schema_at(at)["enum"]
    for word in words if len(words) < 10 else words[::10]:
        assert not any("unknown" in each or f"got {word!r}" in each for each in said(changed(at, word)))


@pytest.mark.parametrize("at", [at for at in OF_TYPE["string"] if "pattern" in schema_at(at)], ids=str)
def test_names_are_the_reader_s(at: At) -> None:
    """What the schema's expression does not take is refused."""
    assert said(changed(at, "not a name!"))
    assert said(changed(at, "a" * 129))


@pytest.mark.parametrize(
    ("kind", "other"), [("integer", "1"), ("string", 1), ("array", 1), ("object", 1), ("boolean", 1)]
)
def test_types_are_the_reader_s(kind: str, other: object) -> None:
    """A value of another type is refused wherever it stands."""
    checked = 0
    for at in OF_TYPE[kind]:
        if at not in {("pattern", "Start"), ("pattern", "Connect")}:
            assert any(": expected a" in each for each in said(changed(at, other))), at
            checked += 1
    assert checked > 0


@pytest.mark.parametrize("at", [at for at, value in PLACES.items() if isinstance(value, dict)], ids=str)
def test_what_is_required_is_the_reader_s(at: At) -> None:
    """Without it a key is missing, without any other it is not; [incident] only if patterns group by something."""
    node = schema_at(at)
    required = {*node.get("required", ()), *(() if at else ("incident",))}
    for key in node.get("properties", {}):
        if (*at, key) in PLACES:
            data = changed((*at, key), None)
            table: Any = data
            for step in at:
                table = table[step]
            del table[key]
            assert (key in required) == (f"missing key {key!r}" in said(data)), key


def test_incident_attributes_are_the_reader_s() -> None:
    """Those that the schema knows are taken, and those that every incident has of its own are not among them."""
    names = schema_at(("incident",))["propertyNames"]["enum"]
    assert "incidentId" in VOCABULARY
    for name in VOCABULARY:
        refused = f"{name} is a field of every incident: choose another attribute" in said(
            changed(("incident", name), "Start.hostName")
        )
        assert (name in names) is not refused


def test_the_command_prints_it() -> None:
    """So that editors of those who have only the package find it."""
    assert schema_text() == CliRunner().invoke(cli, ["rules", "schema"]).stdout


def test_declared_attributes_are_known_to_the_schema(tmp_path: Path) -> None:
    """``--rules`` adds what the folder declares; a folder that declares nothing adds nothing."""
    assert schema_text() == CliRunner().invoke(cli, ["rules", "schema", "--rules", str(tmp_path)]).stdout
    (tmp_path / "attributes.toml").write_text('Ticket = "string"\n')
    printed = CliRunner().invoke(cli, ["rules", "schema", "--rules", str(tmp_path)]).stdout
    assert {"Ticket"} == set(json.loads(printed)["properties"]["incident"]["propertyNames"]["enum"]) - set(
        schema_at(("incident",))["propertyNames"]["enum"]
    )
