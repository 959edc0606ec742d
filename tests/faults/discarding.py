"""A worker that throws away what it has read after every seek, once, as a rebalance at the worst moment would.

Everything that was read and not settled must be read again: run with ``python -m tests.faults.discarding worker``.
"""

import asyncio

from stream_app.cli.main import main
from stream_app.kafka.transport import Consumer

_start = Consumer.start_readers


def _start_and_discard(consumer: Consumer) -> None:
    fresh = not consumer.readers
    _start(consumer)
    if fresh and consumer.readers:
        asyncio.get_running_loop().create_task(_discard(consumer))


async def _discard(consumer: Consumer) -> None:
    await asyncio.sleep(0.3)
    if not consumer.flow_active or not consumer.readers:
        return
    readers, consumer.readers = consumer.readers, {}
    starts = {tp: reader.settle(tp) for reader in readers.values() for tp in reader.tps}
    for reader in readers.values():
        reader.freeze()
        await asyncio.get_running_loop().run_in_executor(None, reader.close)
    for tp, offset in starts.items():
        if offset is not None:
            consumer._read_offset[tp] = offset
    _start(consumer)


Consumer.start_readers = _start_and_discard  # type: ignore[assignment,method-assign]  # hindered on purpose

if __name__ == "__main__":
    main()
