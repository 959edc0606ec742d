"""The count of events, which has a form of its own."""

from __future__ import annotations

import pytest

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import Environment
from stream_app.language.constraint import constraint_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COUNT(*) >= 1", CountConstraint(">=", 1)),
        ("COUNT (*)>=1", CountConstraint(">=", 1)),
        ("count(*) = 1", CountConstraint("=", 1)),
        ("COUNT(*) != 10", CountConstraint("!=", 10)),
        (" COUNT ( * ) > 5 ", CountConstraint(">", 5)),
        ("5 > COUNT(*)", CountConstraint("<", 5)),
        ("COUNT(*)\n<= 999999999999999999", CountConstraint("<=", 999999999999999999)),
        ("COUNT(*) >= 1 AND COUNT(*) >= 2", None),
        ("COUNT(*) >= 1.5", None),
    ],
)
def test_a_count_of_events_is_told_from_all_else(text: str, expected: CountConstraint | None) -> None:
    """Any comparison with a whole number is a count, with any blanks, in any case, whichever side the number is on."""
    assert expected == constraint_of(text, Environment(vocabulary={})).count
