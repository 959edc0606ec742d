"""The log's two forms: one line a record, whatever it says and whoever says it."""

import logging
import logging.config
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from stream_app.kafka.connection import LOGGER, Connection
from stream_app.kafka.counters import Counters
from stream_app.kafka.failure import Failure
from stream_app.kafka.handover import Handover
from stream_app.kafka.ingest import Ingest, reading_settings
from stream_app.kafka.producing import producer_settings
from stream_app.service.logs import catch_strays, logging_config, worker_name

NOBODY = Connection(bootstrap_servers="127.0.0.1:9")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put the root logger and Python's hooks back as they were."""
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    hooks = threading.excepthook, sys.unraisablehook, warnings.showwarning
    yield
    logging.captureWarnings(capture=False)
    threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Give what was logged, each line as the object that it is."""
    return [msgspec.json.decode(line) for line in capsys.readouterr().err.splitlines()]


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends and quotes in a message do not break the line; a stack trace is a field; the worker is named."""
    logging.config.dictConfig(logging_config("info", "json", "worker-1"))
    log = logging.getLogger("stream_app.test")
    try:
        int("why")
    except ValueError:
        log.exception('two\nlines "%s"', "quoted")
    log.info("plain")
    log.debug("not said")
    first, second = objects(capsys)
    assert ("error", "stream_app.test", 'two\nlines "quoted"') == (first["level"], first["logger"], first["message"])
    assert first["trace"].startswith("Traceback")
    assert first["trace"].endswith("'why'")
    assert ["time", "level", "logger", "worker", "message"] == list(second)
    assert "worker-1" == second["worker"]
    assert re.fullmatch(TIME, second["time"])


def test_json_says_the_place_where_it_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Topic and partition are fields of their own; what else a library hangs on a record is not."""
    logging.config.dictConfig(logging_config("info", "json"))
    logging.getLogger("x").info("here", extra={"topic": "sysmon", "partition": 3, "secret": "no"})
    (said,) = objects(capsys)
    assert ("sysmon", 3, True) == (said["topic"], said["partition"], "secret" not in said)


def test_text_is_for_reading(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, logger, message, on standard error, from the level that was asked for."""
    logging.config.dictConfig(logging_config("warning", "text"))
    logging.getLogger("stream_app.test").warning("%d things", 3)
    logging.getLogger("stream_app.test").info("not said")
    said = capsys.readouterr()
    assert "" == said.out
    assert re.fullmatch(TIME + " WARNING stream_app.test: 3 things\n", said.err)


def test_text_is_one_line_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    """A stack trace, and a value with line ends or a terminal's commands in it, are one line and do nothing."""
    logging.config.dictConfig(logging_config("info", "text"))
    log = logging.getLogger("stream_app.test")
    try:
        int("why")
    except ValueError:
        log.exception("failed")
    log.info("a value: %s", "one\r\n2026 ERROR forged\u2028three\x1b[2Jfour\x9b")
    first, second = capsys.readouterr().err.removesuffix("\n").split("\n")
    assert ": failed | Traceback (most recent call last): |   File" in first
    assert first.endswith("'why'")
    assert second.endswith(r": a value: one | 2026 ERROR forged | three\x1b[2Jfour\x9b")


@pytest.mark.parametrize("name", ["faust.worker", "mode.services", "aiokafka.consumer.group_coordinator", "asyncio"])
def test_the_libraries_speak_in_the_same_form(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Their loggers have no handlers of their own and are not switched off."""
    logging.config.dictConfig(logging_config("info", "json"))
    logging.getLogger(name).error("said")
    assert [(name, "said")] == [(each["logger"], each["message"]) for each in objects(capsys)]


def sends() -> Callable[[], object]:
    """Give what polls a producer with our settings."""
    producer = Producer(producer_settings(NOBODY))
    producer.produce("topic", b"")
    return lambda: producer.poll(0.05)


def reads() -> Callable[[], object]:
    """Give what polls a consumer with the settings of a worker's reader."""
    handover = Handover(NOBODY, "topic", "set")
    ingest = Ingest(connection=NOBODY, screens={}, counters=Counters(), failure=Failure(), handover=handover)
    consumer = Consumer(reading_settings(ingest, "group"))
    consumer.assign([TopicPartition("topic", 0)])
    return lambda: consumer.consume(10, 0.05)


@pytest.mark.parametrize("client", [sends, reads])
def test_librdkafka_speaks_in_the_same_form(
    capfd: pytest.CaptureFixture[str], client: Callable[[], Callable[[], object]]
) -> None:
    """What a client has to say of a broker that does not answer comes through the log, and not past it."""
    logging.config.dictConfig(logging_config("error", "json"))
    poll, said = client(), ""
    for _ in range(200):
        poll()
        said += capfd.readouterr().err
        if "Connection refused" in said:
            break
    lines = [msgspec.json.decode(line) for line in said.splitlines()]
    assert {("error", LOGGER.name)} == {(line["level"], line["logger"]) for line in lines}
    assert any("Connection refused" in line["message"] for line in lines)


def test_what_python_would_write_itself_goes_through_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning, and the exception by which a thread ended."""
    logging.config.dictConfig(logging_config("info", "json"))
    catch_strays()
    warnings.warn("old\nways", stacklevel=1)
    thread = threading.Thread(target=lambda: 1 // 0, name="divider")
    thread.start()
    thread.join()
    first, second = objects(capsys)
    assert "old\nways" in first["message"]
    assert "thread divider ended by an exception" == second["message"]
    assert second["trace"].endswith("ZeroDivisionError: integer division or modulo by zero")


def test_a_worker_is_named_as_it_was_told_or_for_its_process() -> None:
    """The instance id, else host and process: two workers of one machine differ."""
    assert "worker-7" == worker_name("worker-7")
    assert re.fullmatch(r".+-\d+", worker_name(""))
