"""A page of FortiSIEM's rule catalogue, text or HTML, goes in; its rule comes out as plain data, or why there is none.

A page has headings in one order, each with a sentence that explains it and what the rule says. Decisions: a page knows
no subcategory, so that is the first of its tactics, as in FortiSIEM's XML; ``tactics`` are those that ATT&CK has. The
trigger line of a single subpattern is not written. A page that was cut off is refused: half a rule is another rule.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from stream_app.exchange.attack import tactics_of
from stream_app.exchange.fortisiem_xml import folded, mapping_of, names_of
from stream_app.exchange.imported import Choices, Imported, Origin, Reason, Refused, source_note, with_parentheses
from stream_app.exchange.page_lines import Line, page_lines
from stream_app.language.diagnostics import LanguageError
from stream_app.language.trigger import OPERATORS
from stream_app.rulebook.document import decode_text
from stream_app.rulebook.text import PatternText, RuleText

ID, SUBPATTERN = "Rule ID", "SubPattern Name"
HEADINGS = (
    ID,
    "Default Status",
    "Description",
    "Severity",
    "Category",
    "MITRE ATT&CK Tactics",
    "MITRE ATT&CK Techniques",
    "Impacts",
    "Data Source",
    "Detection",
    "Remediation Guidance",
    "Time Window",
    "Trigger Conditions",
    "Global Constraint",
    "SubPattern Definitions",
)
"""In the order of a page; then the subpatterns, and the mapping of the last of them is the rule's."""

PARTS = ("SubPattern Query", "Group by Attributes", "Aggregate Constraint")
DESCRIBES = ("Impacts", "Data Source", "Detection", "Remediation Guidance")
"""What decides nothing, and a rule file has no key for."""

MAPPING = "Incident Attribute Mapping"

_EXPLAINS = re.compile(
    r"(?:If the following (?:pattern|defined)|This is the (?:named definition|query logic)|This is most typically"
    r"|This defines how|This section defines|The available raw event attributes)\b.*"
)
_WINDOW = re.compile(r"([0-9]{1,9}) seconds?")
_TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?")
_NAME = re.compile(r"\w+")
_CUT_OFF = ("…", "...")
_STATUS = {"enabled": True, "disabled": False}
_SHOWN = 60


def is_page(text: str) -> bool:
    """Tell whether a text holds what every page of a rule does."""
    found = {line.text for line in page_lines(text)}
    return ID in found and PARTS[0] in found


def import_page(path: str, data: bytes, choices: Choices) -> Imported | Refused:
    """Read a page."""
    try:
        lines = page_lines(decode_text(path, data))
    except LanguageError as error:
        reasons = tuple(Reason(each.line, each.message) for each in error.diagnostics)
        return Refused(Origin(path, "", reasons[0].line), reasons)
    page = _Page(lines)
    rule, changed = page.rule()
    at = page.sections.get(ID, ())
    origin = Origin(path, rule.id, at[0].number if at else 1)
    if page.reasons:
        return Refused(origin, tuple(sorted(page.reasons, key=lambda reason: reason.line)))
    if choices.note_source:
        rule = replace(rule, comments=(source_note(path, rule.id),))
    left_out = tuple(name for name in DESCRIBES if page.said(name))
    return with_parentheses(Imported(origin, rule, "", changed, left_out), choices.bare_mix)


def _heading(text: str) -> str:
    """Give a line in the form in which headings are compared."""
    return " ".join(text.replace("®", "").rstrip(":").split())


