"""W3C trace context: the headers of a record in, those that go on with what it became out.

Decision: passed on, never made. A record without headers costs one call, and one that the screen leaves is never
asked. What is not of the form that the recommendation gives goes no further, and neither does a state without a parent.
An incident that is said later than its match came (``update_interval``) bears the trace of its latest match, as long as
the worker lives: a trace that a crash loses is no loss of data.
"""

import re

from confluent_kafka import Message

from stream_app.kafka.sender import Headers

PARENT, STATE = "traceparent", "tracestate"
LONGEST_STATE = 512
"""Bytes of a tracestate: what everybody must pass on; more is left."""
MOST = 10_000
"""Keys whose trace waits for an incident to be said."""

_PARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def context_of(message: Message) -> Headers | None:
    """Give the trace context that a record bears; None for none."""
    headers = message.headers()
    if not headers:
        return None
    found = dict(headers)
    parent, state = found.get(PARENT), found.get(STATE)
    if not isinstance(parent, bytes) or not _PARENT.fullmatch(parent):
        return None
    if not isinstance(state, bytes) or len(state) > LONGEST_STATE:
        return [(PARENT, parent)]
    return [(PARENT, parent), (STATE, state)]


class Traces:
    """The traces of the latest matches of keys whose incidents are still to be said, by key."""

    def __init__(self) -> None:
        self.waiting: dict[bytes, Headers] = {}

    def keep(self, key: bytes, trace: Headers) -> None:
        """Keep a trace for a key; where too many wait, the oldest is forgotten."""
        self.waiting.pop(key, None)
        if len(self.waiting) >= MOST:
            del self.waiting[next(iter(self.waiting))]
        self.waiting[key] = trace

    def take(self, key: bytes) -> Headers | None:
        """Give the trace that waited for what a key says; None for none."""
        return self.waiting.pop(key, None)

    def follow(self, key: bytes, message: Message, *, said: bool) -> Headers | None:
        """Give the trace with which what a match made its key say goes out; where it said nothing, it waits."""
        trace = context_of(message)
        if said:
            waited = self.take(key)
            return waited if trace is None else trace
        if trace is not None:
            self.keep(key, trace)
        return None
