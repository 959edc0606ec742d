"""The token of the web ports."""

import pytest

from stream_app.service.token import allowed


@pytest.mark.parametrize(
    ("token", "authorization", "expected"),
    [
        ("", None, True),
        ("", "Bearer anything", True),
        ("secret", "Bearer secret", True),
        ("secret", "Bearer  secret ", True),
        ("sécret", "Bearer sécret", True),
        ("secret", None, False),
        ("secret", "", False),
        ("secret", "Bearer ", False),
        ("secret", "Bearer secrets", False),
        ("secret", "Basic secret", False),
        ("secret", "secret", False),
    ],
)
def test_only_who_bears_the_token_is_answered(token: str, authorization: str | None, expected: bool) -> None:  # noqa: FBT001 - a table of truth values
    """Without a token all are answered; with one, exactly those who bear it."""
    assert expected == allowed(token, authorization)
