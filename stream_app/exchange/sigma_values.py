r"""The values of one field of a Sigma rule go in, alternatives of each other; a condition on its attribute comes out.

Sigma: text compares without case, ``*`` is any text, ``?`` one character, ``\`` takes their meaning away. Decision:
text without wildcards becomes ``=`` and ``IN``, a text to be found anywhere ``CONTAIN``, anything else one ``REGEXP``
with an alternative each, from ``^`` to ``\Z``, so that they run as plain text where they can. A negation goes down to
here, where each operator has its exact opposite, true of an absent attribute.

Decision: Sysmon's ``""`` and ``-`` are absent attributes, so a value that is exactly one of them means ``IS NULL``, as
``null`` does; so does a GUID of zeros, where that is absent. ``*`` alone means that the field is there.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from ipaddress import IPv4Network, ip_address

from msgspec import Struct
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
    TimestampPart,
)

from stream_app.exchange.sigma_source import Field
from stream_app.exchange.sigma_terms import Said, SigmaRefused, in_regex, joined, kept_regex, quoted, writable
from stream_app.language.values import AttributeType
from stream_app.sysmon.attributes import PROCESS_GUIDS
from stream_app.sysmon.readings import MISSING

_LARGEST = 1 << 63
_ANY, _ONE = SpecialChars.WILDCARD_MULTI, SpecialChars.WILDCARD_SINGLE
_LEADING_FLAGS = re.compile(r"\(\?([A-Za-z]+)\)")
_FLAGS = {"i": "i", "m": "m", "s": "s"}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_COMPARE = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_TIMES = frozenset({"UtcTime", "createTime", "preTime"})
_PARTS = {
    TimestampPart.YEAR: r"^{:04}-",
    TimestampPart.MONTH: r"^[0-9]+-{:02}-",
    TimestampPart.DAY: r"^[0-9]+-[0-9]+-{:02}[ T]",
    TimestampPart.HOUR: r"^[0-9-]+[ T]{:02}:",
    TimestampPart.MINUTE: r"^[0-9-]+[ T][0-9]+:{:02}(?::|\Z)",
}


class _Texts(Struct):
    """Alternatives of one field as they are collected."""

    equal: list[str]
    plain: list[str]
    other: list[str]
    """Patterns with a wildcard for one character, which no plain text is."""
    apart: list[Said]
    absent: bool = False
    present: bool = False


def said_of(field: Field, values: Iterable[SigmaType], *, negated: bool, anywhere: bool = False) -> Said:
    """Say that a field is one of these values, or none of them; ``anywhere`` looks for text within the field.

    Raises SigmaRefused for a value that no condition says exactly.
    """
    texts = _collected(field, values, negated=negated, anywhere=anywhere)
    return joined(_terms(field, texts, negated=negated), negated=negated)


def true_of_absent(field: Field, values: Iterable[SigmaType]) -> bool:
    """Tell whether one of the values is what an absent field has. Raises as :func:`said_of` does."""
    return _collected(field, values, negated=False, anywhere=False).absent


def said(field: Field, operator: str, what: str, *, negated: bool = False) -> Said:
    """Say one term of a field."""
    if negated:
        operator = {"=": "!=", "IS": "IS NOT"}.get(operator, f"NOT {operator}")
    return Said(f"{field.name} {operator} {what}", reads=frozenset({field.name}))


def compared(left: Field, right: Field, value: SigmaFieldReference, *, negated: bool) -> Said:
    """Say that a field is another one, or begins or ends with it, or holds it. Raises SigmaRefused."""
    if {left.kind, right.kind} == {AttributeType.IP, AttributeType.NUMBER}:
        raise SigmaRefused(f"{left.name} is never {right.name}: one is an address, one a number", value.field)
    one, other, equals = left.name, right.name, "!=" if negated else "="
    if value.starts_with and value.ends_with:
        text = f"{one} {'NOT ' if negated else ''}CONTAIN {other}"
    elif value.starts_with:
        text = f"SUB_STR(TO_STRING({one}), 1, LEN({other})) {equals} TO_STRING({other})"
    elif value.ends_with:
        text = f"SUB_STR(TO_STRING({one}), -LEN({other})) {equals} TO_STRING({other})"
    else:
        text = f"{one} {equals} {other}"
    return Said(text, reads=frozenset({one, other}))


def _collected(field: Field, values: Iterable[SigmaType], *, negated: bool, anywhere: bool) -> _Texts:
    texts = _Texts([], [], [], [])
    for value in values:
        _collect(field, value, texts, negated=negated, anywhere=anywhere)
    return texts


def _terms(field: Field, texts: _Texts, *, negated: bool) -> Iterator[Said]:
    yield from _equals(field, texts.equal, negated=negated)
    for patterns in (texts.plain, texts.other):
        if len(patterns) == 1 and (part := _contained(patterns[0])) is not None:
            yield said(field, "CONTAIN", part, negated=negated)
        elif patterns:
            yield said(field, "REGEXP", f'"{"|".join(dict.fromkeys(patterns))}"', negated=negated)
    yield from texts.apart
    if texts.absent:
        yield said(field, "IS", "NULL", negated=negated)
    if texts.present:
        yield said(field, "IS", "NULL", negated=not negated)


def _equals(field: Field, equal: list[str], *, negated: bool) -> Iterator[Said]:
    if not equal:
        return
    words = list(dict.fromkeys(equal))
    if len(words) == 1:
        yield said(field, "=", words[0], negated=negated)
    else:
        yield said(field, "IN", f"({', '.join(words)})", negated=negated)


def _contained(pattern: str) -> str | None:
    """Give the literal that a pattern looks for anywhere; None where it is more than that."""
    literal = re.sub(r"\\(.)", r"\1", pattern)
    if re.search(r"[\\.^$*+?{}\[\]()|]", re.sub(r"\\[^A-Za-z0-9]", "", pattern)) or not writable(literal):
        return None
    return quoted(literal)


def _collect(  # noqa: C901, PLR0912 - one case for each kind of value
    field: Field, value: SigmaType, texts: _Texts, *, negated: bool, anywhere: bool
) -> None:
    match value:
        case SigmaTimestampPart():
            texts.apart.append(said(field, "REGEXP", _time_part(field, value), negated=negated))
        case SigmaNumber():
            _text(field, SigmaString.from_str(str(value.number)), texts, anywhere=anywhere)
        case SigmaBool():
            _text(field, SigmaString.from_str("true" if value.boolean else "false"), texts, anywhere=anywhere)
        case SigmaNull():
            texts.absent = True
        case SigmaExists():
            texts.present |= value.exists
            texts.absent |= not value.exists
        case SigmaCasedString():
            pattern, _ = _pattern(value, anywhere=anywhere)
            texts.apart.append(said(field, "REGEXP", f'"(?-i:{pattern})"', negated=negated))
        case SigmaString():
            _text(field, value, texts, anywhere=anywhere)
        case SigmaRegularExpression():
            texts.apart.append(said(field, "REGEXP", f'"{_regex(value)}"', negated=negated))
        case SigmaCIDRExpression():
            if field.kind is AttributeType.IP:
                texts.equal.append(str(value.network))
            else:
                texts.other.append(_network(value))
        case SigmaCompareExpression():
            texts.apart.append(_comparison(field, value, negated=negated))
        case _:
            raise SigmaRefused(f"a value of type {type(value).__name__} has no meaning here")


def _text(field: Field, value: SigmaString, texts: _Texts, *, anywhere: bool) -> None:
    """Collect a text, with or without wildcards."""
    special = value.contains_special()
    if special and all(part is _ANY for part in value.s):
        texts.present = True
        return
    text = "".join(part for part in value.s if isinstance(part, str))
    if special or anywhere:
        pattern, is_plain = _pattern(value, anywhere=anywhere)
        (texts.plain if is_plain else texts.other).append(pattern)
    elif text in MISSING or (field.name in PROCESS_GUIDS and not text.strip("{}0-")):
        texts.absent = True
    else:
        literal = _literal(field.kind, text)
        if literal is None:
            texts.plain.append(_pattern(value, anywhere=False)[0])
        else:
            texts.equal.append(literal)


def _literal(kind: AttributeType, text: str) -> str | None:
    """Write what ``=`` compares with; None where ``=`` would mean something else."""
    if kind is AttributeType.NUMBER:
        return text if text.isdecimal() and text == str(int(text)) and int(text) < _LARGEST else None
    if kind is AttributeType.IP:
        try:
            return None if "%" in text else str(ip_address(text))
        except ValueError:
            return None
    return quoted(text) if writable(text) else None


def _pattern(value: SigmaString, *, anywhere: bool) -> tuple[str, bool]:
    """Write a text with wildcards as a pattern; say whether plain text can be looked for instead."""
    parts = [part for at, part in enumerate(value.s) if part is not _ANY or value.s[at - 1 : at] != [_ANY]]
    begins, ends = not anywhere, not anywhere
    while parts and parts[0] is _ANY:
        begins, parts = False, parts[1:]
    while parts and parts[-1] is _ANY:
        ends, parts = False, parts[:-1]
    text = "".join(".*" if part is _ANY else "." if part is _ONE else in_regex(str(part)) for part in parts)
    return ("^" if begins else "") + text + (r"\Z" if ends else ""), _ONE not in parts


def _regex(value: SigmaRegularExpression) -> str:
    """Write a regular expression, whose case counts and whose point is no newline unless a flag says otherwise."""
    pattern = value.regexp.to_plain_regex()
    flags = {flag for flag, known in _KNOWN_FLAGS.items() if known in value.flags}
    while (found := _LEADING_FLAGS.match(pattern)) is not None:
        for flag in found[1]:
            if flag not in _FLAGS:
                raise SigmaRefused(f"the flag {flag!r} of a regular expression is not known to Sigma", pattern[:20])
            flags.add(flag)
        pattern = pattern[found.end() :]
    off = "".join(flag for flag in "is" if flag not in flags and (flag == "i" or "." in pattern))
    on = "m" if "m" in flags else ""
    kept = kept_regex(pattern)
    return f"(?{on}{'-' if off else ''}{off}:{kept})" if on or off else kept


_KNOWN_FLAGS = {
    "i": SigmaRegularExpressionFlag.IGNORECASE,
    "m": SigmaRegularExpressionFlag.MULTILINE,
    "s": SigmaRegularExpressionFlag.DOTALL,
}


def _network(value: SigmaCIDRExpression) -> str:
    """Write a network as a pattern, for an attribute that is text. Raises SigmaRefused for IPv6."""
    network = value.network
    if not isinstance(network, IPv4Network):
        raise SigmaRefused("an IPv6 network is compared with addresses only, and this field is a text", value.cidr)
    whole, bits = divmod(network.prefixlen, 8)
    octets = str(network.network_address).split(".")
    said = octets[:whole]
    if bits:
        low = int(octets[whole])
        said.append(f"(?:{'|'.join(str(octet) for octet in range(low, low + (1 << (8 - bits))))})")
    said += [_OCTET] * (4 - len(said))
    return "^" + r"\.".join(said) + r"\Z"


def _comparison(field: Field, value: SigmaCompareExpression, *, negated: bool) -> Said:
    """Compare numbers. The opposite of a comparison is also true of what is absent or no number."""
    operator, number = _COMPARE[value.op.name], value.number.number
    if field.kind is AttributeType.IP:
        raise SigmaRefused(f"{field.name} is an address, and {operator} compares numbers", str(number))
    name = field.name if field.kind is AttributeType.NUMBER else f"TO_DOUBLE({field.name})"
    reads = frozenset({field.name})
    written = format(Decimal(repr(number)), "f")
    if abs(number) >= _LARGEST:
        raise SigmaRefused(f"{written} has more than 64 bits", str(number))
    if not negated:
        return Said(f"{name} {operator} {written}", reads=reads)
    text = f"{name} {_OPPOSITE[operator]} {written} OR TO_DOUBLE({field.name}) IS NULL"
    return Said(text, "OR", reads)


def _time_part(field: Field, value: SigmaTimestampPart) -> str:
    """Write a part of a time as a pattern of Sysmon's time."""
    unit = value.timestamp_part
    if field.name not in _TIMES:
        raise SigmaRefused(f"{unit.name.lower()} is asked of a time, and {field.name} is none", unit.name.lower())
    if unit not in _PARTS:
        raise SigmaRefused("the week of a time is not known here", "week")
    return f'"{_PARTS[unit].format(int(value.number))}"'
