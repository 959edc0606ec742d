"""Periods of time in which something holds: a moment in, yes or no out. Times are integer milliseconds since 1970.

Decision: a period that comes back is one of wall clocks. The local time of its zone decides, whatever that zone does to
its clocks: an hour that they leave out has no moments, and one that they show twice is inside both times. Each period
is half-open: its end is outside of it.
"""

from datetime import UTC, datetime, time, timedelta, tzinfo

from msgspec import Struct

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As rule files name them, in the order of :meth:`datetime.weekday`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Once(Struct, frozen=True):
    """From one moment to another; None for one that is open at this end."""

    begin: int | None
    end: int | None

    def holds(self, moment: int) -> bool:
        """Tell whether the moment is inside."""
        return (self.begin is None or self.begin <= moment) and (self.end is None or moment < self.end)

    @property
    def facts(self) -> tuple[object, ...]:
        """What decides, as plain values."""
        return self.begin, self.end


class Weekly(Struct, frozen=True):
    """From one time of the day to another, on some days. It belongs to the day on which it begins.

    One that ends before it begins goes over midnight. ``hours`` is None for whole days.
    """

    days: tuple[int, ...]
    hours: tuple[time, time] | None
    zone: tzinfo

    def holds(self, moment: int) -> bool:
        """Tell whether the moment is inside; one that no calendar has is not."""
        try:
            local = (_EPOCH + timedelta(milliseconds=moment)).astimezone(self.zone)
        except (OverflowError, ValueError):
            return False
        day, clock = local.weekday(), local.time()
        if self.hours is None:
            return day in self.days
        start, end = self.hours
        if start < end:
            return day in self.days and start <= clock < end
        return (day if clock >= start else (day - 1) % 7) in self.days and not end <= clock < start

    @property
    def facts(self) -> tuple[object, ...]:
        """What decides, as plain values."""
        return self.days, [each.isoformat() for each in self.hours or ()], str(self.zone)


def milliseconds(moment: datetime) -> int:
    """Give a time with an offset as milliseconds since 1970; what is below one is cut off."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
