"""The log's two forms: one line a record, whatever it says."""

import logging
import logging.config
import re
from collections.abc import Iterator

import msgspec
import pytest

from stream_app.service.logs import logging_config


@pytest.fixture
def restored() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]


@pytest.mark.usefixtures("restored")
def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends and quotes in a message do not break the line; a stack trace is a field."""
    logging.config.dictConfig(logging_config("info", "json"))
    log = logging.getLogger("stream_app.test")
    try:
        int("why")
    except ValueError:
        log.exception('two\nlines "%s"', "quoted")
    log.info("plain")
    log.debug("not said")
    first, second = (msgspec.json.decode(line) for line in capsys.readouterr().err.splitlines())
    assert ("error", "stream_app.test", 'two\nlines "quoted"') == (first["level"], first["logger"], first["message"])
    assert first["trace"].startswith("Traceback")
    assert first["trace"].endswith("'why'")
    assert ["time", "level", "logger", "message"] == list(second)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", second["time"])


@pytest.mark.usefixtures("restored")
def test_text_is_for_reading(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, logger, message, on standard error, from the level that was asked for."""
    logging.config.dictConfig(logging_config("warning", "text"))
    logging.getLogger("stream_app.test").warning("%d things", 3)
    logging.getLogger("stream_app.test").info("not said")
    said = capsys.readouterr()
    assert ("", True) == (said.out, said.err.endswith(" WARNING stream_app.test: 3 things\n"))
