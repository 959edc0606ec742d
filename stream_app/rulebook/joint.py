"""What was read of a rule whose subpatterns meet goes in; its :class:`Join` comes out, with notes for its author.

Only right values come here: what was refused was reported before.
"""

from collections.abc import Iterator

from msgspec import Struct

from stream_app.language.compile import Environment
from stream_app.language.diagnostics import Diagnostic
from stream_app.rulebook.clear import uncleared
from stream_app.rulebook.document import Document
from stream_app.rulebook.join import ClearPattern, Join, KeyPart, Relation, Way
from stream_app.rulebook.mapping import Mapped
from stream_app.rulebook.pattern import Patterns
from stream_app.rulebook.shared import Shared, shared
from stream_app.rulebook.ways import asked_together


class Read(Struct, frozen=True):
    """What a rule file says of how its subpatterns meet."""

    patterns: Patterns
    trigger: str
    ways: tuple[Way, ...]
    relations: tuple[Relation, ...]
    incident: Mapped
    clear: ClearPattern | None


def join_of(read: Read, document: Document, environment: Environment) -> Join:
    """Put a Join together."""
    incident, subpatterns = read.incident, read.patterns.all
    kinds = [[environment.vocabulary[name] for name in each.group_by] for each in subpatterns]
    mapped = tuple(node for _, _, node in incident.attributes)
    found = shared(kinds, read.ways, read.relations, mapped, read.clear)
    groups = tuple(tuple(incident.carries.index(name) for name in each.group_by) for each in subpatterns)
    key = tuple(
        KeyPart(kind, environment.ignore_case, tuple(groups[number][place] for number, place in enumerate(places)))
        for kind, places in found.parts
    )
    return Join(
        names=tuple(each.name for each in subpatterns),
        ways=read.ways,
        relations=read.relations,
        key=key,
        carries=incident.carries,
        groups=groups,
        mapped=mapped,
        trigger=read.trigger,
        clear=read.clear,
        notes=tuple(_notes(read, document, found)),
    )


def _notes(read: Read, document: Document, found: Shared) -> Iterator[Diagnostic]:
    """Say what costs more than it needs to, and what is asked for nothing."""
    if not found.parts:
        said = "all matches of this rule come under one key, which one partition works for"
        if found.hidden:
            pairs = zip(read.patterns.own, found.hidden[0], strict=False)
            sources = ", ".join(f"{each.name}.{each.group_by[place]}" for each, place in pairs)
            advice = f"map one of {sources} in [incident], for each way of the trigger, and it makes keys"
        else:
            advice = "equate a value of all patterns in global"
        yield document.at_value(("trigger",), f"{said}: {advice}")
    units = tuple(asked_together(read.ways))
    for each in read.relations:
        if not any({each.left, each.right} <= unit for unit in units):
            said = f"{each.text} is never asked: no way of the trigger holds both patterns"
            yield document.at_value(("global",), said)
    for way in () if read.clear is None else uncleared(read.clear, read.ways):
        names = ", ".join(read.patterns.names[number] for number in way.members)
        said = f"never clears an incident of {names}: it lacks an attribute that match names"
        yield document.at_value(("clear", "match"), said)
