"""What a rule file may hold, as a JSON schema: nothing in, the schema out, for editors that check while one types.

Decision: the schema says what can be said of a key alone: types, words, bounds, names. What belongs together is known
to ``rules check`` only. It is written from the bounds and names of what reads the file, and a test holds it to that:
every key that is asked for is here, every key that is here is asked for, and each bound and word is the reader's.
"""

import re
from collections.abc import Iterable, Mapping

from stream_app.rulebook.caps import MOST
from stream_app.rulebook.filling import LIST_NAME, LONGEST_KEEP
from stream_app.rulebook.mapping import INCIDENT_FIELDS
from stream_app.rulebook.pattern import NAME
from stream_app.rulebook.periods import DAYS
from stream_app.rulebook.rule import MOST_ROW_BYTES
from stream_app.rulebook.rulefile import ID, LEAST_ROW_BYTES, LONGEST, MOST_EVIDENCE, TECHNIQUE
from stream_app.sysmon.attributes import VOCABULARY

Schema = dict[str, object]

_TABLES = ("pattern", "incident", "clear", "flood", "watch_list", "exception")
"""In the order of rule files (``write.py``)."""

_GROUP_BY = "Attributes by whose values events are grouped; [] is one group for all."
_AGGREGATE = "What the events of a group must satisfy within the window: COUNT(*) >= 3."


def _text(description: str, **more: object) -> Schema:
    return {"type": "string", "description": description, **more}


def _words(description: str, choices: Mapping[str, str], default: str) -> Schema:
    """Give a choice of words, each with what it stands for."""
    said = "; ".join(f"{word}: {meaning}" for word, meaning in choices.items())
    return _text(f"{description} {said}. Default: {default}.", enum=list(choices))


def _integer(description: str, low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high, "description": description}


def _texts(description: str, **item: object) -> Schema:
    items = {"type": "string", "minLength": 1, **item}
    return {"type": "array", "items": items, "uniqueItems": True, "description": description}


def _table(description: str, properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _tables(description: str, properties: Mapping[str, Schema], required: tuple[str, ...]) -> Schema:
    return {"type": "array", "description": description, "items": _table(description, properties, required)}


def _attributes(description: str, names: list[str], value: Schema) -> Schema:
    """Give a table whose keys are incident attributes."""
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"enum": names},
        "additionalProperties": value,
    }


def _anchored(pattern: re.Pattern[str]) -> str:
    return f"^{pattern.pattern}$"


def _described() -> dict[str, Schema]:
    """Give what describes a rule and its incidents."""
    return {
        "id": _text("What FortiSIEM calls ruleId; it never changes, and is its own.", pattern=_anchored(ID)),
        "name": _text("The title of incidents.", minLength=1),
        "description": _text("What it means that an incident is raised."),
        "severity": _integer("eventSeverity: 1 to 4 low, 5 to 8 medium, 9 and 10 high.", 1, 10),
        "category": _text("phIncidentCategory, such as Security.", minLength=1),
        "subcategory": _text("phSubIncidentCategory."),
        "tactics": _texts("ATT&CK tactics by name."),
        "techniques": _texts("ATT&CK techniques by number: T1059.006.", pattern=_anchored(TECHNIQUE)),
    }


def _options() -> dict[str, Schema]:
    """Give what decides beside the patterns."""
    receive = "when a record was received (phRecvTime)"
    arrival, final = "as soon as an event comes", "when the stream is lateness past it"
    return {
        "window": _integer("Seconds in which events count together.", 1, LONGEST),
        "trigger": _text("How several patterns belong together: A FOLLOWED_BY B.", minLength=1),
        "global": _text("What group-by values of two patterns must satisfy: A.hostName = B.hostName.", minLength=1),
        "enabled": {"type": "boolean", "description": "Whether the rule runs. Default: true."},
        "shadow": {"type": "boolean", "description": "Whether its incidents go to a topic apart. Default: false."},
        "case": _words("Whether capitals count.", {"ignore": "no", "exact": "yes"}, "the worker's setting"),
        "clock": _words(
            "A rule's time.", {"receive": receive, "event": "when its event was created"}, "the worker's setting"
        ),
        "decide": _words(
            "When constraints are decided.", {"arrival": arrival, "final": final}, "what the constraints need"
        ),
        "lateness": _integer("Seconds that a record may be behind the stream and still count.", 0, LONGEST),
        "clear_after": _integer("Seconds without a trigger after which an incident is over.", 1, LONGEST),
        "evidence": _integer("Triggering records that an incident names.", 1, MOST_EVIDENCE),
        "update_interval": _integer("Seconds between records of one incident; 0: all.", 0, LONGEST),
        "row_limit": _integer("Bytes that the row of a group may have.", LEAST_ROW_BYTES, MOST_ROW_BYTES),
    }


