"""``stream-app topics``: the declared topics, made on a broker or compared with what is there."""

import click
from rich.console import Console
from rich.table import Table

from stream_app.cli import topics_acls
from stream_app.cli.environment import settings
from stream_app.cli.topics_drain import drain, drained
from stream_app.cli.topics_grow import grow
from stream_app.cli.waiting import reach
from stream_app.kafka.admin import create_topics, describe_topics, partitions_of
from stream_app.kafka.topics import DAY, Topic
from stream_app.service import parts
from stream_app.service.settings import Settings


@click.group(name="topics")
def command() -> None:
    """Make the topics, show how they stand, give them more partitions, or say who needs which rights."""


for each in (grow, drain, drained, topics_acls.command):
    command.add_command(each)


@command.command()
def create() -> None:
    """Make the topics that do not exist; what exists is left as it is."""
    given = settings()
    connection = parts.connection(given)
    reach(connection)
    for name, done in create_topics(connection, declared(given)):
        click.echo(f"{name}: {done}")


@command.command()
def show() -> None:
    """Show each topic, and every difference from what is declared; status 1 if there is one."""
    given = settings()
    connection = parts.connection(given)
    reach(connection)
    topics = declared(given)
    states = describe_topics(connection, topics)
    table = Table("topic", "partitions", "copies", "kept", "key", "what", "state")
    for topic, state in zip(topics, states, strict=True):
        stands = ", ".join(state.differs) or "as declared"
        counts = (str(state.partitions), str(state.replication)) if state.partitions else ("-", "-")
        table.add_row(topic.name, *counts, kept(topic), topic.key, topic.purpose, stands)
    Console(width=None if click.get_text_stream("stdout").isatty() else 200).print(table)
    if any(state.differs for state in states):
        raise click.exceptions.Exit(1)


def declared(given: Settings) -> tuple[Topic, ...]:
    """Give the topics as they should be: the processes lie in as many partitions as the sysmon topic that is there."""
    return parts.topics(given, partitions_of(parts.connection(given), given.sysmon_topic))


def kept(topic: Topic) -> str:
    """Say how long a topic's records stay."""
    newest = ["the newest of each key"] if "compact" in topic.cleanup_policy else []
    return ", ".join([*newest, *([] if topic.retention_ms is None else [f"{topic.retention_ms // DAY} days"])])
