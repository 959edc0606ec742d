"""The log's form, as a value for ``logging.config.dictConfig``. Decision: one record is one line, whatever it says."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec


class JsonLines(logging.Formatter):
    """One JSON object per log record: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, and ``trace``."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields).decode()


def logging_config(level: str, form: str) -> dict[str, Any]:
    """Give the configuration for a level's name and a form, ``text`` or ``json``. All of it goes to standard error."""
    formatters = {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": JsonLines},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {form: formatters[form]},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
    }
