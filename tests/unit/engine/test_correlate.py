"""The short way of a key with one incident, against the long one; and where one incident ends and another begins."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.engine.correlate import alone, correlate
from stream_app.engine.key import Key
from stream_app.engine.life import age, pace
from stream_app.engine.row import MUTED, PENDING, VERSION, Episode, Mark, Row, Source
from stream_app.engine.window import Decision, place_of
from stream_app.rulebook.rule import Rule

KEY = Key("PH_Rule_Test", "1", ("pc1",))
SOURCES = (Source("T", "sysmon", 1, 9), Source("T", "sysmon", 0, 9))


@st.composite
def one_or_none(draw: st.DrawFn) -> tuple[Episode, ...]:
    """Draw what a key may have: no incident, or one, with its evidence in order; it may have been taken over."""
    if draw(st.booleans()):
        return ()
    marks = draw(st.lists(st.builds(Mark, st.integers(20, 40), st.integers(0, 1), st.integers(0, 9)), max_size=5))
    evidence = tuple(sorted(marks, key=lambda mark: place_of(mark, SOURCES)))
    first, last = draw(st.integers(15, 20)), draw(st.integers(40, 45))
    facts = (b"i" * 16, 3, first, last, 3, 3, 1, evidence, draw(st.sampled_from((b"", b"o" * 16))), None)
    cleared = draw(st.none() | st.integers(last, 50))
    return (Episode(*facts, cleared, draw(st.integers(first, 60)), draw(st.sampled_from((0, PENDING, MUTED)))),)


@settings(max_examples=max(300, settings.default.max_examples), deadline=None)
@given(
    one_or_none(),
    st.builds(Mark, st.integers(0, 60), st.integers(0, 1), st.integers(0, 9)),
    st.integers(0, 20),
    st.integers(0, 5),
    st.integers(0, 15),
    st.none() | st.integers(0, 20),
)
def test_alone(  # noqa: PLR0913, PLR0917  each is one dimension of the property
    rule_of: Callable[..., Rule],
    episodes: tuple[Episode, ...],
    mark: Mark,
    clear_after: int,
    evidence: int,
    update_interval: int,
    ahead: int | None,
) -> None:
    """The short way of the many says what the long one says, or says nothing; the trigger is not late."""
    rule = rule_of(clear_after=clear_after, window=1, evidence=evidence, lateness=20, update_interval=update_interval)
    time = None if ahead is None else mark.time + ahead
    short = alone(rule, KEY, episodes, SOURCES, mark, 7, time)
    if short is not None:
        aged, before = age(rule, episodes, time, 7) if time is not None else (episodes, ())
        grown, changed = correlate(rule, KEY, Row(VERSION, 7, 60, SOURCES, aged, ()), (Decision(mark.time, mark, 1),))
        told = () if short.flags & (PENDING | MUTED) else (short,)
        assert ((), ((short,), told)) == (before, pace(rule, grown, changed, time))
    elif episodes and not episodes[0].into and episodes[0].evidence and episodes[0].cleared is None:
        one, last = episodes[0], episodes[0].evidence[-1]
        reached = one.first - clear_after <= mark.time <= one.last + max(1, clear_after)
        waits = one.flags & PENDING and time is not None and time >= one.said + update_interval
        assert not reached or waits or place_of(mark, SOURCES) < place_of(last, SOURCES)
