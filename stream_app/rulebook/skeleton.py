"""A new rule to begin with: its folder's name and a Sysmon event in, the texts of a rule file and of its cases out.

Decision: the rule is right as it stands, its cases pass and decide by every comparison, so that whatever is wrong later
was changed since.
"""

from msgspec import Struct

from stream_app.sysmon.attributes import EVENTS, fields_of
from stream_app.sysmon.carried import FIELDS_OF_SYSMON
from stream_app.sysmon.event_type import WINDOWS_SYSMON

_TELLING = ("Image", "SourceImage", "ImageLoaded", "User", "State", "Configuration", "Description")
"""Fields to begin with, of which each event has one: the first of them that it has is taken."""

_RULE = """\
id = "{rule_id}"
name = "{name}"
description = "What it means when this happens, and what to look at first."
severity = 5                                    # 1 to 10
category = "Security"
tactics = []                                    # ATT&CK, by name: "Execution"
techniques = []                                 # by number: "T1059.006"
window = 300                                    # seconds

[pattern.Filter]
query = '''eventType CONTAIN "{event_type}" AND {attribute} CONTAIN "example"'''
group_by = ["hostName", "{attribute}"]
aggregate = "COUNT(*) >= 1"

[incident]
hostName = "Filter.hostName"
{attribute} = "Filter.{attribute}"
"""

_CASES = """\
# Sysmon event {event_id}, {event_name}, as a log shipper writes it; cases say what is different.
[event]
EventID = {event_id}
Channel = "Microsoft-Windows-Sysmon/Operational"
SourceName = "Microsoft-Windows-Sysmon"
Hostname = "ws-001.corp.example"
{field} = "example-1"

# What every incident has here; cases say what is different.
[incident]
at = 0                                          # seconds from the start of the case to the last trigger
activity = "create"
count = 1                                       # triggers
incidentCount = 1                               # events behind them
hostName = "ws-001.corp.example"
{attribute} = "example-1"

[[case]]
name = "one event raises one incident"
events = [{{ at = 0 }}]
incidents = [{{}}]

[[case]]
name = "the same again within the window updates it"
events = [{{ at = 0 }}, {{ at = 60 }}]
incidents = [{{}}, {{ at = 60, activity = "update", count = 2, incidentCount = 2 }}]

[[case]]
name = "another {field} is quiet"
events = [{{ at = 0, {field} = "other" }}]
incidents = []

[[case]]
name = "an event of another type is quiet"
events = [
    {{ at = 0, record = '{{"eventType":"Win-Security-4688","hostName":"ws-001","{attribute}":"example-1"}}' }},
]
incidents = []
"""


class Skeleton(Struct, frozen=True):
    """The texts of a new rule's files."""

    rule: str
    cases: str


def skeleton(slug: str, event_id: int) -> Skeleton:
    """Give the files of a rule in the folder ``slug`` that looks at one of Sysmon's events. Raises KeyError."""
    fields = FIELDS_OF_SYSMON[event_id].split()
    field = next(each for each in _TELLING if each in fields)
    words = {
        "rule_id": slug.upper().replace("-", "_"),
        "name": slug.replace("-", " ").capitalize(),
        "event_id": event_id,
        "event_name": EVENTS[event_id],
        "event_type": f"{WINDOWS_SYSMON}-{event_id}-",
        "field": field,
        "attribute": fields_of(event_id)[field][0],
    }
    return Skeleton(_RULE.format(**words), _CASES.format(**words))
