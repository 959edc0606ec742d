"""What importers do with rules after they have read them: parentheses, watch lists, incidents of other rules."""

from msgspec.structs import replace

from stream_app.exchange.attack import tactics_of
from stream_app.exchange.imported import (
    Imported,
    Origin,
    attributes_named,
    groups_named,
    reads_incidents,
    source_note,
    with_parentheses,
    with_watch_lists,
)
from stream_app.rulebook.text import ClearText, PatternText, RuleText


def imported(query: str, clear: str = "") -> Imported:
    """Make a rule with this query, and this clear pattern."""
    rule = RuleText(
        id="R",
        name="n",
        severity=5,
        category="Security",
        window=60,
        pattern={"A": PatternText(query=query, group_by=(), aggregate="COUNT(*) >= 1")},
        clear=ClearText(query=clear, group_by=(), match={}) if clear else None,
    )
    return Imported(Origin("a.xml", "R", 1), rule)


def test_groups_that_are_watch_lists_are_read_as_such() -> None:
    """A group whose name is that of a list that some rule fills; others, and texts in quotes, stay."""
    found = imported(
        'a IN (Group@L, group@M, Group@N) AND b = "Group@L" AND c NOT IN (Group@L)', clear="a IN (Group@M)"
    )
    after = with_watch_lists(found, ["L", "M"])
    query = 'a IN (WatchList@L, WatchList@M, Group@N) AND b = "Group@L" AND c NOT IN (WatchList@L)'
    assert query == after.rule.pattern["A"].query
    assert "a IN (WatchList@M)" == (after.rule.clear and after.rule.clear.query)
    assert (
        "Group@L is a watch list here: WatchList@L",
        "Group@M is a watch list here: WatchList@M",
    ) == after.changed
    assert frozenset("N") == groups_named(after.rule)
    assert found == with_watch_lists(found, [])


def test_parentheses_are_written_only_where_they_are_asked_for() -> None:
    """Without a choice nothing is touched; a text without a mix is not called changed."""
    mixed, plain = imported("a = 1 AND b = 2 OR c = 3"), imported("a = 1 AND b = 2")
    assert mixed == with_parentheses(mixed, None)
    assert plain == with_parentheses(plain, "and")
    said = "query of A: parentheses written in, AND binds tighter"
    assert (said,) == with_parentheses(mixed, "and").changed


def test_the_attributes_that_a_rule_names_are_found() -> None:
    """Those of its queries, of what it groups by and of its incidents; a query that is wrong names none."""
    rule = imported('a = 1 AND LEN(b) > "c"', clear="d IS NULL").rule
    pattern = replace(rule.pattern["A"], group_by=("e",))
    rule = replace(rule, pattern={"A": pattern}, incident={"f": "A.e"})
    assert frozenset("abdef") == attributes_named(rule)
    assert frozenset("ef") == attributes_named(replace(rule, pattern={"A": replace(pattern, query="a =")}, clear=None))


def test_incidents_that_have_another_type_here_are_found() -> None:
    """A text that is the eventType of another rule's incidents, unless that is the rule's id here."""
    types = {"PH_RULE_A": "R_A", "PH_RULE_B": "PH_RULE_B", "PH_RULE_C": "R_C"}
    rule = imported('eventType IN ("PH_RULE_A", "PH_RULE_B")', clear='eventType = "PH_RULE_C"').rule
    assert ("PH_RULE_A", "PH_RULE_C") == reads_incidents(rule, types)
    assert ("PH_RULE_A",) == reads_incidents(replace(rule, clear=None), types)


def test_small_things() -> None:
    """A place reads as editors take it; a source is named without its folder; tactics are ATT&CK's."""
    assert ("a.xml:3", "a.xml:3: rule R") == (str(Origin("a.xml", "", 3)), str(Origin("a.xml", "R", 3)))
    assert "Imported from a.xml, rule R" == source_note("of/somebody/a.xml", "R")
    assert (("Command and Control",), ()) == (tactics_of(" command AND control "), tactics_of("Application"))
