"""A rule as it runs: checked, compiled, every option decided. All times are integer milliseconds."""

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import Filter
from stream_app.language.constraint import Constraint, MappedAggregate
from stream_app.language.diagnostics import Diagnostic
from stream_app.language.environment import Environment
from stream_app.language.values import AttributeType
from stream_app.rulebook.caps import Caps
from stream_app.rulebook.exceptions import RuleException
from stream_app.rulebook.join import Join
from stream_app.rulebook.watchlists import Filling, WatchLists
from stream_app.sysmon.attributes import VOCABULARY

MOST_ROW_BYTES = 700_000
"""The largest that a row may be: with its key it fits a record of Kafka's."""

MARK = "#"
"""Stands between id and content in the name of an edition (``editions.py``); no id has it."""
_DIGITS = 12


class Subpattern(Struct, frozen=True):
    """A named filter with its group-by and its aggregate constraint."""

    name: str
    query: str
    filter: Filter
    group_by: tuple[str, ...]
    constraint: CountConstraint | Constraint
    """A count alone has a form of its own: the times of the events decide it."""
    carries: tuple[str, ...] = ()
    """The attributes that each match brings along for aggregates, in this order."""
    notes: tuple[Diagnostic, ...] = ()
    """Why the query is asked more often than it could be."""


