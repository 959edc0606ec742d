"""Rules with several subpatterns against a second opinion that tries every combination of events."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.engine.joint_oracle import incidents
from tests.unit.engine.joint_scenes import rule_of, rules, run, scenes, standing

THOROUGH = settings(max_examples=max(120, settings.default.max_examples), deadline=None)


@THOROUGH
@given(data=st.data(), lateness=st.integers(0, 12))
def test_on_arrival(data: st.DataObject, lateness: int) -> None:
    """What monotone constraints find on arrival is what all combinations say, in every order of arrival."""
    drawn = data.draw(rules())
    rule = rule_of(drawn.spec, keyed=drawn.keyed, lateness=lateness)
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
