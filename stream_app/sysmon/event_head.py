"""The System part of an event's XML, read alone: where an event comes from and what it is, before what it says.

Goes in: text that starts with ``<Event``. Comes out: a Head, or None where the text is not in the common form, which is
what Windows' rendering and those who copy it write: known elements in Windows' order, each once or not at all, known
attributes in Windows' order, all in one kind of quotes, compact or with blanks between the elements, no references.

Decisions. Two patterns match the whole part, so that nothing stands in it that was not looked at; what they accept is
well formed so far and means what the safe parser (``xml_tree``) says. All else is the safe parser's. What stands before
the time is the same for all events of a kind, so it is matched once and remembered. Of what stands behind the part only
the characters are looked at: with one that XML forbids there is no head.
"""

import re
from functools import lru_cache

from msgspec import Struct

from stream_app.sysmon.xml_text import controls

LONGEST = 100_000
"""Documents of more characters are the safe parser's: Windows' limit for an event (64 KiB of UTF-16) is below, libxml2
has limits of its own far above, and patterns take longer than it does to find out that a document is not the form."""

_LONGEST_OPENING = 2_000
_TIME = "SystemTime="
_OPENING = (
    "<Event(?: xmlns=(?:'{n}'|\"{n}\"))?>{b}<System>{b}"
    "(?:<Provider(?: Name={q}(?P<provider>{a}){q})?(?: Guid={q}{a}{q})?(?: EventSourceName={q}{a}{q})?{s}/>{b})?"
    "(?:<EventID(?: Qualifiers={q}{a}{q})?>(?P<event_id>{t})</EventID>{b})?(?:<Version>{t}</Version>{b})?"
    "(?:<Level>{t}</Level>{b})?(?:<Task>{t}</Task>{b})?(?:<Opcode>{t}</Opcode>{b})?(?:<Keywords>{t}</Keywords>{b})?"
    "<TimeCreated SystemTime={q}"
)
_CLOSING = (
    "({a}){q}{s}/>{b}(?:<EventRecordID>{t}</EventRecordID>{b})?"
    "(?:<Correlation(?: ActivityID={q}{a}{q})?(?: RelatedActivityID={q}{a}{q})?{s}/>{b})?"
    "(?:<Execution ProcessID={q}{a}{q} ThreadID={q}{a}{q}{s}/>{b})?"
    "(?:<Channel>({t})</Channel>{b})?(?:<Computer>({t})</Computer>{b})?"
    "(?:<Security(?: User(?:ID|Id)={q}{a}{q})?{s}/>{b})?</System>"
)


def _in_layout(pattern: str, quote: str, blanks: str, space: str) -> re.Pattern[str]:
    namespace = r"http://schemas\.microsoft\.com/win/2004/08/events/event"
    attribute = f"[^{quote}<\t\n\r]*"
    return re.compile(pattern.format(n=namespace, q=quote, a=attribute, t="[^<]*", b=blanks, s=space))


_LAYOUTS = tuple(
    (_in_layout(_OPENING, *layout), _in_layout(_CLOSING, *layout))
    for layout in (("'", "", ""), ('"', "", ""), ("'", "[ \t\r\n]*", " ?"), ('"', "[ \t\r\n]*", " ?"))
)


class Opening(Struct, frozen=True):
    """An event's XML up to the time in System: it tells the kind of event, and how the XML is laid out."""

    text: str
    event_id: str
    provider: str
    closing: re.Pattern[str]
    """What matches the rest of System: time, channel, computer."""


class Head(Struct, frozen=True):
    """What System says, as Parts has it but for the time; "" where it does not say it."""

    text: str
    """The whole document."""
    end: int
    """Where System ends in the text."""
    opening: Opening
    created: str
    """TimeCreated as it is written: milliseconds() reads it."""
    channel: str
    computer: str

    @property
    def event_id(self) -> str:
        """The event id as it is written: event_id_of() reads it."""
        return self.opening.event_id

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.opening.provider


def read_head(text: str) -> Head | None:
    """Read the System part of an ``<Event>``, exactly or not at all."""
    start = text.find(_TIME, 0, _LONGEST_OPENING) + len(_TIME) + 1
    opening = _read_opening(text[:start])
    if opening is None or len(text) > LONGEST:
        return None
    found = opening.closing.match(text, start)
    if found is None:
        return None
    end = found.end()
    blanks = controls(text)
    if blanks is None or text.find("&", start, end) >= 0 or text.find("]", start, end) >= 0:
        return None
    created, channel, computer = found.groups("")
    if blanks and "\r" in channel + computer:
        return None
    return Head(text, end, opening, created, channel.strip(), computer.strip())


@lru_cache(maxsize=1024)
def _read_opening(text: str) -> Opening | None:
    if controls(text) is None or "&" in text or "]" in text:
        return None
    for opening, closing in _LAYOUTS:
        found = opening.fullmatch(text)
        if found is not None:
            event_id = found["event_id"] or ""
            return None if "\r" in event_id else Opening(text, event_id.strip(), found["provider"] or "", closing)
    return None
