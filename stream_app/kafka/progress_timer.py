"""How far a worker has come with its source partitions, said on the matches topic at a bounded rate."""

from typing import TYPE_CHECKING, cast

from confluent_kafka import KafkaError, Message

from stream_app.engine.stream_time import VERSION, Progress
from stream_app.kafka.ingest import IngestApp
from stream_app.kafka.progress import SourceEnds, readings, send_progress, wall_clock
from stream_app.kafka.sender import DeliveryFailed
from stream_app.kafka.topics import Names

if TYPE_CHECKING:
    from stream_app.kafka.transport import Consumer


def add_progress(app: IngestApp, names: Names, *, every: float, partitions: int, source_id: str, sources: int) -> None:
    """Let a worker say progress every so many seconds, on each of the ``partitions`` of the matches topic.

    ``source_id`` is Kafka's id of the sysmon topic, which has ``sources`` partitions.
    """
    ends = SourceEnds(app.ingest.connection, names.sysmon)

    @app.timer(every)  # type: ignore[untyped-decorator]  # Faust's
    async def progress() -> None:
        """Say how far the source partitions of this worker have come."""
        consumer = cast("Consumer", app.consumer)
        reader = consumer.readers.get(names.sysmon)
        if reader is None:
            return
        now = wall_clock()
        found = await ends.ends(sorted(tp.partition for tp in reader.tps))
        if reader.stopping:
            return
        said = readings(source_id, reader.handled(), found, now)
        if said:

            def delivered(error: KafkaError | None, _message: Message) -> None:
                if error is not None:
                    consumer.sender.fail(DeliveryFailed(f"a progress record could not be sent: {error.str()}"))

            send_progress(
                consumer.sender,
                names.matches,
                partitions,
                Progress(VERSION, sources, said),
                delivered,
            )
