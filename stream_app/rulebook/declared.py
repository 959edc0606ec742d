"""Attributes that a site's events carry and FortiSIEM's vocabulary lacks: ``attributes.toml`` in, names and types out.

The file, beside the rules' folders, holds a line for each: ``ObjectName = "string"`` (or ``"number"``, ``"ip"``). An
event has the attribute where a field of its own bears that very name. Decision: FortiSIEM lets its operators define
attributes, so a rule that names one need not be wrong; but it is refused until somebody has said that it exists.
"""

from collections.abc import Iterable, Mapping

from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.language.lexer import Kind, tokenise
from stream_app.language.parser import parse
from stream_app.language.values import AttributeType
from stream_app.rulebook.document import Document
from stream_app.rulebook.fields import Fields
from stream_app.sysmon.attributes import VOCABULARY

ATTRIBUTES = "attributes.toml"
"""The file's name."""

TYPES: Mapping[str, AttributeType] = {each.value: each for each in AttributeType}


def read_declared(document: Document) -> dict[str, AttributeType]:
    """Read the file. Raises LanguageError with everything that is wrong in it."""
    problems: list[Diagnostic] = []
    fields = Fields.of(document, problems)
    declared = {name: fields.choice(name, TYPES, AttributeType.STRING) for name in document.data}
    for name in declared:
        if name in VOCABULARY:
            fields.at_key(f"{name} is an attribute of FortiSIEM's already", name)
        elif not is_name(name):
            fields.at_key(f"{name!r} cannot be an attribute: a name is one word of letters, digits and '_'", name)
    if problems:
        raise LanguageError(problems)
    return declared


def with_declared(text: str, names: Iterable[str]) -> str:
    """Give the file's text with these names behind what it says, as strings."""
    lines = [f'{name} = "string"\n' for name in sorted(names)]
    return "".join([text, *(["\n"] if lines and text and not text.endswith("\n") else []), *lines])


def is_name(word: str) -> bool:
    """Tell whether a query would read a word as an attribute's name."""
    first, *others = tokenise(word)
    if first.kind is not Kind.WORD or first.text != word or len(others) > 1:
        return False
    try:
        parse(f"{word} IS NULL")
    except LanguageError:
        return False
    return True
