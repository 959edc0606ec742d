"""The incident's identity, as anybody can recompute it."""

from collections.abc import Callable
from uuid import UUID, uuid5

from stream_app.engine.incident import NAMESPACE, id_text, incident, incident_id
from stream_app.engine.key import Key
from stream_app.engine.match import Match
from stream_app.engine.observe import observe
from stream_app.rulebook.rule import Rule

GROUP = ("hostName", "command")
KEY = Key("PH_Rule_Test", "1", ("pc1", None))


def test_id(rule_of: Callable[..., Rule]) -> None:
    """The id is the UUIDv5 of the JSON text that the module's docstring gives, and is this one for ever."""
    name = '["1","PH_Rule_Test",[["command",null],["hostName","pc1"]],1000]'
    made = id_text(incident_id(rule_of(group_by=GROUP), KEY, 1000))
    assert str(uuid5(NAMESPACE, name)) == made
    assert "42577c55-a827-57ed-9648-b3e5448c3ded" == made
    assert UUID(made).version == 5


def test_id_differs(rule_of: Callable[..., Rule]) -> None:
    """Customer, rule, each value, absence and first seen are all part of the id; the order of the mapping is not."""
    rule = rule_of(group_by=GROUP)
    swapped = rule_of(group_by=GROUP, mapping=tuple(reversed(rule.mapping)))
    assert incident_id(rule, KEY, 1000) == incident_id(swapped, KEY, 1000)
    others = [
        (Key("PH_Rule_Test", "2", ("pc1", None)), 1000),
        (Key("PH_Rule_Other", "1", ("pc1", None)), 1000),
        (Key("PH_Rule_Test", "1", ("pc1", "")), 1000),
        (Key("PH_Rule_Test", "1", (None, "pc1")), 1000),
        (Key("PH_Rule_Test", "1", ("pc1", None)), 1001),
    ]
    assert 6 == len({incident_id(rule, key, first) for key, first in [(KEY, 1000), *others]})


def test_rule_grew(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A match that was on its way when its rule came to group by more still makes an incident, of what it says."""
    observed = observe(rule_of(group_by=GROUP), None, match_of(1000, 7, group=("pc1",)), 0, None)
    assert {"hostName": "pc1"} == observed.incidents[0].attributes


def test_none() -> None:
    """No id is the empty text."""
    assert "" == id_text(b"")


def test_incident(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An incident bears the rule's facts, its evidence, and the attributes that are present, as they are mapped."""
    rule = rule_of(group_by=GROUP, mapping=(("computer", "hostName"), ("command", "command")))
    row = observe(rule, None, match_of(1000, 7, 3, group=("pc1", None)), 0, None).row
    told = incident(rule, KEY, row.episodes[0], row.sources)
    assert {"computer": "pc1"} == told.attributes
    assert ("sysmon/3@7",) == told.evidence
    assert ("create", 1, 0, "") == (told.activity, told.revision, told.status, told.merged_into)
    assert (rule, KEY) == (told.rule, told.key)
    assert id_text(row.episodes[0].id) == told.incident_id
