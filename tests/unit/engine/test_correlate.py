"""The short way of a key with one incident, against the long one."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.engine.correlate import alone, correlate
from stream_app.engine.key import Key
from stream_app.engine.row import VERSION, Episode, Mark, Row, Source
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
    return (Episode(b"i" * 16, 3, first, last, 3, 3, 1, evidence, draw(st.sampled_from((b"", b"o" * 16)))),)


@settings(max_examples=max(300, settings.default.max_examples), deadline=None)
@given(
    one_or_none(),
    st.builds(Mark, st.integers(0, 60), st.integers(0, 1), st.integers(0, 9)),
    st.integers(0, 20),
    st.integers(0, 5),
)
def test_alone(
    rule_of: Callable[..., Rule], episodes: tuple[Episode, ...], mark: Mark, clear_after: int, evidence: int
) -> None:
    """The short way of the many says what the long one says, or says nothing."""
    rule = rule_of(clear_after=clear_after, window=1, evidence=evidence)
    row = Row(VERSION, 7, 60, SOURCES, episodes, ())
    short = alone(rule, KEY, episodes, SOURCES, mark, 7)
    if short is not None:
        assert ((short,), (short,)) == correlate(rule, KEY, row, (Decision(mark.time, mark, 1),))
    elif episodes and not episodes[0].into and episodes[0].evidence:
        last = episodes[0].evidence[-1]
        reached = episodes[0].first - clear_after <= mark.time <= episodes[0].last + max(1, clear_after)
        assert not reached or place_of(mark, SOURCES) < place_of(last, SOURCES)
