"""deploy/README.md is held to the code: what it names exists, and the numbers it says are the code's."""

import re
from pathlib import Path

from stream_app.kafka.failure import EXIT_STATUS
from stream_app.service.settings import settings_table
from tests.faults.ground import ROUND_TRIP
from tests.faults.stage import SESSION

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")


def test_every_setting_that_it_names_exists() -> None:
    """A variable on the page is a variable of the settings."""
    named = set(re.findall(r"STREAM_APP_[A-Z_]+", PAGE))
    assert len(named) > 5
    assert set() == named - {row.variable for row in settings_table()}


def test_its_numbers_are_those_of_the_code() -> None:
    """Exit status, session time-outs and round trip are said as they are."""
    default = next(row.default for row in settings_table() if row.field == "session_timeout_s")
    assert f"Status {EXIT_STATUS} is" in PAGE
    assert f"`STREAM_APP_SESSION_TIMEOUT_S`, {default} s by default; {SESSION:.0f} s in these runs" in PAGE
    assert f"a round trip of {ROUND_TRIP * 1000:.0f} ms" in PAGE


def test_the_files_and_commands_that_it_names_exist() -> None:
    """Links lead somewhere, and the module or package that it tells to run is there."""
    for link in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "deploy" / link).exists(), link
    for module in re.findall(r"python -m ([a-z.]+)", PAGE):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module
