"""Aggregate constraints."""

from __future__ import annotations

import pytest

from stream_app.language.aggregate import CountConstraint, parse_constraint
from stream_app.language.diagnostics import LanguageError, Place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COUNT(*) >= 1", CountConstraint(">=", 1)),
        ("COUNT (*)>=1", CountConstraint(">=", 1)),
        ("count(*) = 0", CountConstraint("=", 0)),
        ("COUNT(*) != 10", CountConstraint("!=", 10)),
        (" COUNT ( * ) > 5 ", CountConstraint(">", 5)),
        ("COUNT(*) < 5", CountConstraint("<", 5)),
        ("COUNT(*)\n<= 999999999999999999", CountConstraint("<=", 999999999999999999)),
    ],
)
def test_a_count_of_events_is_read(text: str, expected: CountConstraint) -> None:
    """Any comparison with a whole number is read, with any blanks and in any case."""
    assert expected == parse_constraint(text)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("SUM(sentBytes) > 5", 1, "SUM is not built yet"),
        ("avg(x) > 5", 1, "avg is not built yet"),
        ("EMA(5, x) > 5", 1, "EMA is not built yet"),
        ("COUNT(DISTINCT user) > 5", 7, "COUNT(DISTINCT …) is not built yet"),
        ("COUNT(user) > 5", 7, "COUNT of an attribute is not built yet; COUNT(*) counts events"),
        ("COUNT(*) > AVG(x)", 12, "AVG is not built yet"),
        ("COUNT(*) >= 1 AND MAX(x) >= 1", 15, "more than one condition in an aggregate constraint is not built yet"),
        ("COUNT(*) >= 1 or COUNT(*) < 5", 15, "more than one condition in an aggregate constraint is not built yet"),
        ("COUNT(*) >= -1", 13, "expected a whole number that is not negative, got '-'"),
        ("COUNT(*) >= 1.5", 13, "expected a whole number that is not negative, got '1.5'"),
        ('COUNT(*) >= "1"', 13, 'expected a whole number that is not negative, got "1"'),
        ("COUNT(*) >= 1000000000000000000", 13, "a count of more than 18 digits is never reached"),
        ("COUNT(*) >= 1 1", 15, "expected the end of the constraint, got '1'"),
        ("COUNT(*)", 9, "expected a comparison, got the end of the query"),
        ("COUNT(*", 8, "expected ')', got the end of the query"),
        ("COUNT()", 7, "expected '*', got ')'"),
        ("COUNT", 6, "expected '(', got the end of the query"),
        ("1 <= COUNT(*)", 1, "expected COUNT(*), got '1'"),
        ("", 1, "expected COUNT(*), got the end of the query"),
    ],
)
def test_anything_else_is_refused_by_name_and_place(text: str, column: int, message: str) -> None:
    """What is not built is refused, never read as something else."""
    with pytest.raises(LanguageError) as refused:
        parse_constraint(text, Place.of(text, "x.toml"))
    (problem,) = refused.value.diagnostics
    assert ("x.toml", column, message) == (problem.path, problem.column, problem.message)
