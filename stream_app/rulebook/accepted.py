"""Findings that a rule's author accepts, with a reason: ``accepted.toml`` beside a rule in, what is left to mend out.

Decision: they stand beside the rule, not in it: a rule that was taken over from elsewhere stays as it was, and what is
accepted decides nothing. An acceptance without a finding is a finding itself, so that none outlives its reason.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.rulebook.document import Document, document_beside
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.findings import CODES, NOT_FOUND, Finding

ACCEPTED = "accepted.toml"
"""The name of the file, in a rule's folder."""


class Acceptance(Struct, frozen=True):
    """A finding that is accepted: those with its code, narrowed by an attribute or by a text that they are about."""

    code: str
    reason: str
    attribute: str
    text: str
    place: Diagnostic

    def covers(self, finding: Finding) -> bool:
        """Tell whether a finding of the same rule is accepted."""
        return (
            self.code == finding.code
            and self.attribute in {"", finding.attribute}
            and (self.text == "" or self.text in finding.text)
        )


def accepted_beside(documents: Mapping[str, Document]) -> dict[str, tuple[Acceptance, ...]]:
    """Give what is accepted of rules whose files these are, by the same names.

    Raises LanguageError with all that is wrong in any of them.
    """
    problems: list[Diagnostic] = []
    found: dict[str, tuple[Acceptance, ...]] = {}
    for rule_id, document in documents.items():
        try:
            beside = document_beside(document, ACCEPTED)
            found[rule_id] = () if beside is None else read_accepted(beside)
        except LanguageError as error:
            problems += error.diagnostics
    if problems:
        raise LanguageError(problems)
    return found


def read_accepted(document: Document) -> tuple[Acceptance, ...]:
    """Give what the document accepts. Raises LanguageError with all that is wrong."""
    problems: list[Diagnostic] = []
    fields = Fields.of(document, problems)
    found: list[Acceptance] = []
    for table in fields.tables("accept", required=True):
        code = table.text("code")
        if code and (code not in CODES or code == NOT_FOUND):
            table.at_value(f"unknown code {code!r}: they are {', '.join(sorted({*CODES} - {NOT_FOUND}))}", "code")
        place = document.at_key(table.path, "")
        given = table.text("attribute", ""), table.text("text", "")
        found.append(Acceptance(code, table.text("reason"), *given, place))
        table.close()
    fields.close()
    if problems:
        raise LanguageError(problems)
    return tuple(found)


def left(
    findings: Iterable[Finding], accepted: Mapping[str, Sequence[Acceptance]], judged: Iterable[str]
) -> Iterator[Finding]:
    """Give the findings that are not accepted, then what is accepted and did not occur, of ``judged`` codes."""
    occurred: set[tuple[str, int]] = set()
    for finding in findings:
        by = [number for number, each in enumerate(accepted.get(finding.rule, ())) if each.covers(finding)]
        occurred.update((finding.rule, number) for number in by)
        if not by:
            yield finding
    codes = set(judged)
    for rule_id, all_of in accepted.items():
        for number, each in enumerate(all_of):
            if (rule_id, number) not in occurred and each.code in codes:
                yield _not_found(rule_id, each)


def _not_found(rule_id: str, accepted: Acceptance) -> Finding:
    about = accepted.attribute or accepted.text
    said = f"{accepted.code} is accepted{' of ' if about else ''}{about} and does not occur"
    at = accepted.place
    place = Diagnostic(at.path, at.line, at.column, said, at.source_line)
    return Finding(NOT_FOUND, rule_id, place, "delete the acceptance", accepted.attribute, accepted.text)
