"""Timed cases of a rule: a ``cases.toml`` in, the records to play and the incidents to expect out.

A case's events are Sysmon's own fields (EventID, Computer, Image ...) laid over the file's ``[event]`` table and
written as one flat JSON object, or a ``record`` as it stands: another shape, or what cannot be read. Its incidents are
the complete list, each laid over the file's ``[incident]`` table; ``incidents = []`` means that the rule must be quiet.
``absent`` takes fields of the default table away.

Decision: a case shows every decision, so cases are played with an ``update_interval`` of 0 where the rule sets none of
its own. A case ends with its last record: an incident that was not quiet long enough by then stands, and no clear of it
is expected. To show a clear, let a later record, of another group, move time.

Decision: an expectation must equal the whole projection of an incident. A field that was forgotten is a difference, so
nobody has to remember to ask for it.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.rulebook.document import Document, document_beside, parse_document, read_text
from stream_app.rulebook.fields import Fields, kind_of

CASES = "cases.toml"
"""The name of the file, in a rule's folder."""

Scalar = str | int | float

NUMBERS = ("at", "activity", "count", "incidentCount")
"""What every expected incident says besides its attributes: seconds from the start of the case to its last trigger,
``create``, ``update`` or ``clear``, triggers, and the events behind them."""

_SECOND = 1000


class CaseEvent(Struct, frozen=True):
    """A record to play: ``at_ms`` milliseconds after the start of its case, and the bytes of its value."""

    at_ms: int
    value: bytes


class Case(Struct, frozen=True):
    """A named scene: the records in the order they arrive in, and all that must come of them."""

    name: str
    events: tuple[CaseEvent, ...]
    incidents: tuple[dict[str, Scalar], ...]
    rejected: tuple[str, ...] = ()
    """The reasons, in order, of the records that must be rejected."""
    place: str = ""
    """Where it is written: ``path:line``."""


def cases_beside(documents: Mapping[str, Document]) -> dict[str, tuple[Case, ...]]:
    """Give the cases of rules whose files these are, by the same names; of those without cases, nothing.

    Raises LanguageError with all that is wrong in any of them.
    """
    found: dict[str, tuple[Case, ...]] = {}
    problems: list[Diagnostic] = []
    for rule_id, document in documents.items():
        try:
            beside = document_beside(document, CASES)
            if beside is not None:
                found[rule_id] = read_cases(beside)
        except LanguageError as error:
            problems += error.diagnostics
    if problems:
        raise LanguageError(problems)
    return found


def load_cases(path: Path) -> tuple[Case, ...]:
    """Read a file of cases. Raises LanguageError with all that is wrong."""
    return read_cases(parse_document(path.as_posix(), read_text(path)))


def read_cases(document: Document) -> tuple[Case, ...]:
    """Give the cases that the document holds. Raises LanguageError with all that is wrong."""
    problems: list[Diagnostic] = []
    fields = Fields.of(document, problems)
    event = _defaults(fields.table("event"))
    incident = _defaults(fields.table("incident"))
    cases: dict[str, Case] = {}
    for table in fields.tables("case", required=True):
        name = table.text("name")
        if name in cases:
            table.at_value(f"there is another case named {name!r}", "name")
        at = table.document.at_key(table.path, "")
        cases[name] = Case(
            name=name,
            place=f"{at.path}:{at.line}",
            events=tuple(_event(each, event) for each in table.tables("events", required=True)),
            incidents=tuple(_incident(each, incident) for each in table.tables("incidents", required=True)),
            rejected=tuple(reason for _, reason in table.words("rejected")),
        )
        if table.data.get("events") == []:
            table.at_value("a case without events shows nothing", "events")
        table.close()
    if fields.data.get("case") == []:
        fields.at_value("there is no case", "case")
    fields.close()
    if problems:
        raise LanguageError(problems)
    return tuple(cases.values())


def _defaults(table: Fields | None) -> dict[str, Scalar]:
    return {} if table is None else _scalars(table)


def _scalars(table: Fields) -> dict[str, Scalar]:
    """Read all other keys of a table: strings, numbers and booleans."""
    scalars: dict[str, Scalar] = {}
    for key, value in table.rest().items():
        if isinstance(value, str | int | float):
            scalars[key] = value
        else:
            table.at_value(f"{key}: expected a string, a number or a boolean, got {kind_of(value)}", key)
    return scalars


def _laid_over(table: Fields, defaults: dict[str, Scalar]) -> dict[str, Scalar]:
    """Lay a table over the defaults, less what it says is absent."""
    absent = table.texts("absent")
    own = _scalars(table)
    for name, index in absent.items():
        if name not in defaults or name in own:
            table.at_value(f"absent: {name!r} is no field of the default table, or is given here", "absent", index)
    return {**{name: value for name, value in defaults.items() if name not in absent}, **own}


def _event(table: Fields, defaults: dict[str, Scalar]) -> CaseEvent:
    at = round(table.number("at") * _SECOND)
    if "record" not in table.data:
        return CaseEvent(at, msgspec.json.encode(_laid_over(table, defaults)))
    record = table.text("record")
    table.close()
    return CaseEvent(at, record.encode())


def _incident(table: Fields, defaults: dict[str, Scalar]) -> dict[str, Scalar]:
    incident = _laid_over(table, defaults)
    for name in NUMBERS:
        if name not in incident:
            table.at_key(f"missing key {name!r}")
    return incident
