"""``python -m tests.benchmarks.naive``: job J as a newcomer to Faust writes it, in a process of its own.

Goes in: name of the app, broker, source topic, shape; runs until it is killed. Decision: the driver, the settings, the
serialisers and the table are the stock ones; only the commit interval is that of our worker, so that both wait as long
for the last commit. It is what kafka.md's numbers call naive: two agents, a keyed topic, a count in a table.
"""

import sys
from operator import attrgetter
from typing import Any

import faust

from tests.benchmarks.seed_rule import FIELDS, group, wanted
from tests.benchmarks.standing import COMMIT_INTERVAL

PARTITIONS = 4


def matches_topic(name: str) -> str:
    """Give the topic between the two agents."""
    return f"{name}-matches"


def out_topic(name: str) -> str:
    """Give the topic of what comes out."""
    return f"{name}-out"


class Match(faust.Record, serializer="json"):
    """What the first agent tells the second one."""

    image: str
    target: str
    host: str


class Found(faust.Record, serializer="json"):
    """What comes out for each match."""

    group: str
    count: int


def record_type(shape: str) -> type[faust.Record]:
    """Declare a shape's record; it has its fields under the shape's names."""
    types = {word: int if word == "EventID" else str for word in FIELDS[shape].values()}
    body: dict[str, Any] = {
        "__annotations__": types,
        **{word: 0 if kind is int else "" for word, kind in types.items()},
    }
    body |= {"__module__": __name__}
    for name, word in FIELDS[shape].items():
        if name != word:
            body[name] = property(attrgetter(word))
    return type("Event", (faust.Record,), body, serializer="json")


def make_app(name: str, bootstrap_servers: str, source: str, shape: str) -> faust.App:
    """Write the app."""
    app = faust.App(
        name,
        broker=f"kafka://{bootstrap_servers}",
        store="memory://",
        topic_partitions=PARTITIONS,
        topic_disable_leader=True,
        broker_commit_interval=COMMIT_INTERVAL,
        broker_session_timeout=300.0,  # it is held still while its topic is filled
        broker_request_timeout=310.0,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )
    events = app.topic(source, key_type=str, value_type=record_type(shape))
    matches = app.topic(matches_topic(name), key_type=str, value_type=Match)
    out = app.topic(out_topic(name), key_type=str, value_type=Found)
    counts = app.Table("counts", default=int, partitions=PARTITIONS)

    @app.agent(events)
    async def detect(stream: Any) -> None:
        """Filter, and key by group."""
        async for event in stream:
            if wanted(event):
                await matches.send(
                    key=group(event), value=Match(image=event.image, target=event.target, host=event.host)
                )

    @app.agent(matches)
    async def count(stream: Any) -> None:
        """Count by group."""
        async for event in stream.events():
            key = event.key
            counts[key] += 1
            await out.send(key=key, value=Found(group=key, count=counts[key]))

    return app


if __name__ == "__main__":
    made = make_app(*sys.argv[1:5])
    sys.argv = ["naive", "worker", "-l", "error", "--without-web"]
    made.main()
