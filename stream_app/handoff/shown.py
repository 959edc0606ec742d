"""Attributes for a person to read, where a SOAR shows a text: facts in, one line for each attribute out.

Decision: what would change how the text around it looks is written as an escape: control characters, line and
paragraph separators, marks that turn the direction of writing, and characters that nobody sees, tags among them. The
values for machines stand elsewhere as they are.
"""

import re

from stream_app.handoff.cut import Facts
from stream_app.handoff.mapping import attributes_of, moment

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Give a text of one line in which nothing is hidden."""
    return text if text.isprintable() else _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def lines_of(facts: Facts) -> list[str]:
    """Give ``name: value`` for how often and when, for each attribute and each record, and say if something is cut."""
    numbers = [f"{name}: {facts[name]}" for name in ("revision", "count", "incidentCount")]
    times = [f"{name}: {moment(facts[name])}" for name in ("incidentFirstSeen", "incidentLastSeen")]
    lines = [f"{name}: {visible(str(value))}" for name, value in attributes_of(facts).items()]
    records = [f"record: {visible(place)}" for place in facts["triggeringEventList"]]
    cut = ["cut: it was too large for its topic"] if "cut" in facts else []
    return [*numbers, *times, *lines, *records, *cut]
