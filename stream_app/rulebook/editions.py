"""Which rule a match or a row is of, when rules change while they run: an edition's name in, its rule out.

An *edition* is a rule with its content. Decision: matches and rows are named for the edition, ``<id>#<12 digits of the
content id>``, so that a rule which changed begins anew beside what it was, a rule which did not change goes on, and
nothing depends on the moment at which a worker changes its rules. Incidents are named for the rule's id alone.

Decision: retired editions are kept, since what they have in their windows and the incidents that they made are still to
be decided. Where an edition is not known at all, the rule of that id stands in for it, if there is one: an incident is
better cleared by a rule's successor than never.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from stream_app.rulebook.rule import MARK, Rule, Rulebook


def id_of(edition: str) -> str:
    """Give the id of an edition's rule."""
    return edition.partition(MARK)[0]


class Editions:
    """The editions that are known: those of the rulebook that runs, and those of others."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.changes = 0
        """How often others became known."""
        self._current: Mapping[str, Rule] = rulebook.editions
        self._retired: dict[str, Rule] = {}
        self._last: dict[str, Rule] = {}
        """Of the rules that do not run any more, by id: the edition that did last."""

    def __contains__(self, name: str) -> bool:
        """Whether an edition, or a plain id, is known itself; another may still stand in for it."""
        known = name in self._current or name in self._retired
        return known or name in self.rulebook.rules or name in self._last

    @property
    def capped(self) -> frozenset[str]:
        """The editions that have caps."""
        both = {**self._retired, **self._current}
        return frozenset(name for name, rule in both.items() if rule.caps is not None)

    def get(self, name: str) -> Rule | None:
        """Give an edition's rule, or the one that stands in for it; of a plain id it is the one that ran last."""
        rule = self._current.get(name) or self._retired.get(name)
        if rule is None:
            rule_id = id_of(name)
            rule = self.rulebook.rules.get(rule_id) or self._last.get(rule_id)
        return rule

    def run(self, rulebook: Rulebook) -> None:
        """Let another rulebook run; what it replaces is retired."""
        before, self.rulebook, self._current = self.rulebook, rulebook, rulebook.editions
        self._last = {each: rule for each, rule in {**self._last, **before.rules}.items() if each not in rulebook.rules}
        self._retire({**self._retired, **before.editions})

    def keep(self, rulebook: Rulebook) -> None:
        """Know the editions of a rulebook that does not run."""
        gone = {each: rule for each, rule in rulebook.rules.items() if each not in self.rulebook.rules}
        self._last = {**gone, **self._last}
        self._retire({**rulebook.editions, **self._retired})

    def _retire(self, rules: Mapping[str, Rule]) -> None:
        """Keep what does not run: watch lists are those that are followed now."""
        lists = self.rulebook.lists
        self._retired = {
            name: rule if rule.lists is lists or rule.lists is None else replace(rule, lists=lists)
            for name, rule in rules.items()
            if name not in self._current
        }
        self.changes += 1  # last: another thread that reads the old number will look again
