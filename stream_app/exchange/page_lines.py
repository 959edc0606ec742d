"""A page goes in, as text or as HTML; its lines come out as a reader sees them, each with its number in the file.

Decision: blanks inside of a line stay as they are, since a query may hold them in quotes; a line break in the HTML is
one blank, outside of ``<pre>``. HTML is read as browsers do, whatever is wrong with it: a page is no program.
"""

import re
from collections.abc import Iterator

from lxml import etree
from msgspec import Struct

_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|div|p|h[1-6])\b", re.IGNORECASE | re.DOTALL
)
_BREAK = re.compile(r"[ \t]*\n[ \t]*")
_PASSED_OVER = frozenset({"script", "style", "title", "noscript", "template"})
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "cite", "code", "em", "font", "i", "kbd", "mark", "s", "samp", "small", "span", "strong",
     "sub", "sup", "tt", "u", "var", "wbr"}
)  # fmt: skip


class Line(Struct, frozen=True):
    """A line that says something, without the blanks around it; ``number`` counts from 1."""

    number: int
    text: str


def page_lines(text: str) -> tuple[Line, ...]:
    """Give the lines of a page, without those that are blank."""
    found = _html_lines(text) if is_html(text) else enumerate(text.split("\n"), 1)
    return tuple(Line(number, line.strip()) for number, line in found if line.strip())


def is_html(text: str) -> bool:
    """Tell HTML from text, by how it begins."""
    return _HTML.match(text) is not None


def _html_lines(text: str) -> Iterator[tuple[int, str]]:
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    root = etree.fromstring(text.encode(), parser)
    number, line = 1, ""
    for at, piece in _pieces(root, verbatim=False):
        for place, part in enumerate(piece.replace("\xa0", " ").split("\n")):
            if place:
                yield number, line
                line = ""
            number = number if line.strip() else at
            line += part
    yield number, line


def _pieces(element: etree._Element, *, verbatim: bool) -> Iterator[tuple[int, str]]:
    r"""Give the texts in an element, with ``\n`` where a line ends, each with the line of the file it begins on."""
    at = element.sourceline or 1
    if element.tag in _PASSED_OVER:
        return
    if element.tag == "br":
        yield at, "\n"
        return
    verbatim = verbatim or element.tag == "pre"
    block = element.tag not in _INLINE
    if block:
        yield at, "\n"
    yield at, _shown(element.text, verbatim=verbatim)
    for child in element:
        yield from _pieces(child, verbatim=verbatim)
        yield child.sourceline or at, _shown(child.tail, verbatim=verbatim)
    if block:
        yield at, "\n"


def _shown(text: str | None, *, verbatim: bool) -> str:
    return text or "" if verbatim else _BREAK.sub(" ", text or "")
