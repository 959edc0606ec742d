"""Rules with several subpatterns against a second opinion that tries every combination of events."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.engine.joint_oracle import arriving, incidents
from tests.unit.engine.joint_scenes import TURNING, rule_of, rules, run, scenes, standing

THOROUGH = settings(max_examples=max(150, settings.default.max_examples), deadline=None)


@THOROUGH
@given(data=st.data(), lateness=st.integers(0, 12))
def test_on_arrival(data: st.DataObject, lateness: int) -> None:
    """What monotone constraints find on arrival is what all combinations say, in every order of arrival."""
    drawn = data.draw(rules())
    interval = data.draw(st.sampled_from((0, 0, 3, 30)))
    rule = rule_of(drawn.spec, keyed=drawn.keyed, lateness=lateness, update_interval=interval)
    scene = data.draw(scenes(drawn.spec, lateness))
    _, sent = run(rule, scene)
    assert incidents(drawn.spec, scene.events) == standing(sent)


@THOROUGH
@given(data=st.data(), lateness=st.integers(0, 12))
def test_final(data: st.DataObject, lateness: int) -> None:
    """Decided as final, whatever the constraints, it is what all combinations say, in every order of arrival."""
    drawn = data.draw(rules(turning=True))
    rule = rule_of(drawn.spec, keyed=drawn.keyed, lateness=lateness, final=True)
    scene = data.draw(scenes(drawn.spec, lateness))
    _, sent = run(rule, scene)
    assert incidents(drawn.spec, scene.events) == standing(sent)


@THOROUGH
@given(data=st.data(), lateness=st.integers(0, 12))
def test_negated(data: st.DataObject, lateness: int) -> None:
    """What must not come is decided when nothing can come any more, in every order of arrival."""
    drawn = data.draw(rules(negated=True, turning=True))
    rule = rule_of(drawn.spec, keyed=drawn.keyed, lateness=lateness)
    scene = data.draw(scenes(drawn.spec, lateness))
    _, sent = run(rule, scene)
    assert incidents(drawn.spec, scene.events) == standing(sent)


@THOROUGH
@given(data=st.data(), lateness=st.integers(0, 12), negated=st.booleans())
def test_cleared_as_final(data: st.DataObject, lateness: int, *, negated: bool) -> None:
    """Where the rule is final, its clear pattern ends incidents in the order of events, in every order of arrival."""
    drawn = data.draw(rules(negated=negated, clear=True, turning=True))
    rule = rule_of(drawn.spec, keyed=drawn.keyed, lateness=lateness, final=True)
    scene = data.draw(scenes(drawn.spec, lateness))
    _, sent = run(rule, scene)
    assert incidents(drawn.spec, scene.events) == standing(sent)


@THOROUGH
@given(data=st.data(), lateness=st.integers(0, 12))
def test_cleared_on_arrival(data: st.DataObject, lateness: int) -> None:
    """On arrival, a clear pattern ends the incidents that stand; a trigger behind it makes a new one."""
    drawn = data.draw(rules(clear=True))
    rule = rule_of(drawn.spec, keyed=drawn.keyed, lateness=lateness)
    scene = data.draw(scenes(drawn.spec, lateness, in_order=True))
    _, sent = run(rule, scene)
    assert incidents(drawn.spec, scene.events) == standing(sent)


@THOROUGH
@given(data=st.data(), lateness=st.integers(0, 12))
def test_not_monotone_on_arrival(data: st.DataObject, lateness: int) -> None:
    """What more events can make false is asked once, when an event arrives, and a trigger made stands."""
    drawn = data.draw(rules(turning=True, shown=False))
    rule = rule_of(drawn.spec, keyed=drawn.keyed, lateness=lateness)
    scene = data.draw(scenes(drawn.spec, lateness))
    _, sent = run(rule, scene)
    texts = {each.constraint for each in drawn.spec.patterns}
    assume(texts & TURNING.keys())
    assert incidents(drawn.spec, scene.events, arriving(drawn.spec, scene.events)) == standing(sent)