def _patterns(attributes: list[str]) -> dict[str, Schema]:
    """Give the patterns, and what clears an incident."""
    asked = {
        "query": _text("The filter, in FortiSIEM's language, as a literal string.", minLength=1),
        "group_by": _texts(_GROUP_BY, enum=attributes),
        "aggregate": _text(_AGGREGATE, minLength=1),
    }
    match = _attributes("Incident attribute = attribute of the clear event that equals it.", attributes, _text(""))
    pattern = _table(
        "A subpattern: which events, grouped by what, how many.", asked, ("query", "group_by", "aggregate")
    )
    return {
        "pattern": {
            "type": "object",
            "description": "Subpatterns by name: [pattern.<Name>].",
            "minProperties": 1,
            "propertyNames": {"pattern": _anchored(NAME)},
            "additionalProperties": pattern,
        },
        "clear": _table("Which event ends incidents.", {**asked, "match": match}, ("query", "group_by", "match")),
    }


def _incidents(attributes: list[str]) -> dict[str, Schema]:
    """Give what incidents show, whom they concern, and when there are none."""
    own = [name for name in attributes if name not in INCIDENT_FIELDS]
    excepted = {
        "when": _text("Condition over incident attributes under which nothing is raised.", minLength=1),
        "reason": _text("Why.", minLength=1),
        "from": _text("From this moment on: a date-time with an offset.", format="date-time"),
        "until": _text("Until before this moment: a date-time with an offset.", format="date-time"),
        "days": _texts("On these days of the week.", enum=list(DAYS)),
        "start": _text("From this time of the day on: 22:00:00."),
        "end": _text("Until before this time of the day; earlier than start, it is the next day's."),
        "zone": _text("Whose clock days, start and end are of: Europe/Berlin.", minLength=1),
    }
    listed = {
        "name": _text("The list; rules read it as WatchList@<name>.", pattern=_anchored(LIST_NAME)),
        "attribute": _text("The incident attribute whose value is put on it.", enum=own),
        "keep": _integer("Seconds for which an entry stays. Default: 30 days.", 1, LONGEST_KEEP),
    }
    capped = {
        "per_hour": _integer("Incidents that are told of those of an hour, for a customer.", 1, MOST),
        "per_day": _integer("Incidents that are told of those of a day (UTC), for a customer.", 1, MOST),
    }
    source = _text("<Pattern>.<attribute> that it groups by, or <Pattern>.<aggregate>.", minLength=1)
    return {
        "incident": _attributes("Incident attribute = where its value comes from.", own, source),
        "exception": _tables("When a trigger raises nothing.", excepted, ("when", "reason")),
        "watch_list": _tables("What new incidents put on watch lists.", listed, ("name", "attribute")),
        "flood": _table("How many incidents are told before one summary counts the rest.", capped),
    }


def rule_schema(declared: Iterable[str] = ()) -> Schema:
    """Give the schema of a rule file (JSON schema, draft 7), for a folder that declares these attributes."""
    attributes = sorted({*VOCABULARY, *declared})
    tables = {**_patterns(attributes), **_incidents(attributes)}
    keys = {**_described(), **_options(), **{name: tables[name] for name in _TABLES}}
    required = ("id", "name", "severity", "category", "window", "pattern")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A correlation rule of stream_app",
        **_table("One rule: <slug>/<slug>.toml in the folder of rules.", keys, required),
    }