class Rule(Struct, frozen=True, kw_only=True, dict=True):
    """One correlation rule. It is named by ``id``, never by its title or its file."""

    id: str
    name: str
    description: str
    severity: int
    category: str
    subcategory: str
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    window: int
    subpattern: Subpattern
    """The only one, or the first of several."""
    mapping: tuple[tuple[str, str], ...]
    """(incident attribute, group-by attribute), in the rule file's order; every group-by attribute is mapped.

    Of a rule with several subpatterns: (incident attribute, ``<subpattern>.<attribute>``), those that its author chose.
    """
    others: tuple[Subpattern, ...] = ()
    """The second subpattern and those behind it, a clear pattern last."""
    join: Join | None = None
    """How several subpatterns belong together; None for a rule with one and no clear pattern."""
    shown: tuple[tuple[str, MappedAggregate], ...] = ()
    """(incident attribute, aggregate over the window of the latest trigger), in the rule file's order."""
    enabled: bool = True
    shadow: bool = False
    """Whether its incidents go to the topic of those in shadow alone, and put nothing on watch lists."""
    event_clock: bool = False
    """Whether time is System/TimeCreated instead of the receive time (phRecvTime)."""
    lateness: int = 600_000
    clear_after: int = 86_400_000
    update_interval: int = 0
    """An active incident is said again at most once in so many ms, and never without its final numbers."""
    exceptions: tuple[RuleException, ...] = ()
    """What triggers make nothing, in the rule file's order."""
    row_limit: int = MOST_ROW_BYTES
    """Bytes that the row of a group may have; a match that would make it larger is rejected."""
    final: bool = False
    """Whether the constraint is decided when the stream is ``lateness`` past the event, not on arrival."""
    evidence: int = 5
    """How many triggering records an incident names: the first, and the latest of the others."""
    chained: bool = False
    """Whether other rules read its incidents."""
    caps: Caps | None = None
    """How many incidents are told; None: all."""
    summary: bool = False
    """Whether this stands for the incidents that a cap held back, and is no rule of its own (:meth:`summing`)."""
    watch_lists: tuple[Filling, ...] = ()
    """What its incidents put on watch lists when they are made."""
    lists: WatchLists | None = None
    """The lists of all rules that were loaded with it; None for a rule that neither fills nor reads one."""
    environment: Environment = Environment({})
    """What its texts may name: for whoever explains them anew."""
    content_id: str = ""
    """SHA-256 of what decides (query, group-by, constraint, window, options), hexadecimal."""

    @cached_property
    def event_type(self) -> str:
        """The eventType of its incidents. Decision: that of a summary has an ending, its ruleId is the rule's own."""
        return f"{self.id}_FLOOD" if self.summary else self.id

    @cached_property
    def summing(self) -> "Rule":
        """What the summaries of incidents that were held back are made with: the rule, without its attributes."""
        return replace(self, mapping=(), shown=(), join=None, lists=None, chained=False, summary=True)

    @cached_property
    def edition(self) -> str:
        """What matches and rows name it by: its id, and of the content id what tells editions of one rule apart."""
        return f"{self.id}{MARK}{self.content_id[:_DIGITS]}" if self.content_id else self.id

    @cached_property
    def births(self) -> bool:
        """Whether its incidents keep what they were made as: other rules read them, or a cap counts them."""
        return self.chained or self.caps is not None

    @cached_property
    def subpatterns(self) -> tuple[Subpattern, ...]:
        """All of them, by number."""
        return (self.subpattern, *self.others)

    @cached_property
    def holds_all(self) -> bool:
        """Whether every event of a window is held: more than times decide, or an aggregate is shown."""
        return bool(self.shown) or self.join is not None or isinstance(self.subpattern.constraint, Constraint)

    @cached_property
    def width(self) -> int:
        """How many values stand in the group of an incident's key."""
        return len(self.subpattern.group_by) if self.join is None else len(self.mapping)

    @cached_property
    def delay(self) -> int:
        """How far, besides ``lateness``, the stream's time must be past an event to decide it as final, ms."""
        return self.window if self.join is not None and self.join.negated else 0

    @cached_property
    def places(self) -> tuple[tuple[str, int], ...]:
        """(incident attribute, place of its value in a group), in the mapping's order; worked out once for a rule.

        Of a rule with several subpatterns the group of an incident is the tuple of its attributes.
        """
        if self.join is not None:
            return tuple((attribute, place) for place, (attribute, _) in enumerate(self.mapping))
        return tuple((attribute, self.subpattern.group_by.index(source)) for attribute, source in self.mapping)

    @cached_property
    def sorted_places(self) -> tuple[tuple[str, int], ...]:
        """:attr:`places` in the order of the names."""
        return tuple(sorted(self.places))

    @cached_property
    def every_event(self) -> bool:
        """Whether each event triggers by itself, so that nothing needs to be held."""
        constraint = self.subpattern.constraint
        if self.holds_all or self.exceptions or not isinstance(constraint, CountConstraint):
            return False  # a trigger under an exception still stands behind those whose windows hold it
        enough = {">=": 1, ">": 0}.get(constraint.operator)
        return enough is not None and constraint.number <= enough and not self.final

    @cached_property
    def quiet(self) -> int:
        """How long an incident stands without a trigger, ms. It is never over while its window holds its events."""
        return max(self.clear_after, self.window)


class Rulebook(Struct, frozen=True):
    """All loaded rules by id; disabled ones are here too and detect skips them."""

    rules: Mapping[str, Rule]

    @property
    def editions(self) -> dict[str, Rule]:
        """All of them by the names of their editions."""
        return {rule.edition: rule for rule in self.rules.values()}

    @property
    def declared(self) -> Mapping[str, AttributeType]:
        """The attributes that the rules' authors have declared beside FortiSIEM's."""
        vocabularies = {id(each): each for each in (rule.environment.vocabulary for rule in self.rules.values())}
        return {name: kind for each in vocabularies.values() for name, kind in each.items() if name not in VOCABULARY}

    @property
    def lists(self) -> WatchLists | None:
        """The watch lists of the rules that run; None where they use none."""
        return next((rule.lists for rule in self.enabled if rule.lists is not None), None)

    @property
    def enabled(self) -> tuple[Rule, ...]:
        """The rules that run, in the order of their ids."""
        return tuple(self.rules[rule_id] for rule_id in sorted(self.rules) if self.rules[rule_id].enabled)
