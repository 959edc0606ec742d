"""What each SOAR maps to what, as the tables of deploy/SOAR.md: ``python -m tests.docs.soar`` prints them."""

import sys
from collections.abc import Iterable

from stream_app.handoff.cef import LABELS
from stream_app.handoff.formats import FORMATS, Format
from stream_app.handoff.mapping import TEXT
from stream_app.handoff.native import FIELDS


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def formats() -> str:
    """Give the table of formats: setting, schema header, version, what stands in every record, the source."""
    rows = [
        _row(
            (
                form.title,
                f"`STREAM_APP_{form.name.upper()}_TOPIC`",
                f"`{form.name}` `{form.version}`",
                ", ".join(f"`{path}`: {value}" for path, value in form.fixed.items()),
                form.source,
            )
        )
        for form in FORMATS
    ]
    head = _row(("format", "setting of its topic", "schema and version", "in every record", "written from"))
    return "\n".join([head, "| --- | --- | --- | --- | --- |", *rows])


def mappings() -> str:
    """Give the table of fields and attributes: a column for each format."""
    first = [*FIELDS, "incidentClearedTime", "mergedInto", "cut"]
    others = {field.of for form in FORMATS for field in form.fields} | {
        name for form in FORMATS for name in form.observables
    }
    names = [*first, *sorted(others - set(first))]
    rows = [_row((f"`{name}`", *(_cell(form, name) for form in FORMATS))) for name in names]
    head = _row(("of an incident", *(form.title for form in FORMATS)))
    return "\n".join([head, f"| --- |{' --- |' * len(FORMATS)}", *rows])


def _cell(form: Format, name: str) -> str:
    said = []
    for field in form.fields:
        if field.of == name:
            label = f" ({LABELS[field.to]})" if form.name == "cef" and field.to in LABELS else ""
            shape = "" if field.shape is TEXT else f" ({field.shape.name})"
            said.append(f"`{field.to}`{label}{shape}")
    if name in form.observables:
        said.append(f"observable: {form.observables[name]}")
    return "<br>".join(said)


if __name__ == "__main__":
    sys.stdout.write(f"{formats()}\n\n{mappings()}\n")
