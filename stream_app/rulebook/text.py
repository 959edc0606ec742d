"""A rule as its author says it: the keys of a rule file as plain data, checked for nothing but their types.

What makes rules (importers, ``rules new``) fills a :class:`RuleText` and :mod:`stream_app.rulebook.write` gives its
file's text; what reads rules without running them (``rules fmt``, exporters) gets one of a file that the loader
accepts. Decision: fields are named as the keys are, so that there is one list of them and no translation.
"""

from collections.abc import Mapping
from datetime import datetime, time

import msgspec
from msgspec import Struct


class PatternText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A ``[pattern.<Name>]`` table."""

    query: str
    group_by: tuple[str, ...]
    aggregate: str


class ClearText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The ``[clear]`` table; ``match`` maps incident attributes to what the clear pattern groups by."""

    query: str
    group_by: tuple[str, ...]
    aggregate: str = ""
    match: dict[str, str]


class ListText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A ``[[watch_list]]`` table; ``keep`` in seconds."""

    name: str
    attribute: str
    keep: int | None = None


class FloodText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The ``[flood]`` table."""

    per_hour: int | None = None
    per_day: int | None = None


class ExceptionText(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename={"from_": "from"}
):
    """An ``[[exception]]`` table."""

    when: str
    reason: str
    from_: datetime | None = None
    until: datetime | None = None
    days: tuple[str, ...] = ()
    start: time | None = None
    end: time | None = None
    zone: str = ""


class RuleText(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename={"global_": "global"}
):
    """A rule file. Times are seconds; None, an empty text and an empty table mean that the key is not there.

    ``comments`` are lines for the head of the file, such as where the rule came from; no key of it.
    """

    comments: tuple[str, ...] = ()
    id: str
    name: str
    description: str = ""
    severity: int
    category: str
    subcategory: str = ""
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    window: int
    trigger: str = ""
    global_: str = ""
    enabled: bool = True
    shadow: bool = False
    case: str = ""
    clock: str = ""
    decide: str = ""
    lateness: int | None = None
    clear_after: int | None = None
    evidence: int | None = None
    update_interval: int | None = None
    row_limit: int | None = None
    pattern: dict[str, PatternText]
    incident: dict[str, str] = {}
    clear: ClearText | None = None
    watch_list: tuple[ListText, ...] = ()
    flood: FloodText | None = None
    exception: tuple[ExceptionText, ...] = ()


def rule_text(data: Mapping[str, object]) -> RuleText:
    """Give the rule that a document's data holds. Raises msgspec.ValidationError for one that no loader accepts."""
    return msgspec.convert(data, RuleText)


def head_comments(text: str) -> tuple[str, ...]:
    """Give the lines of comment with which a file begins, without their mark."""
    found = []
    for line in text.split("\n"):
        if not line.startswith("#"):
            break
        found.append(line[1:].strip())
    return tuple(found)
