"""The cases of every rule of this checkout, as records to play and incidents to compare: one corpus for every runner.

Cases do not know of each other. :func:`scheduled` puts them far enough apart in time to be played into one topic
without a group, a window or an incident of one reaching into the next; an incident is that of the case in whose time
it lies.
"""

import shutil
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from stream_app.engine.playing import BASE_MS
from stream_app.rulebook.cases import CASES, Case, load_cases
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.rulebook.rulefile import Defaults
from stream_app.sysmon.normalise import Unreadable, normalise

RULES = Path(__file__).parents[1] / "rules"
SEED = RULES / "windows-python-initiated-connection"
"""The rule that the project starts from: the one of runs that are about anything but rules."""
EVERY_CHANGE = Defaults(update_interval=0)
"""What cases are played with: each decision is said. Workers have STREAM_APP_UPDATE_INTERVAL_S=0 for it."""

Keyed = tuple[bytes | None, bytes, int]
"""A record to produce: key, value, timestamp in milliseconds."""


def seed_rules(folder: Path) -> Path:
    """Put that rule and its cases into a folder of rules of its own, and give the folder."""
    shutil.copytree(SEED, folder / SEED.name, dirs_exist_ok=True)
    return folder


def seed_rulebook() -> Rulebook:
    """Give that rule alone, so that no other one reads its incidents."""
    rulebook = load_rulebook(RULES, EVERY_CHANGE)
    rule = replace(rule_of(SEED, rulebook), chained=False)
    return Rulebook({rule.id: rule})


def corpus(folder: Path = RULES) -> list[tuple[Path, Case]]:
    """Give every case of every rule that has a file of cases, with its rule's folder, in the order of names."""
    return [(path.parent, case) for path in sorted(folder.glob(f"*/{CASES}")) for case in load_cases(path)]


def rule_of(folder: Path, rulebook: Rulebook) -> Rule:
    """Give the rule that stands in a folder, by the id that its file says."""
    text = (folder / f"{folder.name}.toml").read_text(encoding="utf-8")
    return rulebook.rules[tomllib.loads(text)["id"]]


def records(case: Case, base_ms: int = BASE_MS) -> list[Keyed]:
    """Give the records of a case that begins at ``base_ms``, in the order they arrive in, keyed by their host."""
    return [(_host(event.value), event.value, base_ms + event.at_ms) for event in case.events]


def _host(value: bytes) -> bytes | None:
    """Give the key a record has on the topic: its host's name, or none."""
    try:
        host = normalise(value).attributes.get("hostName")
    except Unreadable:
        return None
    return None if host is None else str(host).encode()


def scheduled(
    cases: Iterable[tuple[Path, Case]], rulebook: Rulebook, base_ms: int = BASE_MS
) -> list[tuple[Path, Case, int]]:
    """Give each case the time it begins at, so that all can be played one after the other into one topic."""
    rules = rulebook.rules.values()
    apart = max(max(rule.window, rule.clear_after) + rule.lateness for rule in rules) + 1
    planned: list[tuple[Path, Case, int]] = []
    for folder, case in cases:
        planned.append((folder, case, base_ms))
        base_ms += max(event.at_ms for event in case.events) + apart
    return planned


def projection(incident: Mapping[str, object], base_ms: int, rule: Rule) -> dict[str, object]:
    """Give what a case says of an incident, from the JSON object on the wire of a case that began at ``base_ms``."""
    last = incident["incidentLastSeen"]
    assert isinstance(last, int)
    told: dict[str, object] = {"at": (last - base_ms) / 1000}
    told |= {name: incident[name] for name in ("activity", "count", "incidentCount")}
    return told | {name: incident[name] for name, _ in (*rule.mapping, *rule.shown) if name in incident}


def ordered(incidents: Iterable[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Sort projections: between groups, the order on the wire is nobody's promise."""
    return sorted(incidents, key=lambda incident: sorted((name, str(value)) for name, value in incident.items()))
