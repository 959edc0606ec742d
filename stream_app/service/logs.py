"""The log's form, as a value for ``logging.config.dictConfig``, and what else would write past the log.

Decision: one record is one line in both forms, whatever it says: line ends are `` | `` in text, where a stack trace is
meant to be read, and stay what they are in JSON, which has a way to write them. Control characters show as escapes in
text, since values of records come to stand in messages and a terminal obeys them.
"""

import logging
import os
import re
import socket
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import msgspec

PLACES = ("topic", "partition", "table")
"""What a record says besides its message where the caller knows it, as ``extra``."""

_LINE_ENDS = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class JsonLines(logging.Formatter):
    """One JSON object per log record.

    ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``worker``, ``message``; where there are any ``topic``,
    ``partition``, ``table`` and ``trace``.
    """

    def __init__(self, worker: str) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "worker": self._worker,
            "message": record.getMessage(),
        }
        fields |= {place: getattr(record, place) for place in PLACES if hasattr(record, place)}
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields).decode()


class TextLines(logging.Formatter):
    """One line of text per log record: time (ISO 8601, UTC), level, logger, message, and a stack trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        said = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}"
        if record.exc_info:
            said += f"\n{self.formatException(record.exc_info)}"
        return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", _LINE_ENDS.sub(" | ", said.rstrip()))


def worker_name(instance_id: str) -> str:
    """Give what a worker calls itself in its log: its name if it has one, else host and process."""
    return instance_id or f"{socket.gethostname()}-{os.getpid()}"


def logging_config(level: str, form: str, worker: str = "") -> dict[str, Any]:
    """Give the configuration for a level's name and a form, ``text`` or ``json``. All of it goes to standard error."""
    formatters: dict[str, dict[str, Any]] = {"text": {"()": TextLines}, "json": {"()": JsonLines, "worker": worker}}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {form: formatters[form]},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
    }


def catch_strays() -> None:
    """Bring into the log what Python would write to standard error itself: warnings, and exceptions nobody awaits."""
    logging.captureWarnings(capture=True)
    log = logging.getLogger(__name__)

    def in_thread(args: "threading.ExceptHookArgs", /) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            name = "" if args.thread is None else args.thread.name
            log.error("thread %s ended by an exception", name, exc_info=args.exc_value)

    def unraisable(args: "sys.UnraisableHookArgs", /) -> None:
        said = args.err_msg or "an exception could not be raised"
        log.error("%s: %r", said, args.object, exc_info=args.exc_value or None)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
