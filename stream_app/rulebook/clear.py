"""The [clear] table's ``match``: which incidents a clear event is about, as relations of their attributes to its group.

Decision: at least one incident attribute is matched, and only by equality: a clear event that is about no incident in
particular would end all of them.
"""

from collections.abc import Iterator, Sequence

from stream_app.language.checks import NOUNS
from stream_app.language.compile import Environment
from stream_app.language.relation import compile_relation
from stream_app.rulebook.fields import Fields, kind_of
from stream_app.rulebook.join import ClearPattern, Relation, Way
from stream_app.rulebook.mapping import Mapped
from stream_app.rulebook.pattern import Patterns
from stream_app.rulebook.relations import relation
from stream_app.rulebook.rule import Subpattern


def read_clear(
    patterns: Patterns, incident: Mapped, ways: Sequence[Way], environment: Environment
) -> ClearPattern | None:
    """Give the clear pattern of a rule that has one. What is wrong is reported."""
    table, subpattern = patterns.clear_table, patterns.clear
    if table is None or subpattern is None:
        return None
    match = table.table("match", required=True)
    table.close()
    if match is None or not patterns.own:
        return None
    if not match.data:
        match.at_value('match is empty: name an incident attribute and what equals it, { hostName = "hostName" }')
    relations = tuple(_relations(match, subpattern, len(patterns.own), incident, environment))
    clear = ClearPattern(len(patterns.own), relations)
    if relations and ways and len(uncleared(clear, ways)) == len(ways):
        match.at_value("no incident has all of these attributes: no way of the trigger gives more than some of them")
    return clear


def uncleared(clear: ClearPattern, ways: Sequence[Way]) -> tuple[Way, ...]:
    """Give the ways whose incidents lack what the clear pattern is matched with: it never ends one of them."""
    wanted = {each.left for _, each in clear.matched}
    return tuple(way for way in ways if not wanted <= set(way.members))


def _relations(
    match: Fields, subpattern: Subpattern, number: int, incident: Mapped, environment: Environment
) -> Iterator[tuple[int, Relation]]:
    """Read each line of ``match``, or report why not."""
    names = [name for name, _, _ in incident.attributes]
    for name, attribute in match.rest().items():
        if not isinstance(attribute, str):
            match.at_value(f"{name}: expected a string, got {kind_of(attribute)}", name)
        elif name in incident.refused:
            continue
        elif name not in names:
            match.at_key(f"{name} is mapped from no pattern: match takes attributes of [incident] that are", name)
        elif attribute not in subpattern.group_by:
            match.at_value(f"{name}: {attribute!r} is not grouped by: put it into group_by of [clear]", name)
        elif (kind := environment.vocabulary[name]) is not (other := environment.vocabulary.get(attribute, kind)):
            match.at_value(f"{name} is {NOUNS[kind]}, {attribute} is {NOUNS[other]}", name)
        else:
            place = names.index(name)
            _, source, node = incident.attributes[place]
            right = (number, subpattern.group_by.index(attribute))
            text = f"{source} = {subpattern.name}.{attribute}"
            yield place, relation(node, right, text, compile_relation("=", kind, environment), equates=True)
