"""The corpus of Sigma rules: YAML tables of small rules in, each with the events that it must and must not match."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from stream_app.exchange.imported import Imported, Refused
from stream_app.exchange.sigma import import_sigma
from stream_app.exchange.sigma_source import CATEGORIES
from stream_app.language.compile import Environment
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.rule import Rule
from stream_app.rulebook.rulefile import Defaults, read_rule
from stream_app.rulebook.write import write_rule
from stream_app.sysmon.attributes import VOCABULARY

HERE = Path(__file__).parent
ENVIRONMENT = Environment(vocabulary=VOCABULARY)
SYSMON = "Microsoft-Windows-Sysmon"


class Entry(Struct, frozen=True):
    """A rule of the corpus. Events are fields of Sysmon's; ``alone`` says why there is no second opinion on it."""

    name: str
    detection: dict[str, Any]
    match: tuple[dict[str, Any], ...] = ()
    miss: tuple[dict[str, Any], ...] = ()
    category: str = "process_creation"
    logsource: dict[str, str] | None = None
    placeholders: dict[str, tuple[str, ...]] = {}
    alone: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The rule as a document of Sigma's."""
        return {
            "title": self.name,
            "logsource": self.logsource or {"product": "windows", "category": self.category},
            "detection": {"condition": "selection", **self.detection},
        }

    @property
    def event_id(self) -> int:
        """The event id of events that say none."""
        return CATEGORIES[self.category][0]


def entries(*files: str) -> list[Entry]:
    """Give the entries of these tables, in their order."""
    return [msgspec.convert(each, Entry) for file in files for each in yaml.safe_load((HERE / file).read_text("utf-8"))]


def no_include(path: str, name: str) -> tuple[str, str]:  # noqa: ARG001 - as includes are asked for
    """Include nothing."""
    raise FileNotFoundError(name)


def imported(
    *documents: Mapping[str, Any], placeholders: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Imported | Refused]:
    """Import documents as those of one file."""
    text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True)
    return import_sigma([("rule.yml", text)], no_include, placeholders or {})


def loaded(found: Imported) -> Rule:
    """Give a rule as it is loaded from the file that is written for it."""
    return read_rule(parse_document("rule.toml", write_rule(found.rule)), ENVIRONMENT, Defaults())


def record(event_id: int, fields: Mapping[str, Any]) -> bytes:
    """Give an event as a record of flat JSON."""
    head = {"EventID": event_id, "SourceName": SYSMON, "Channel": f"{SYSMON}/Operational", "Hostname": "ws-01"}
    return msgspec.json.encode({**head, **fields})
