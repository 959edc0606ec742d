"""The incident as an alert of TheHive, checked against the types of TheHive's own client."""

from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from hypothesis import given, settings
from thehive4py.types.alert import InputAlert, InputUpdateAlert

from stream_app.engine.incident import Incident
from stream_app.handoff.thehive import to_bytes
from tests.unit.handoff.made import ID_TEXT, MANY, OTHER_TEXT, TIME, document, incidents, made, merged, over, updated


def is_one(value: object, kind: Any) -> bool:
    """Tell whether a value is of a type of TheHive's, with all that it requires and nothing that it does not know."""
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        fits = isinstance(value, dict) and kind.__required_keys__ <= value.keys() <= hints.keys()
        return fits and all(is_one(each, hints[name]) for name, each in value.items())
    if get_origin(kind) is list:
        return isinstance(value, list) and all(is_one(each, *get_args(kind)) for each in value)
    if get_origin(kind) is Union:
        return any(is_one(value, each) for each in get_args(kind))
    return isinstance(value, kind)


def checked(told: Incident, limit: int = 1_000_000) -> dict[str, Any]:
    """Give the body, which must hold what its request takes and nothing else."""
    read = document(to_bytes(told, limit))
    assert is_one(read, InputAlert if told.activity == "create" else InputUpdateAlert)
    assert all(0 < len(each["data"]) <= 4096 for each in read.get("observables", ()))
    assert len(read.get("title", "")) <= 512
    return read


def test_create() -> None:
    """A new alert has all that TheHive requires; its reference is the incident's id."""
    read = checked(made(MANY))
    assert ("correlation", "stream_app", ID_TEXT, 2, TIME) == tuple(
        read[name] for name in ("type", "source", "sourceRef", "severity", "date")
    )
    assert {"dataType": "ip", "data": "203.0.113.9", "message": "destIpAddr"} in read["observables"]
    assert 1 == sum(each["data"] == "example.org" and each["dataType"] == "hostname" for each in read["observables"])
    assert ["rule=PH_Rule_SIGMA_1774", "category=Security", "tactic=Discovery", "technique=T1046", "customer=1"] == (
        read["tags"]
    )


def test_update_leaves_what_an_analyst_may_have_set() -> None:
    """Neither title nor severity nor tags are written again; what is over gets a tag and says since when."""
    plain = {"type", "source", "sourceRef", "lastSyncDate", "description"}
    assert plain == set(checked(updated(made(MANY))))
    cleared = checked(over(made(MANY)))
    assert plain | {"summary", "addTags"} == set(cleared)
    assert (["cleared"], "Over since 2023-11-14T22:13:25.000Z.") == (cleared["addTags"], cleared["summary"])
    taken = checked(merged(made(MANY)))
    assert (["merged"], f"Went into incident {OTHER_TEXT}.") == (taken["addTags"], taken["summary"])


def test_a_description_is_code() -> None:
    """Each line begins with four blanks, so that Markdown shows what a value holds; nothing in it is hidden."""
    read = checked(made({"command": "[x](http://evil)\n# big\u202e\xad\U000e0041", "procName": "</pre>"}))
    lines = read["description"].split("\n")
    assert all(line.startswith("    ") for line in lines)
    assert "    command: [x](http://evil)\\u000a# big\\u202e\\u00ad\\ue0041" in lines
    assert "    record: sysmon/0@42" in lines


def test_long_titles_and_data() -> None:
    """A title is cut; data that is too long is no observable, since the half of it would be another one."""
    read = checked(made({"command": "c" * 5000, "hostName": ""}, name="n" * 600))
    assert "n" * 511 + "…" == read["title"]
    assert [] == read["observables"]
    assert f"command: {'c' * 5000}" in read["description"]


@given(incidents())
@settings(max_examples=100, deadline=None)
def test_any_incident_is_taken(told: Incident) -> None:
    """Whatever the attributes hold; also when it is cut, which the description says."""
    checked(told)
    assert "    cut: it was too large for its topic" == checked(told, 1)["description"].split("\n")[-1]
