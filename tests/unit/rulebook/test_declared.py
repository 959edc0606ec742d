"""Attributes that a site declares beside FortiSIEM's."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream_app.language.diagnostics import LanguageError
from stream_app.language.parser import parse
from stream_app.language.syntax import Attribute, nodes
from stream_app.language.values import AttributeType
from stream_app.rulebook.declared import is_name, read_declared, with_declared
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.load import load_rulebook
from tests.unit.rulebook.test_load import refused, rule, write


def test_a_rule_may_name_what_is_declared(tmp_path: Path) -> None:
    """It compares as its type says, and the rulebook tells whoever reads events of it."""
    query = 'Ticket = "t-1" AND Load > 5 AND Peer IN (10.0.0.0/8)'
    declared = 'Ticket = "string"\nLoad = "number"\nPeer = "ip"\n'
    write(tmp_path, {"a/a.toml": rule(query=query), "attributes.toml": declared})
    rulebook = load_rulebook(tmp_path)
    wants = rulebook.rules["R"].subpattern.filter
    assert wants({"Ticket": "T-1", "Load": 6, "Peer": "10.1.2.3"})
    assert not wants({"Ticket": "T-1", "Load": 5, "Peer": "10.1.2.3"})
    assert {
        "Ticket": AttributeType.STRING,
        "Load": AttributeType.NUMBER,
        "Peer": AttributeType.IP,
    } == rulebook.declared


def test_a_declared_type_decides_and_an_unread_declaration_does_not(tmp_path: Path) -> None:
    """A rule's content is another where an attribute that it reads has another type, and else the same."""
    ids = []
    for number, declared in enumerate(['A = "string"\n', 'A = "number"\n', 'A = "string"\nB = "ip"\n']):
        folder = write(tmp_path / str(number), {"a/a.toml": rule(query="A = 7"), "attributes.toml": declared})
        ids.append(load_rulebook(folder).rules["R"].content_id)
    assert ids[0] != ids[1]
    assert ids[0] == ids[2]


def test_without_a_declaration_nothing_is_declared(tmp_path: Path) -> None:
    """The vocabulary is FortiSIEM's own, and an unknown name is an error at its place."""
    write(tmp_path, {"a/a.toml": rule()})
    assert {} == load_rulebook(tmp_path).declared
    write(tmp_path, {"a/a.toml": rule(query="Ticket = 1")})
    assert ["/a/a.toml:7:10: unknown attribute 'Ticket'"] == refused(tmp_path)


def test_every_mistake_is_reported_at_its_place_and_its_rules_are_not_called_wrong(tmp_path: Path) -> None:
    """Names of FortiSIEM's, words of the query language, other types: all in one run."""
    declared = 'procName = "string"\nAND = "string"\n"two words" = "string"\nTicket = "text"\nLoad = 7\n'
    write(tmp_path, {"a/a.toml": rule(query="Ticket = 1 AND Load = 1"), "attributes.toml": declared})
    assert [
        "/attributes.toml:4:10: Ticket must be 'string' or 'number' or 'ip', got 'text'",
        "/attributes.toml:5:8: Load: expected a string, got an integer",
        "/attributes.toml:1:1: procName is an attribute of FortiSIEM's already",
        "/attributes.toml:2:1: 'AND' cannot be an attribute: a name is one word of letters, digits and '_'",
        "/attributes.toml:3:1: 'two words' cannot be an attribute: a name is one word of letters, digits and '_'",
    ] == refused(tmp_path)
    write(tmp_path, {"a/a.toml": rule(), "attributes.toml": "Ticket ="})
    assert 1 == len(refused(tmp_path))


@given(st.text(max_size=12) | st.sampled_from(["AND", "not", "NULL", "COUNT", "Group@x", "a b", "a.b", " a", "a_1"]))
@example("0")
@example('"a"')
def test_a_name_is_what_a_query_reads_as_one(word: str) -> None:
    """What is taken for a name reads as an attribute in every place, also behind another."""
    if is_name(word):
        tree = parse(f"{word} = 1 AND hostName = {word}")
        named = [node.name for node in nodes(tree) if isinstance(node, Attribute)]
        assert sorted([word, word, "hostName"]) == sorted(named)
        assert word.isascii()


@pytest.mark.parametrize("said", ["", 'A = "ip"', '# ours\nA = "ip"\n'])
def test_what_is_added_stands_behind_what_was_there(said: str) -> None:
    """Every declaration is read back; text without an end of line is given one."""
    text = with_declared(said, ["C", "B"])
    assert text.startswith(said)
    assert {**({"A": AttributeType.IP} if said else {}), "B": AttributeType.STRING, "C": AttributeType.STRING} == (
        read_declared(parse_document("attributes.toml", text))
    )
    assert said == with_declared(said, [])


def test_a_wrong_declaration_is_an_error_with_its_place() -> None:
    """As it is read by itself."""
    with pytest.raises(LanguageError) as caught:
        read_declared(parse_document("attributes.toml", 'x = "a"\n'))
    assert ("attributes.toml", 1, 5) == (
        caught.value.diagnostics[0].path,
        caught.value.diagnostics[0].line,
        caught.value.diagnostics[0].column,
    )
