"""aiokafka's consumer, which keeps the group and the offsets, in the thread that Faust gives it.

Hooks that are used, all of them private: of Faust on_partitions_assigned, _create_consumer, _ensure_consumer; of
aiokafka commit, replaced on the instance, and _coordinator.fetch_committed_offsets.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from aiokafka import TopicPartition as AiokafkaTopicPartition
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

if TYPE_CHECKING:
    from stream_app.kafka.ingest import IngestApp


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer: it owns the partitions and must fetch none of them."""

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Pause whatever was assigned before aiokafka's fetcher sees it."""
        self._ensure_consumer().pause(*(AiokafkaTopicPartition(*tp) for tp in assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:  # noqa: ANN401 - aiokafka's, which has no types
        """Let each offset that is committed carry its mark (handover.py)."""
        client = super()._create_consumer(loop)
        commit, mark = client.commit, cast("IngestApp", self.app).ingest.handover.mark

        async def marked(offsets: Mapping[AiokafkaTopicPartition, OffsetAndMetadata]) -> None:
            await commit({tp: OffsetAndMetadata(each.offset, mark(TP(*tp))) for tp, each in offsets.items()})

        client.commit = marked
        return client

    async def marks(self, tps: Collection[TP]) -> dict[TP, str]:
        """Give the marks of committed offsets; those of a partition without any are left out."""
        found = await self.call_thread(self._fetch, [AiokafkaTopicPartition(*tp) for tp in tps])
        return {TP(*tp): each.metadata for tp, each in found.items()}

    async def _fetch(self, partitions: list[AiokafkaTopicPartition]) -> Any:  # noqa: ANN401 - as above
        return await self._ensure_consumer()._coordinator.fetch_committed_offsets(partitions)  # noqa: SLF001 - see the module
