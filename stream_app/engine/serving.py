"""A record serves subpatterns of a rule with several: rule, subpatterns and attributes in, keys and values out.

Decision: one match for each key, which names every subpattern that the record serves under it, since a row knows a
record by its place and counts it once. Values that ``=`` finds equal have one spelling in a key, whatever their
spelling in the records, so what belongs together meets in one row; the values as they are travel in the match.
"""

from collections.abc import Callable, Iterable
from typing import cast

from stream_app.engine.key import canonical, encode_key
from stream_app.engine.match import Group
from stream_app.engine.screen import Asked
from stream_app.language.folding import fold
from stream_app.language.reading import NOWHERE, address_of, number_of, text_of
from stream_app.language.values import AttributeType, Value
from stream_app.rulebook.join import Join, KeyPart
from stream_app.rulebook.rule import Rule


def served(asked: Iterable[Asked]) -> list[tuple[Rule, int]]:
    """Give each rule with several subpatterns that wants a record, and which of them do: bit ``n`` for number ``n``."""
    masks: dict[str, tuple[Rule, int]] = {}
    for rule, number in asked:
        if rule.join is not None:
            masks[rule.id] = rule, masks.get(rule.id, (rule, 0))[1] | 1 << number
    return [*masks.values()]


def serving(rule: Rule, mask: int, customer: str, get: Callable[[str], Value | None]) -> list[tuple[bytes, Group]]:
    """Give (key, values of the match) for each key under which a record serves subpatterns of a rule.

    ``mask`` has bit ``n`` where the record serves subpattern ``n``; so has the last of the values, as an integer, for
    the subpatterns of that key. Before it stand the values of ``Join.carries``.
    """
    join = cast("Join", rule.join)
    carried = tuple([canonical(get(name)) for name in join.carries])
    masks: dict[bytes, int] = {}
    for number in range(mask.bit_length()):
        if mask >> number & 1:
            group = tuple([spelled(part, carried[part.places[number]]) for part in join.key])
            key = encode_key(rule.edition, customer, group)
            masks[key] = masks.get(key, 0) | 1 << number
    return [(key, (*carried, served)) for key, served in masks.items()]


def spelled(part: KeyPart, value: Value | None) -> Value | None:
    """Give the one spelling of a shared value: of two that ``=`` finds equal, the same.

    What does not read as the attribute's type equals nothing, and is spelled as absent.
    """
    if part.kind is AttributeType.IP:
        address = address_of(value)
        return None if address == NOWHERE else str(address)
    if part.kind is AttributeType.NUMBER:
        number = number_of(value)
        if number - number != 0:
            return None
        return canonical(int(number) if number == int(number) else number)
    text = text_of(value)
    return text if text is None or not part.ignore_case else fold(text)
