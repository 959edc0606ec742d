"""What an importer gives: rules as plain data with where they came from and what became of them, or why there is none.

Decision: three things are told apart. *Changed* is a text that does not stand in the rule file as it stood in the
source; *left out* is what describes a rule and decides nothing; whatever may decide and has no place here is a reason
to refuse the rule.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from stream_app.language.bare_mix import Tight, parenthesise_aggregate, parenthesise_query
from stream_app.language.diagnostics import LanguageError
from stream_app.language.lexer import Kind, Token, tokenise
from stream_app.language.parser import parse
from stream_app.language.syntax import Attribute, nodes
from stream_app.rulebook.text import ClearText, PatternText, RuleText

SOURCE = "Imported from "
"""How the comment begins that says where a rule came from."""

EXPORTED = "Exported by stream-app"
"""The comment among rules that our own export wrote."""


class Origin(Struct, frozen=True):
    """Where a rule stands: its file, its id ("" where it has none), its line (from 1)."""

    file: str
    rule: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: rule {self.rule}" if self.rule else f"{self.file}:{self.line}"


class Reason(Struct, frozen=True):
    """Why a rule is refused, and the line of its file."""

    line: int
    why: str


class Refused(Struct, frozen=True):
    """A rule, or a file, of which nothing is imported."""

    origin: Origin
    reasons: tuple[Reason, ...]


class Imported(Struct, frozen=True):
    """A rule as plain data. ``event_type`` is the eventType that the source says its incidents have, "" if none."""

    origin: Origin
    rule: RuleText
    event_type: str = ""
    changed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Choices(Struct, frozen=True):
    """How somebody wants rules to be imported."""

    bare_mix: Tight | None = None
    """Which of AND and OR binds tighter where both stand without parentheses; None: such a rule is refused."""
    ids: Literal["rule", "event-type"] = "rule"
    """What becomes the id: the rule's, or the eventType of its incidents, which other rules may read."""
    note_source: bool = True
    ignored: frozenset[str] = frozenset()
    """Names of elements and attributes that are left out although nobody here knows what they decide."""


def source_note(file: str, rule_id: str) -> str:
    """Give the comment that says where a rule came from: its file, without the folder, which is somebody's own."""
    return f"{SOURCE}{file.rpartition('/')[2]}, rule {rule_id}"


def with_parentheses(found: Imported, tight: Tight | None) -> Imported:
    """Write parentheses into every query and aggregate in which AND and OR stand side by side."""
    if tight is None:
        return found
    changed = list(found.changed)

    def written(name: str, pattern: PatternText) -> PatternText:
        query = parenthesise_query(pattern.query, tight)
        aggregate = parenthesise_aggregate(pattern.aggregate, tight)
        for key, before, after in (("query", pattern.query, query), ("aggregate", pattern.aggregate, aggregate)):
            if before != after:
                changed.append(f"{key} of {name}: parentheses written in, {tight.upper()} binds tighter")
        return replace(pattern, query=query, aggregate=aggregate)

    pattern = {name: written(name, each) for name, each in found.rule.pattern.items()}
    clear = found.rule.clear
    if clear is not None:
        read = written("[clear]", PatternText(query=clear.query, group_by=clear.group_by, aggregate=clear.aggregate))
        clear = replace(clear, query=read.query, aggregate=read.aggregate)
    return replace(found, rule=replace(found.rule, pattern=pattern, clear=clear), changed=tuple(changed))


def with_watch_lists(found: Imported, names: Iterable[str]) -> Imported:
    """Write ``WatchList@`` for ``Group@`` where a group's name is that of a watch list that some rule fills.

    FortiSIEM keeps watch lists among its groups and reads them as such.
    """
    names = frozenset(names)
    read: dict[str, None] = {}

    def written(query: str) -> str:
        for token in reversed(tokenise(query)):
            if token.kind is Kind.GROUP and (name := token.text.partition("@")[2]) in names:
                read[name] = None
                query = f"{query[: token.start]}WatchList@{name}{query[token.end :]}"
        return query

    rule = _with_queries(found.rule, written)
    said = tuple(f"Group@{name} is a watch list here: WatchList@{name}" for name in sorted(read))
    return replace(found, rule=rule, changed=(*found.changed, *said))


def reads_incidents(rule: RuleText, event_types: Mapping[str, str]) -> tuple[str, ...]:
    """Give those of the eventTypes, each with the id that a rule has here, that a query names and that differ."""
    texts = {token.text[1:-1] for token in _tokens(rule) if token.kind is Kind.STRING}
    return tuple(sorted(name for name in texts & set(event_types) if event_types[name] != name))


def groups_named(rule: RuleText) -> frozenset[str]:
    """Give the names of the groups that a rule's queries read."""
    return frozenset(token.text.partition("@")[2] for token in _tokens(rule) if token.kind is Kind.GROUP)


def attributes_named(rule: RuleText) -> frozenset[str]:
    """Give the attributes that a rule asks for, groups by or gives its incidents; of a query that is wrong, none."""
    patterns: list[PatternText | ClearText] = [*rule.pattern.values(), *([rule.clear] if rule.clear else [])]
    named = {*rule.incident, *(name for each in patterns for name in each.group_by)}
    for each in patterns:
        try:
            named.update(node.name for node in nodes(parse(each.query)) if isinstance(node, Attribute))
        except LanguageError:
            continue
    return frozenset(named)


def _tokens(rule: RuleText) -> Iterator[Token]:
    """Give the tokens of all queries of a rule."""
    queries = [each.query for each in rule.pattern.values()] + ([rule.clear.query] if rule.clear else [])
    return (token for query in queries for token in tokenise(query))


def _with_queries(rule: RuleText, written: Callable[[str], str]) -> RuleText:
    pattern = {name: replace(each, query=written(each.query)) for name, each in rule.pattern.items()}
    clear = rule.clear and replace(rule.clear, query=written(rule.clear.query))
    return replace(rule, pattern=pattern, clear=clear)
