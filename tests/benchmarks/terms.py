r"""Terms of a filter as Fortinet's converter writes Sigma's modifiers: attribute and literals in, text out.

endswith is ``REGEXP "\\x\.exe$"``, contains a bare escaped literal, several of them are joined by ``|`` in one
pattern, ``|all`` gives several terms, equality is ``=`` or IN, an exclusion is the negative of each of its terms.
"""

from collections.abc import Iterable

from stream_app.language.parser import parse

_SPECIAL = frozenset("\\.^$*+?()[]{}|")


def escaped(literal: str) -> str:
    """Escape a literal for a pattern, and nothing but what is special there."""
    return "".join(f"\\{each}" if each in _SPECIAL else each for each in literal)


def _matches(attribute: str, patterns: Iterable[str], negated: bool) -> str:  # noqa: FBT001 - one of the two words
    return f'{attribute} {"NOT " if negated else ""}REGEXP "{"|".join(patterns)}"'


def contains(attribute: str, literals: Iterable[str], *, negated: bool = False) -> str:
    """Say that one of them is in it."""
    return _matches(attribute, [escaped(each) for each in literals], negated)


def contains_all(attribute: str, literals: Iterable[str]) -> str:
    """Say that each of them is in it."""
    return " AND ".join(contains(attribute, [each]) for each in literals)


def ends(attribute: str, literals: Iterable[str], *, negated: bool = False) -> str:
    """Say that it ends with one of them."""
    return _matches(attribute, [f"{escaped(each)}$" for each in literals], negated)


def starts(attribute: str, literals: Iterable[str], *, negated: bool = False) -> str:
    """Say that it starts with one of them."""
    return _matches(attribute, [f"^{escaped(each)}" for each in literals], negated)


def image(attribute: str, programs: Iterable[str], *, negated: bool = False) -> str:
    """Say that it is a path of one of these programs."""
    return ends(attribute, [f"\\{each}" for each in programs], negated=negated)


def quoted(literal: str) -> str:
    """Quote a literal that is no pattern."""
    return '"' + literal.replace("\\", "\\\\").replace('"', '\\"') + '"'


def equals(attribute: str, literals: Iterable[str], *, negated: bool = False) -> str:
    """Say that it is one of them."""
    found = [quoted(each) for each in literals]
    if len(found) == 1:
        return f"{attribute}{'!=' if negated else '='}{found[0]}"
    return f"{attribute} {'NOT ' if negated else ''}IN ({','.join(found)})"


def either(*terms: str) -> str:
    """Join by OR, in parentheses."""
    return f"({' OR '.join(terms)})" if len(terms) > 1 else terms[0]


def query(*terms: str | None) -> str:
    """Join what there is by AND. Raises LanguageError if that is no filter."""
    text = " AND ".join(term for term in terms if term)
    parse(text)
    return text
