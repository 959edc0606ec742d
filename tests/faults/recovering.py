"""A worker whose recovery takes seconds, so that rebalances fall into it.

Run with ``python -m tests.faults.recovering worker``.
"""

import threading
import time
from typing import TYPE_CHECKING, Any

from stream_app.cli.main import main
from stream_app.kafka import recovery, table

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 0.6
"""Of each partition."""

_recover = recovery.recover


def _slowly(*given: Any) -> None:
    cancelled: Callable[[], bool] = given[-1]
    _recover(*given)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and not cancelled():
        threading.Event().wait(0.02)


setattr(table, "recover", _slowly)  # noqa: B010 - hindered on purpose

if __name__ == "__main__":
    main()
