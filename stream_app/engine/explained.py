"""What is said of one event and one rule, as values; as JSON each field is a key of its name.

Decision: times are integer milliseconds since 1970, an absent value is null, and what does not apply is left out (an
empty list, an empty text): a rule with one subpattern has no ``ways``.
"""

from msgspec import Struct

from stream_app.language.explain import Part
from stream_app.language.values import Value

Values = dict[str, Value | None]
"""Attribute -> value; None is absent."""

MUST, MUST_NOT, CLEARS = "must occur", "must not come", "clears"
"""What a subpattern is to its rule."""

TRIGGERS, COUNTED, WAITS, LATE, REPEATED, FULL, REFUSED = (
    "triggers",
    "counted",
    "waits",
    "late",
    "repeated",
    "row full",
    "refused",
)
"""What became of a match in its row: it triggers; it is held and does not; it is decided when time has passed it; it
was not counted, being too late, known already, or one too many; too many combinations would have to be looked at."""


class PatternAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a subpattern says of the event."""

    name: str
    holds: bool
    filter: Part
    group: Values
    """Its group-by values of the event."""
    brings: Values = {}
    """What a match brings along for aggregates."""


class ExceptionAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an exception of the rule says of incidents with certain attributes, at the event's time."""

    place: str
    reason: str
    holds: bool
    in_period: bool
    when: Part
    of: Values
    """The incident's attributes."""


class WindowEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event of the window."""

    place: str
    time: int
    triggers: bool
    waits: bool = False
    """Whether it is not decided yet."""
    patterns: tuple[str, ...] = ()
    """Which subpatterns it serves, where there are several."""


class GroupAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A group of a subpattern in the window: how many events, and what its aggregate constraint says."""

    count: int
    holds: bool
    constraint: str
    measures: Values
    """What the constraint measures, with its value."""
    group: Values = {}


class PatternStanding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the window holds of one of several subpatterns."""

    name: str
    role: str
    occurs: bool
    """Whether the constraint of any of its groups holds."""
    groups: tuple[GroupAnswer, ...] = ()
    more_groups: int = 0
    """How many there are besides those that are listed."""


class Way(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A way to satisfy the trigger line."""

    patterns: tuple[str, ...]
    satisfied: bool
    """Whether a combination of events ends with this one, whatever must not come."""
    missing: tuple[str, ...] = ()
    """Subpatterns without an occurrence in the window."""


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An incident that was made or has changed."""

    id: str
    activity: str
    revision: int
    count: int
    events: int
    first: int
    last: int
    attributes: Values
    said: bool
    """Whether a record of it was sent."""
    why_not: str = ""
    until: int | None = None
    """Stream time at which a paced update is said."""
    summary: bool = False
    """Whether it stands for incidents that a cap held back."""


class Standing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The row of one key behind the event's match, and what came of that."""

    customer: str
    key: Values
    """What makes the key, besides rule and customer; of several subpatterns the shared values, named for each."""
    verdict: str
    late_by: int | None = None
    lateness: int | None = None
    """How far a match may be behind the stream's time."""
    decided_at: int | None = None
    """Stream time behind which an event that waits is decided."""
    begin: int
    end: int
    """The window: later than ``begin``, up to ``end``."""
    count: int
    """Events in the window."""
    events: tuple[WindowEvent, ...] = ()
    """The latest of them."""
    group: GroupAnswer | None = None
    """What the aggregate constraint says of the window; of several subpatterns see ``patterns``."""
    patterns: tuple[PatternStanding, ...] = ()
    ways: tuple[Way, ...] = ()
    combinations: tuple[Values, ...] = ()
    """The incident attributes of combinations that end with this event and that nothing forbids, as things stand."""
    exceptions: tuple[ExceptionAnswer, ...] = ()
    incidents: tuple[Told, ...] = ()
    note: str = ""


class Rejected(Struct, frozen=True, kw_only=True):
    """What lies on the rejected topic because of this event: suppressed, held back by a cap, late, and so on."""

    reason: str
    detail: str


class Explained(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one rule says of one event, and what came of it."""

    place: str
    rule: str
    matches: bool
    unread: str = ""
    """Why there is no event: then nothing else is said."""
    time: int | None = None
    """By the rule's clock."""
    event_type: str = ""
    patterns: tuple[PatternAnswer, ...] = ()
    exceptions: tuple[ExceptionAnswer, ...] = ()
    """Of the event's own group, also where no pattern holds; of several subpatterns see ``standings``."""
    standings: tuple[Standing, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    by_time: tuple[Told, ...] = ()
    """Incidents of other events that came because this one moved the stream's time."""
    note: str = ""
