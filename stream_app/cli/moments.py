"""A time on the command line: a moment, or how long ago."""

import re
import time
from typing import Any

import click

from stream_app.cli.inputs import Moment

_AGO = re.compile(r"(\d+)([smhd])\Z")
_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Since(Moment):
    """A moment as elsewhere, or a duration such as 90m, 12h or 7d that ends now."""

    name = "time or duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's signature
        """Give integer milliseconds since 1970."""
        ago = _AGO.match(value) if isinstance(value, str) else None
        if ago is None:
            return super().convert(value, param, ctx)
        return int(time.time() * 1000) - int(ago[1]) * _UNITS[ago[2]]
