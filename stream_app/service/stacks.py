"""Where every thread and every asyncio task of this process stands, as text for a log: for whoever asks why it hangs.

Decision: taken from another thread than the event loop's, without its help. It is a picture of things that move:
a task that ends meanwhile may be missing.
"""

import asyncio
import sys
import threading
import traceback


def stacks(loop: asyncio.AbstractEventLoop | None = None) -> str:
    """Give the stack of each thread but the one that asks, then that of each task of ``loop`` which is not done."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = [
        f"thread {names.get(ident, 'unknown')} ({ident}):\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()  # noqa: SLF001 - its public name, says the library reference
        if ident != threading.get_ident()
    ]
    parts += [_task(task) for task in ([] if loop is None else asyncio.all_tasks(loop))]
    return "\n".join(part.rstrip() for part in parts)


def _task(task: "asyncio.Task[object]") -> str:
    where = traceback.StackSummary.extract((frame, frame.f_lineno) for frame in task.get_stack())
    return f"task {task.get_name()}: {task.get_coro()}\n{''.join(where.format())}"
