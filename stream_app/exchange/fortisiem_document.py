"""A file of FortiSIEM rule XML: bytes in, its ``<Rule>`` elements out, each with its line, or why it cannot be read.

Decision: nothing in a file may reach outside it or grow: a document type is refused, and with it every entity; there is
no network; libxml2's own limits on depth and size stay on. What is not well formed is refused as a whole, never
repaired. An encoding is told by the byte order mark, else by the declaration, else it is UTF-8; a file may hold
``<Rules>``, a bare ``<Rule>``, or several of either one after the other.
"""

import re
from collections.abc import Iterator

from lxml import etree

from stream_app.language.diagnostics import Diagnostic, LanguageError, Place
from stream_app.rulebook.document import decode_text

_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_UTF8_MARK = b"\xef\xbb\xbf"
_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*\?>")
_ENCODING = re.compile(rb"\s*<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_PROLOG = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "latin1", "windows-1252"})
_WHERE = re.compile(r", line [0-9]+, column [0-9]+$")
_WRAPPER = "wrapper"
_SHOWN = 40


def read_elements(path: str, data: bytes) -> tuple[etree._Element, ...]:
    """Give the rules of a file, in its order. Raises LanguageError: not readable, not XML, nothing but other things."""
    text = decode_xml(path, data)
    declaration = _DECLARATION.match(text)
    body = text if declaration is None else "\n" * declaration.group().count("\n") + text[declaration.end() :]
    prolog = _PROLOG.match(text)
    if prolog is not None and text.startswith("<!DOCTYPE", prolog.end()):
        said = "a document type is refused, since it may define entities: delete it"
        raise LanguageError([Place.of(text, path).diagnose(prolog.end(), said)])
    try:
        root = etree.fromstring(f"<{_WRAPPER}>{body}</{_WRAPPER}>".encode(), _parser())
    except etree.XMLSyntaxError as error:
        raise LanguageError([_syntax(path, text, error)]) from error
    rules = tuple(_rules(path, text, root))
    if not rules:
        raise LanguageError([Place.of(text, path).diagnose(0, "there is no <Rule> in it")])
    return rules


def decode_xml(path: str, data: bytes) -> str:
    """Decode a file. Raises LanguageError: an encoding that is not read here, or a byte that is not of it."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return decode_text(path, data[len(mark) :], encoding)
    if b"\0" in data[:4]:
        said = "looks like UTF-16 or UTF-32 without a byte order mark: save it as UTF-8"
        raise LanguageError([Place.of("", path).diagnose(0, said)])
    declared = _ENCODING.match(data)
    name = "utf-8" if declared is None or data.startswith(_UTF8_MARK) else declared.group(1).decode().lower()
    if name not in _ENCODINGS:
        said = f"says that its encoding is {name}, which it is not, or which is not read here: save it as UTF-8"
        raise LanguageError([Place.of(data.split(b"\n", 1)[0].decode("ascii", "replace"), path).diagnose(0, said)])
    return decode_text(path, data, "utf-8" if name == "utf8" else name)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_pis=True,
    )


def _syntax(path: str, text: str, error: etree.XMLSyntaxError) -> Diagnostic:
    """Give the place that the parser says; what it read begins with the wrapper's tag."""
    line, column = error.position
    lines = text.split("\n")
    begin = sum(len(each) + 1 for each in lines[: line - 1])
    offset = max(0, column - 1 - (len(_WRAPPER) + 2 if line == 1 else 0))
    said = _WHERE.sub("", str(error.msg)).replace(_WRAPPER, "end of the file")
    rules = text.count("<Rule ") + text.count("<Rule>")
    lost = f"; none of its {rules} rules is imported" if rules > 1 else ""
    return Place.of(text, path).diagnose(min(begin + offset, len(text)), f"not well-formed XML: {said}{lost}")


def _rules(path: str, text: str, root: etree._Element) -> Iterator[etree._Element]:
    for element in root.iterchildren(etree.Element):
        if element.tag == "Rule":
            yield element
        elif element.tag == "Rules":
            yield from _rules(path, text, element)
        else:
            shown = str(element.tag)[:_SHOWN]
            raise LanguageError([_at_line(path, text, element.sourceline or 1, f"<{shown}> is neither Rules nor Rule")])


def _at_line(path: str, text: str, line: int, said: str) -> Diagnostic:
    begin = sum(len(each) + 1 for each in text.split("\n")[: line - 1])
    return Place.of(text, path).diagnose(begin, said)
