"""What stands behind System in an event's XML, in its common form: EventData, and the text rendered from it.

Goes in: the document from the end of System on, and what tells the kind of event. Comes out: Sysmon's fields and the
rendered message; None where it is not in the common form, which is ``<Data Name='…'>…</Data>`` over and over, in either
kind of quotes, compact or with blanks between the elements, and behind it at most a RenderingInfo as Windows writes it.

Decision: a provider's manifest gives the events of one kind the same fields in one order. So the markup between the
values is learned from the first event of a kind, and is from then on a pattern whose groups are the values: as exact as
the patterns for any markup, at a third of their time. What comes is anybody's, so what is learned is bounded in number
and size; what is not learned is read by the patterns for any markup.
"""

import re

from msgspec import Struct

from stream_app.sysmon.xml_text import unescape

Fields = dict[str, str | None]

MOST_KINDS = 128
"""Of so many kinds of events the markup is learned, in the life of a process."""
MOST_OF_A_KIND = 4
MOST_FIELDS = 64
LONGEST_MARKUP = 4_000
"""Characters of a pattern."""

_END = "</Event>"

_NAME = "'[^'<&\t\n]*'|\"[^\"<&\t\n]*\""
_RENDERED = "Level|Task|Opcode|Channel|Provider"
_each = re.compile(f"<Data(?: Name=({_NAME}))? ?(?:/>|>([^<]*)</Data>)")
_body = re.compile(
    "[ \t\n]*(?:<EventData>[ \t\n]*"
    f"(?:<Data(?: Name=(?:{_NAME}))? ?(?:/>|>[^<]*</Data>)[ \t\n]*)*"
    "</EventData>|<EventData ?/>)"
)
_ending = re.compile(
    f"[ \t\n]*(?:<RenderingInfo(?: Culture=(?:{_NAME}))?>[ \t\n]*"
    "(?:(?:<Message>([^<]*)</Message>|<Message ?/>)[ \t\n]*)?"
    f"(?:(?:<({_RENDERED})>[^<]*</\\2>|<(?:{_RENDERED}|Keywords) ?/>"
    "|<Keywords>(?:[ \t\n]*<Keyword>[^<]*</Keyword>)*[ \t\n]*</Keywords>)[ \t\n]*)*"
    "</RenderingInfo>[ \t\n]*)?</Event>[ \t\n]*"
)


class _Markup(Struct, frozen=True):
    names: tuple[str, ...]
    body: re.Pattern[str]


_learned: dict[str, list[_Markup]] = {}


def read_data(kind: str, text: str) -> tuple[Fields, str] | None:
    """Read fields and message, exactly or not at all; a field without a text is None.

    ``kind`` is the same for events that have the same fields. No character of the text is one that XML forbids.
    """
    if "]" in text and "]]>" in text:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for markup in _learned.get(kind, ()):
        found = markup.body.match(text)
        if found is not None:
            values = found.groups()
            fields: Fields = dict(zip(markup.names, values, strict=True))
            if "" in values:
                fields = {name: value or None for name, value in fields.items()}
            end = found.end()
            break
    else:
        fields, end = _read_any(kind, text)
    message = ""
    if len(text) != end + len(_END) or not text.endswith(_END):
        ending = _ending.fullmatch(text, end)
        if ending is None:
            return None
        message = ending[1] or ""
    return (fields, message.strip()) if "&" not in text else _unescape(text, fields, message)


def _read_any(kind: str, text: str) -> tuple[Fields, int]:
    body = _body.match(text)
    if body is None:
        return {}, 0
    _learn(kind, text, body.end())
    data = _each.findall(text, 0, body.end())
    return {name[1:-1]: value or None for name, value in data if name[1:-1]}, body.end()


def _learn(kind: str, text: str, end: int) -> None:
    known = _learned.get(kind, [])
    if len(known) == MOST_OF_A_KIND or (not known and len(_learned) == MOST_KINDS):
        return
    names: list[str] = []
    markup: list[str] = []
    at = 0
    for data in _each.finditer(text, 0, end):
        if data[2] is None or len(data[1] or "") <= len("''") or len(names) == MOST_FIELDS:
            return
        names.append(data[1][1:-1])
        markup.append(re.escape(text[at : data.start(2)]))
        at = data.end(2)
    markup.append(re.escape(text[at:end]))
    if sum(map(len, markup)) <= LONGEST_MARKUP:
        _learned[kind] = [*known, _Markup(tuple(names), re.compile("([^<]*)".join(markup)))]


def _unescape(text: str, fields: Fields, message: str) -> tuple[Fields, str] | None:
    """Put characters for references; None where one stands in what is not kept: there it would go unread."""
    kept = message.count("&") + sum(value.count("&") for value in fields.values() if value)
    if kept != text.count("&"):
        return None
    for name, value in fields.items():
        if value and "&" in value:
            plain = unescape(value)
            if plain is None:
                return None
            fields[name] = plain
    said = unescape(message)
    return None if said is None else (fields, said.strip())
