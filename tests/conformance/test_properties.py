"""What holds for every text, every tree and every event, whatever they are."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from stream_app.language.aggregate_parser import parse_aggregate, parse_condition
from stream_app.language.compile import attributes_read, compile_filter
from stream_app.language.diagnostics import LanguageError
from stream_app.language.folding import fold
from stream_app.language.lexer import Kind, tokenise
from stream_app.language.parser import parse
from stream_app.language.printer import to_text
from stream_app.language.reading import number_of, text_of
from stream_app.language.syntax import (
    Address,
    And,
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Contains,
    Group,
    Matches,
    Membership,
    Name,
    Negative,
    Number,
    Or,
    Pattern,
    Presence,
    Range,
    Span,
    String,
    WatchList,
)
from stream_app.language.tables import parse_table

if TYPE_CHECKING:
    from stream_app.language.compile import Environment, Filter
    from stream_app.language.requirements import Needle
    from stream_app.language.syntax import Expression

NOWHERE = Span(0, 0)
MANY = settings(max_examples=100, deadline=None)

LETTERS = 'aAbBiIsS\u0130\u0131\u017f\u212a\u03a3\u03c2.\\" -\n1'
TEXTS = st.text(LETTERS, max_size=4)
ADDRESSES = st.sampled_from(("10.0.0.1", "10.9.0.2", "192.168.1.1", "::1", "0:0:0:0:0:0:0:1", "fe80::1", "1.1.1.1"))
NETWORKS = st.sampled_from(("10.0.0.0/8", "::/64", "0.0.0.0/0", "192.168.1.1/32"))
NUMBERS = st.sampled_from(("0", "1", "-1", "2", "2.5", "443", "0010", "18446744073709551615"))
PATTERNS = st.lists(
    st.sampled_from(
        ("a", "B", "I", "s", r"\.", r"\\", ".*", "^", "$", "|", ".", "[ab]", "(?:i|s)", "k+", "\u017f", r"\b")
    ),
    max_size=6,
).map("".join)

WORDS = (
    "AND",
    "or",
    "NOT",
    "IN",
    "BETWEEN",
    "CONTAIN",
    "REGEXP",
    "IS",
    "NULL",
    "(",
    ")",
    ",",
    "=",
    "!=",
    ">",
    "-",
    "+",
    "*",
)
SOUP = st.lists(
    st.sampled_from(
        (*WORDS, "procName", "destIpPort", "LEN", "IF", "LookupTableGet", "EMA", '"a"', '"', "1", "10.0.0.0/8")
    )
    | st.text(max_size=3),
    max_size=30,
).map(" ".join)


def _attributes(*names: str) -> st.SearchStrategy:
    return st.sampled_from(names).map(lambda name: Attribute(name, NOWHERE))


def _call(function: str, *arguments: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(*arguments).map(lambda values: Call(function, values, NOWHERE))


def _name(text: str) -> st.SearchStrategy:
    return st.just(Name(text, NOWHERE))


STRING = TEXTS.map(lambda text: String(text, NOWHERE))
NUMBER = NUMBERS.map(lambda text: Number(text, NOWHERE))
ADDRESS = ADDRESSES.map(lambda text: Address(text, NOWHERE))
NETWORK = NETWORKS.map(lambda text: Address(text, NOWHERE))
PATTERN = PATTERNS.map(lambda text: Pattern(text, NOWHERE))

text_attribute = _attributes("procName", "fileName", "user", "procId")
number_attribute = _attributes("srcIpPort", "destIpPort", "phRecvTime")
address_attribute = _attributes("srcIpAddr", "destIpAddr")

conditions = st.deferred(lambda: TERMS | _joined(And) | _joined(Or))


def _joined(node: type) -> st.SearchStrategy:
    return st.lists(conditions, min_size=2, max_size=4).map(lambda terms: node(tuple(terms), NOWHERE))


texts = st.deferred(
    lambda: (
        text_attribute
        | _call("TO_LOWER", texts)
        | _call("TO_UPPER", texts)
        | _call("TRIM", texts)
        | _call("LTRIM", texts)
        | _call("RTRIM", texts)
        | _call("REPLACE", texts, STRING, texts)
        | _call("SUB_STR", texts, numbers)
        | _call("SUB_STR", texts, NUMBER, numbers)
        | _call("EXTRACT", texts, PATTERN)
        | _call("TO_STRING", numbers)
        | _call("IF", conditions, texts, STRING)
        | _call("IF", conditions, STRING, STRING)
        | _call("LookupTableGet", _name("UserLoc"), texts, _name("Country"))
        | _call("LookupTableGet", _name("Ports"), numbers, _name("service"))
        | _call("DeviceToCMDBAttr", address_attribute, _name("Location"))
    )
)
numbers = st.deferred(
    lambda: (
        number_attribute
        | _call("LEN", texts)
        | _call("TO_INTEGER", texts | numbers)
        | _call("TO_DOUBLE", texts | numbers)
        | _call("HourOfDay", number_attribute)
        | _call("DayOfWeek", number_attribute)
        | _call("LOG", numbers)
        | _call("LOG", numbers, NUMBER)
        | _call("IF", conditions, NUMBER, numbers)
        | _call("IF", conditions, numbers, numbers)
        | _call("LookupTableHas", _name("Seats"), texts, texts)
        | _call("LookupTableGet", _name("UserLoc"), texts, _name("Level"))
        | numbers.map(lambda operand: Negative(operand, NOWHERE))
        | _chain("+-")
        | _chain("*/")
    )
)
addresses = st.deferred(
    lambda: (
        address_attribute
        | _call("IF", conditions, ADDRESS, address_attribute)
        | _call("DeviceToCMDBAttr", texts, _name("owner_ip"))
    )
)


def _chain(signs: str) -> st.SearchStrategy:
    pairs = st.lists(st.tuples(st.sampled_from(signs), numbers | NUMBER), min_size=1, max_size=3)
    return st.tuples(numbers | NUMBER, pairs).map(
        lambda parts: Arithmetic(
            (parts[0], *(operand for _, operand in parts[1])), tuple(sign for sign, _ in parts[1]), NOWHERE
        )
    )


def _comparisons(left: st.SearchStrategy, right: st.SearchStrategy, *operators: str) -> st.SearchStrategy:
    return st.builds(Comparison, st.sampled_from(operators), left, right, st.just(NOWHERE))


def _members(operand: st.SearchStrategy, literal: st.SearchStrategy, *groups: str) -> st.SearchStrategy:
    group = st.sampled_from(groups).map(lambda name: Group(name, NOWHERE))
    lists = st.sampled_from(("hosts", "addresses", "ports", "nothing")).map(lambda name: WatchList(name, NOWHERE))
    members = st.lists(literal | group | lists, min_size=1, max_size=4).map(tuple)
    return st.builds(Membership, operand, st.booleans(), members, st.just(NOWHERE))


ORDER = ("=", "!=", ">", ">=", "<", "<=")
ANY = texts | numbers | addresses
TERMS = (
    _comparisons(texts, STRING | NUMBER | texts, "=", "!=")
    | _comparisons(STRING, texts, "=", "!=")
    | _comparisons(numbers, NUMBER | numbers | texts, *ORDER)
    | _comparisons(NUMBER, numbers, *ORDER)
    | _comparisons(addresses, ADDRESS | NETWORK | addresses | texts, "=", "!=")
    | _members(texts, STRING | NUMBER, "BROWSERS", "EMPTY")
    | _members(numbers, NUMBER, "MAIL_PORTS")
    | _members(addresses, ADDRESS | NETWORK, "PH_SYS_INTERNAL", "PH_SYS_MANY")
    | st.builds(Range, numbers, st.booleans(), NUMBER | numbers, NUMBER | numbers, st.just(NOWHERE))
    | st.builds(Contains, ANY, st.booleans(), STRING | texts, st.just(NOWHERE))
    | st.builds(Matches, ANY, st.booleans(), PATTERN, st.just(NOWHERE))
    | st.builds(Presence, ANY | STRING, st.booleans(), st.just(NOWHERE))
)
_plain = _comparisons(_attributes("procName", "fileName", "user"), STRING, "=", "!=") | st.builds(
    Range, NUMBER, st.booleans(), NUMBER, _attributes("srcIpPort", "destIpPort"), st.just(NOWHERE)
)
FEW_ATTRIBUTES = st.recursive(
    _plain,
    lambda inner: st.builds(
        lambda node, terms: node(tuple(terms), NOWHERE),
        st.sampled_from((And, Or)),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=12,
)
VALUES = {
    **dict.fromkeys(("procName", "fileName", "user", "procId"), TEXTS | st.sampled_from(("Bob", "pc1", 5, 2.0))),
    **dict.fromkeys(("srcIpPort", "destIpPort"), st.integers(-3, 3) | st.sampled_from((443, 2.5, "x", "443", 22))),
    "phRecvTime": st.integers(-(10**12), 10**12),
    **dict.fromkeys(("srcIpAddr", "destIpAddr"), ADDRESSES | st.sampled_from(("", "host", "10.0.0.1.", "010.0.0.1"))),
}
EVENTS = st.fixed_dictionaries({}, optional=VALUES)
ANYTHING = st.dictionaries(
    st.sampled_from(sorted(VALUES)), st.text(max_size=5) | st.integers() | st.floats() | st.just(10**5000)
)


def _without_spans(tree: Expression) -> object:
    """Give a tree in which two nodes are equal wherever they stand."""

    def forget(value: object) -> object:
        if isinstance(value, dict):
            return {key: forget(item) for key, item in value.items() if key != "span"}
        return [forget(item) for item in value] if isinstance(value, list | tuple) else value

    return forget(msgspec.to_builtins(tree))


@MANY
@given(st.text() | SOUP)
@example('"')
@example("\u0661.\u0662")
def test_every_text_has_tokens(text: str) -> None:
    """Tokens follow each other through the whole text, with nothing but blanks between them, up to the end."""
    tokens = tokenise(text)
    gaps = [text[before:after] for before, after in pairwise((0, *(end for t in tokens for end in (t.start, t.end))))]
    assert "" == "".join(gaps[::2]).strip()
    assert [text[token.start : token.end] for token in tokens] == [token.text for token in tokens]
    assert (Kind.END, len(text)) == (tokens[-1].kind, tokens[-1].end)


@MANY
@given(SOUP | st.text())
def test_a_text_parses_or_is_refused(text: str) -> None:
    """The parser raises nothing but its own error, which names a place in the text."""
    for read in (parse, parse_condition, parse_aggregate, parse_table):
        try:
            read(text)
        except LanguageError as error:
            problems = error.diagnostics
        else:
            continue
        assert (True, [True] * len(problems)) == (bool(problems), [problem.column > 0 for problem in problems])


@MANY
@given(tree=conditions)
def test_printing_a_tree_and_parsing_it_gives_the_tree(tree: Expression) -> None:
    """``parse(to_text(tree))`` is the tree, wherever its nodes stand."""
    text = to_text(tree)
    assume(_fits(text))
    assert _without_spans(tree) == _without_spans(parse(text))


@MANY
@given(tree=conditions, events=st.lists(EVENTS, min_size=1, max_size=5), option=st.booleans())
def test_the_compiler_and_the_interpreter_agree(
    tree: Expression, events: list[dict], *, option: bool, environment: dict[bool, Environment], interpreter: type
) -> None:
    """A compiled filter says of every event what walking its tree says."""
    predicate = compiled(tree, environment[option])
    second = interpreter(environment[option])
    assert [second.matches(tree, event) for event in events] == [predicate(event) for event in events]


@MANY
@given(tree=FEW_ATTRIBUTES, event=EVENTS)
def test_terms_that_share_attributes_agree_too(
    tree: Expression, event: dict, environment: dict[bool, Environment], interpreter: type
) -> None:
    """Whichever terms run and whichever are passed over, no attribute is read before it was fetched."""
    expected = interpreter(environment[True]).matches(tree, event)
    assert expected == compile_filter(tree, environment[True])(event)


SIMPLE = st.one_of(
    _comparisons(text_attribute, STRING, "="),
    _comparisons(number_attribute, NUMBER, "="),
    _members(text_attribute, STRING | NUMBER, "BROWSERS"),
    _members(number_attribute, NUMBER, "MAIL_PORTS"),
    st.builds(Contains, text_attribute | number_attribute, st.just(value=False), STRING, st.just(NOWHERE)),
    st.builds(Matches, text_attribute | address_attribute, st.just(value=False), PATTERN, st.just(NOWHERE)),
)
REQUIRING = st.recursive(
    st.deferred(lambda: SIMPLE | TERMS),
    lambda inner: st.builds(
        lambda node, terms: node(tuple(terms), NOWHERE),
        st.sampled_from((And, Or)),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=6,
)


@MANY
@given(tree=REQUIRING, events=st.lists(EVENTS, min_size=1, max_size=10), option=st.booleans())
def test_a_filter_is_true_only_where_each_of_its_clauses_has_a_needle(
    tree: Expression, events: list[dict], *, option: bool, environment: dict[bool, Environment], interpreter: type
) -> None:
    """What the walker says is true of an event is not screened out: a needle of every clause is in the event."""
    clauses = compiled(tree, environment[option]).clauses
    second = interpreter(environment[option])
    for event in events:
        if second.matches(tree, event):
            assert [True] * len(clauses) == [any(_is_in(needle, event) for needle in clause) for clause in clauses]


def _is_in(needle: Needle, event: dict) -> bool:
    value = event.get(needle.attribute)
    if not isinstance(needle.value, str):
        return number_of(value) == needle.value
    text = fold(text_of(value) or "")
    return needle.value == text if needle.whole else needle.value in text


@MANY
@given(tree=conditions, event=ANYTHING)
def test_a_filter_never_raises(tree: Expression, event: dict, environment: dict[bool, Environment]) -> None:
    """Whatever an event holds, the answer is true or false."""
    assert compiled(tree, environment[True])(event) in {True, False}


@MANY
@given(tree=conditions, event=EVENTS)
def test_a_filter_reads_only_what_it_names(tree: Expression, event: dict, environment: dict[bool, Environment]) -> None:
    """An event without the attributes that ``attributes_read`` leaves out matches alike."""
    predicate = compiled(tree, environment[True])
    narrowed = {name: value for name, value in event.items() if name in attributes_read(tree)}
    assert predicate(event) == predicate(narrowed)


def compiled(tree: Expression, environment: Environment) -> Filter:
    """Compile a tree; one whose pattern happens to be wrong is no example."""
    try:
        return compile_filter(tree, environment)
    except LanguageError as error:
        assume("pattern" not in str(error))
        raise


def _fits(text: str) -> bool:
    """Tell whether a text nests no deeper than the parser reads, and its patterns keep their quotes."""
    try:
        parse(text)
    except LanguageError as error:
        return "too deep" not in str(error)
    return True
