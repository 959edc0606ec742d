"""The [flood] table of a rule: how many incidents it may make for a customer in an hour and in a day.

Decision: a cap has an upper bound, since the row that counts for it names incidents: one that is higher caps nothing
that a person would look at.
"""

from msgspec import Struct

from stream_app.rulebook.fields import Fields

MOST = 10_000
"""The highest cap."""

HOUR, DAY = 3_600_000, 86_400_000


class Caps(Struct, frozen=True):
    """The most incidents that are told of those whose first trigger lies in one hour, in one day (UTC); None: all."""

    per_hour: int | None = None
    per_day: int | None = None

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """(length of a bucket in ms, cap) of those that there are, the shorter one first."""
        return tuple((span, cap) for span, cap in ((HOUR, self.per_hour), (DAY, self.per_day)) if cap is not None)


def read_caps(fields: Fields) -> Caps | None:
    """Read the table; None where there is none. What is wrong is reported."""
    flood = fields.table("flood")
    if flood is None:
        return None
    given = {name: flood.integer(name, 1, MOST) for name in ("per_hour", "per_day") if name in flood.data}
    if not given:
        flood.at_key("expected per_hour or per_day, or both")
    flood.close()
    return Caps(**given)
