"""``stream-app incidents``: the incidents topic, read as it grows."""

import click
from confluent_kafka import KafkaError, KafkaException

from stream_app.cli.environment import settings
from stream_app.cli.screen import Screen
from stream_app.cli.waiting import reach
from stream_app.kafka.admin import KafkaUnavailable
from stream_app.kafka.following import follow
from stream_app.service import parts


@click.command(name="incidents")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it lies on the topic.")
@click.option("--all", "from_beginning", is_flag=True, help="Begin with what the topic already holds.")
def command(*, as_json: bool, from_beginning: bool) -> None:
    """Show each incident as it comes, until Ctrl-C."""
    given = settings()
    screen = Screen(json=as_json)
    connection = parts.connection(given)
    topic = parts.names(given).incidents
    reach(connection)
    try:
        for message in follow(connection, topic, from_beginning=from_beginning, stop=lambda: False):
            value = message.value()
            if value is not None:
                screen.incident(value)
    except KeyboardInterrupt:
        return
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise KafkaUnavailable(f"there is no topic {topic} yet: make it with stream-app topics create") from error
        raise
