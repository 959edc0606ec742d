"""``python -m tests.console.mock_broker TOPIC...``: the mock broker in a process that can be stopped and woken up.

Its address is the line that it prints; it ends when its standard input does.
"""

import sys

from stream_app.kafka.embedded import EmbeddedBroker

if __name__ == "__main__":
    with EmbeddedBroker() as broker:
        broker.make_topics(sys.argv[1:])
        print(broker.bootstrap_servers, flush=True)  # noqa: T201 - for the one who started it
        sys.stdin.read()
