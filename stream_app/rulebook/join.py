"""How the subpatterns of a rule belong together, as the engine reads it. Only values: ``joint.py`` makes them.

Decision: a trigger line is unfolded when it is loaded into *ways*, none of which holds an OR: each way is a tree of
subpatterns, none named twice, that must all occur, some in order, and of what must not come beside it.
"""

from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.diagnostics import Diagnostic
from stream_app.language.values import AttributeType, Predicate, Value

if TYPE_CHECKING:
    from collections.abc import Mapping


class Occurs(Struct, frozen=True):
    """One subpattern, by its number in the rule file's order."""

    number: int


class Together(Struct, frozen=True):
    """AND: each part occurs."""

    parts: "tuple[Tree, ...]"


class InOrder(Struct, frozen=True):
    """FOLLOWED_BY: each part is complete before the next one begins."""

    parts: "tuple[Tree, ...]"


Tree = Occurs | Together | InOrder


class Without(Struct, frozen=True):
    """What must not come to hold: any of ``ways``, less than a window after the trigger, or around it."""

    ways: tuple[Tree, ...]
    after: bool
    """NOT_FOLLOWED_BY: behind the trigger. Else AND_NOT: less than a window before or after it."""


class Way(Struct, frozen=True):
    """One way to satisfy a trigger line."""

    tree: Tree
    members: tuple[int, ...]
    """The subpatterns of the tree, in rising order."""
    without: tuple[Without, ...] = ()


class Relation(Struct, frozen=True):
    """A global constraint: what group-by values of two subpatterns must satisfy where both take part."""

    left: int
    right: int
    """Numbers of the two subpatterns, which are different ones."""
    left_place: int
    right_place: int
    """Places in their group-by."""
    text: str
    """As the printer writes it: ``Create.hostName = Connect.hostName``."""
    condition: Predicate
    """Asked of ``{"left": value, "right": value}``; a value that is absent is left out."""
    equates: bool = False
    """Whether it is ``=``: where it holds, both values are the same part of a key."""

    def holds(self, left: Value | None, right: Value | None) -> bool:
        """Compare a value of the left subpattern's group with one of the right one's, as the query language does."""
        said: Mapping[str, Value] = {
            name: value for name, value in (("left", left), ("right", right)) if value is not None
        }
        return self.condition(said)


class KeyPart(Struct, frozen=True):
    """A value that all subpatterns share: equal values have one spelling."""

    kind: AttributeType
    ignore_case: bool
    places: tuple[int, ...]
    """By subpattern: the place of its value among what events bring along."""


class ClearPattern(Struct, frozen=True):
    """The rule's own condition to clear: when this subpattern holds, incidents with the same values are over."""

    number: int
    matched: tuple[tuple[int, Relation], ...]
    """(place in the rule's mapping, relation of that incident attribute, left, to the clear event's group, right)."""


class Join(Struct, frozen=True, kw_only=True):
    """The subpatterns of a rule and what is asked of them together."""

    names: tuple[str, ...]
    ways: tuple[Way, ...]
    relations: tuple[Relation, ...]
    key: tuple[KeyPart, ...]
    """What makes a match's key, besides rule and customer. Empty: the rule runs under one key."""
    carries: tuple[str, ...]
    """The attributes that each match brings along, in this order: those grouped by, then those of aggregates."""
    groups: tuple[tuple[int, ...], ...]
    """By subpattern: places of its group-by values in ``carries``."""
    mapped: tuple[tuple[int, int], ...]
    """By incident attribute, in the mapping's order: (number of the subpattern, place in its group-by)."""
    trigger: str = ""
    """The trigger line as the printer writes it: the same for lines that say the same."""
    clear: ClearPattern | None = None
    notes: tuple[Diagnostic, ...] = ()

    @property
    def negated(self) -> bool:
        """Whether something must not come: then it is decided when a window has passed."""
        return any(way.without for way in self.ways)
