"""Which triggers make nothing. Goes in: a rule, the group of a trigger, its time; comes out: the exception it is under.

Decision: a trigger is judged by what it is of and by its own time, and by nothing else: a replay, a crash or another
order of arrival suppress the same ones.
"""

from collections.abc import Sequence

from stream_app.engine.incident import whole
from stream_app.engine.match import Group
from stream_app.rulebook.exceptions import RuleException
from stream_app.rulebook.rule import Rule


def applying(rule: Rule, group: Group) -> tuple[RuleException, ...]:
    """Give the rule's exceptions whose condition is true of a group's incidents, whenever they hold.

    ``group`` is that of the incident's key.
    """
    values = whole(rule, group)
    attributes = {name: value for name, place in rule.places if (value := values[place]) is not None}
    return tuple([exception for exception in rule.exceptions if exception.condition(attributes)])


def excepting(exceptions: Sequence[RuleException], time: int) -> RuleException | None:
    """Give the first of these exceptions that holds at a time, ms."""
    for exception in exceptions:
        if exception.holds(time):
            return exception
    return None