class _Page:
    """The lines of a page by their headings; ``reasons`` grows while they are read."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.reasons: list[Reason] = []
        self.title = ""
        self.sections: dict[str, list[Line]] = {}
        self.patterns: list[tuple[Line, dict[str, list[Line]]]] = []
        self._split(lines)

    def _split(self, lines: Sequence[Line]) -> None:
        """Sort the lines under headings, which come in their order; the line before the first is the title."""
        waiting = list(HEADINGS)
        current: list[Line] = []
        for line in lines:
            name = _heading(line.text)
            begun, _, pattern = name.partition(":")
            if name in waiting:
                if name == ID and current:
                    self.title = current[-1].text
                waiting = waiting[waiting.index(name) + 1 :]
                current = self.sections.setdefault(name, [])
            elif begun == SUBPATTERN and HEADINGS[-1] in self.sections:
                self.patterns.append((Line(line.number, pattern.strip()), {}))
                current = []
            elif self.patterns and name in PARTS and name not in self.patterns[-1][1]:
                current = self.patterns[-1][1].setdefault(name, [])
            elif self.patterns and name == MAPPING and name not in self.sections:
                current = self.sections.setdefault(name, [])
            elif not _EXPLAINS.fullmatch(line.text):
                current.append(line)

    def rule(self) -> tuple[RuleText, tuple[str, ...]]:
        """Read everything; what is wrong is noted. Second: what is written otherwise than the page says it."""
        changed: list[str] = []
        subjects = list(_subjects(self.said("MITRE ATT&CK Tactics")))
        patterns = self._patterns()
        rule = RuleText(
            id=self._one(ID),
            name=self.title or self._missing(f"the rule's name, in the line before {ID!r}"),
            description=self._all("Description"),
            severity=self._number("Severity", re.compile("([0-9]{1,9})"), "a number"),
            category=self._one("Category"),
            subcategory=subjects[0] if subjects else "",
            tactics=tuple(tactic for subject in subjects for tactic in tactics_of(subject)),
            techniques=tuple(filter(_TECHNIQUE.fullmatch, _subjects(self.said("MITRE ATT&CK Techniques")))),
            window=self._number("Time Window", _WINDOW, "as in '300 seconds'"),
            trigger=self._trigger(list(patterns), changed),
            global_=self._all("Global Constraint", optional=True),
            enabled=self._status(),
            pattern=patterns,
            incident=self._mapping(),
        )
        return rule, tuple(changed)

    def said(self, name: str) -> Sequence[Line]:
        """Give the lines under a heading."""
        return self.sections.get(name, ())

    def _missing(self, what: str) -> str:
        self.reasons.append(Reason(1, f"the page lacks {what}"))
        return ""

    def _all(self, name: str, *, optional: bool = False) -> str:
        """Give the text under a heading, of one line or several."""
        text = "\n".join(line.text for line in self.said(name))
        if not text and not optional:
            return self._missing(repr(name))
        return self._whole(name, text, self.said(name))

    def _one(self, name: str) -> str:
        """Give the only line under a heading."""
        if len(self.said(name)) > 1:
            self.reasons.append(Reason(self.said(name)[1].number, f"{name}: more than one line"))
        return self._all(name)

    def _whole(self, name: str, text: str, lines: Sequence[Line]) -> str:
        if text.endswith(_CUT_OFF) and name != "Description":
            self.reasons.append(Reason(lines[-1].number, f"{name} is cut off: {text[-_SHOWN:]!r}"))
        return text

    def _number(self, name: str, form: re.Pattern[str], noun: str) -> int:
        text = self._one(name)
        found = form.fullmatch(text)
        if found is None and text:
            self.reasons.append(Reason(self.said(name)[0].number, f"{name}: expected {noun}, got {text[:_SHOWN]!r}"))
        return 0 if found is None else int(found.group(1))

    def _status(self) -> bool:
        text = self._one("Default Status")
        if text and text.lower() not in _STATUS:
            at = self.said("Default Status")[0].number
            self.reasons.append(Reason(at, f"Default Status: expected Enabled or Disabled, got {text[:_SHOWN]!r}"))
        return _STATUS.get(text.lower(), True)

    def _patterns(self) -> dict[str, PatternText]:
        found: dict[str, PatternText] = {}
        for line, parts in self.patterns:
            name = line.text
            if name in found:
                self.reasons.append(Reason(line.number, f"a second subpattern {name!r}"))
            query, group_by, aggregate = ("\n".join(each.text for each in parts.get(part, ())) for part in PARTS)
            for part, text in zip(PARTS, (query, group_by, aggregate), strict=True):
                self._whole(f"{part} of {name}", text, parts.get(part, ()))
                if part not in parts or (not text and part != PARTS[1]):
                    self.reasons.append(Reason(line.number, f"the page lacks {part!r} of {name}"))
            found[name] = PatternText(query=query, group_by=names_of(group_by.replace("\n", ",")), aggregate=aggregate)
        if not found:
            self._missing("'SubPattern Name'")
        return found

    def _trigger(self, names: list[str], changed: list[str]) -> str:
        """Read the trigger line; operators of different kinds without parentheses are read from left to right."""
        text = " ".join(self._all("Trigger Conditions").split())
        if len(names) < 2:  # noqa: PLR2004 - operators stand between two
            if names and text and text != names[0]:
                at = self.said("Trigger Conditions")[0].number
                self.reasons.append(Reason(at, f"Trigger Conditions: the only subpattern is {names[0]}, got {text!r}"))
            return ""
        text = re.sub(r"\bNOT FOLLOWED[ _]BY\b", "NOT_FOLLOWED_BY", text)
        text = re.sub(r"\bFOLLOWED BY\b", "FOLLOWED_BY", re.sub(r"\bAND NOT\b", "AND_NOT", text))
        words = text.split(" ")
        if len(words) % 2 and all(map(_NAME.fullmatch, words[::2])) and all(word in OPERATORS for word in words[1::2]):
            line, mixed = folded(words[::2], words[1::2])
            if mixed:
                changed.append(f"trigger: operators of different kinds are read from left to right, written as {line}")
            return line
        return text

    def _mapping(self) -> dict[str, str]:
        found: dict[str, str] = {}
        lines = self.said(MAPPING)
        for name, source in mapping_of(" ".join(line.text for line in lines)):
            if name in found or not name or not source.partition(".")[2]:
                why = f"{name!r} is mapped twice" if name in found else f"cut off at {(name or source)[:_SHOWN]!r}"
                self.reasons.append(Reason(lines[-1].number, f"{MAPPING}: {why}"))
            found[name] = source
        return found


def _subjects(lines: Sequence[Line]) -> Iterator[str]:
    """Give what a section names: the first line, and each that stands behind a link."""
    begins = True
    for line in lines:
        if begins:
            yield line.text
        begins = line.text.startswith("https://")
