"""What a batch of matches has to say → the topics that it says it on: incidents, what they set off, rejections.

Decision: an incident is said together with what follows from it being new: what it puts on watch lists, and the matches
of the rules that read it. These are settled with the batch as it is.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stream_app.engine.incident import Incident
from stream_app.engine.match import encode_match
from stream_app.engine.rejection import Rejection
from stream_app.engine.watchlist import encode_entry, news
from stream_app.kafka.detecting import send_rejection
from stream_app.kafka.sender import LOT, Headers, Outgoing

if TYPE_CHECKING:
    from stream_app.kafka.batch import Batch
    from stream_app.kafka.outlets import Outlet
    from stream_app.kafka.windows import Windows
    from stream_app.rulebook.watchlists import WatchLists


class Telling:
    """Gathers what a batch says. ``since`` is the first offset of its partition that was read; below it all is out."""

    def __init__(self, windows: "Windows", batch: "Batch", since: int) -> None:
        self._windows = windows
        self._counters = windows.counters
        self._batch = batch
        self._since = since
        self._begin()

    def _begin(self) -> None:
        """Gather anew."""
        outlets = self._windows.outlets
        self._told: list[tuple[Outlet, list[Outgoing]]] = [(each, []) for each in outlets.told]
        self._shadow: list[tuple[Outlet, list[Outgoing]]] = [(outlets.shadow, [])]
        self._matches: list[Outgoing] = []
        self._listed: list[Outgoing] = []
        self._gathered = 0

    def send(self, incidents: Sequence[Incident], *, again: bool = False, trace: Headers | None = None) -> None:
        """Say incidents; ``again``: as they stand, since a crash may have come before they were said.

        ``trace`` is the trace context of the match that made or changed them. Those of a rule in shadow are said on a
        topic of their own, and nothing follows from them.
        """
        for incident in incidents:
            rule, key = incident.rule, incident.incident_id.encode()
            for outlet, lot in self._shadow if rule.shadow else self._told:
                record = outlet.record(incident, key, trace)
                if isinstance(record, Rejection):
                    self.reject(record)
                else:
                    lot.append(record)
            if rule.shadow:
                continue
            self._counters.incidents_of[rule.id] += 1
            if again or incident.revision == 1:
                if rule.lists is not None:
                    self._list(incident, rule.lists)
                if rule.chained:
                    self._ask(incident, trace)
        self._gathered += len(incidents)
        if self._gathered >= LOT:
            self.flush()

    def reject(self, rejection: Rejection) -> None:
        """Say what could not be counted, or is not told."""
        send_rejection(self._batch, self._windows.names.rejected, rejection)
        self._counters.rejected[rejection.reason] += 1

    def name(self, rejections: Sequence[Rejection]) -> None:
        """Say what of a row made nothing, or is not told."""
        for rejection in rejections:
            self.reject(rejection)

    def flush(self) -> None:
        """Send what was gathered."""
        self._batch.send_all(self._windows.names.watchlists, self._listed)
        self._counters.listed += len(self._listed)
        for outlet, lot in self._told:
            self._batch.send_all(outlet.topic, lot)
            self._counters.handed[outlet.schema] += len(lot)
        for outlet, lot in self._shadow:
            self._batch.send_all(outlet.topic, lot)
            self._counters.shadowed += len(lot)
        for partition, matches in self._windows.placing.lots(self._matches):
            self._batch.send_all(self._windows.names.matches, matches, partition)
        self._counters.incidents += len(self._told[0][1])
        self._counters.chained += len(self._matches)
        self._begin()

    def _ask(self, incident: Incident, trace: Headers | None) -> None:
        """Match an incident as the event that it is, where that may not have got out yet."""
        born = incident.episode.born
        if born is None or born.position < self._since:
            return
        asked = self._windows.chain.ask(incident)
        self._matches += [(encode_match(match), key, trace) for key, match in asked.matches]
        self.name(asked.rejections)

    def _list(self, incident: Incident, lists: "WatchLists") -> None:
        """Write what an incident puts on watch lists. Every worker, this one too, knows it when it has read it."""
        for entry, listing in news(lists, incident):
            key, value = encode_entry(entry, listing)
            self._listed.append((value, key, None))
