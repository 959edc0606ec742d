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
from stream_app.kafka.sender import LOT, Outgoing

if TYPE_CHECKING:
    from stream_app.kafka.batch import Batch
    from stream_app.kafka.windows import Windows
    from stream_app.rulebook.watchlists import WatchLists


class Telling:
    """Gathers what a batch says. ``since`` is the first offset of its partition that was read; below it all is out."""

    def __init__(self, windows: "Windows", batch: "Batch", since: int) -> None:
        self._windows = windows
        self._counters = windows.counters
        self._batch = batch
        self._since = since
        self._incidents: list[Outgoing] = []
        self._matches: list[Outgoing] = []
        self._listed: list[Outgoing] = []

    def send(self, incidents: Sequence[Incident], *, again: bool = False) -> None:
        """Say incidents; ``again``: as they stand, since a crash may have come before they were said."""
        for incident in incidents:
            if incident.rule.lists is not None and (again or incident.revision == 1):
                self._list(incident, incident.rule.lists)
            self._counters.incidents_of[incident.rule.id] += 1
            self._incidents.append((self._windows.to_bytes(incident), incident.incident_id.encode(), None))
            if incident.rule.chained and (again or incident.revision == 1):
                self._ask(incident)
        if len(self._incidents) >= LOT:
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
        self._batch.send_all(self._windows.names.incidents, self._incidents)
        for partition, lot in self._windows.placing.lots(self._matches):
            self._batch.send_all(self._windows.names.matches, lot, partition)
        self._counters.incidents += len(self._incidents)
        self._counters.chained += len(self._matches)
        self._incidents, self._matches, self._listed = [], [], []

    def _ask(self, incident: Incident) -> None:
        """Match an incident as the event that it is, where that may not have got out yet."""
        born = incident.episode.born
        if born is None or born.position < self._since:
            return
        asked = self._windows.chain.ask(incident)
        self._matches += [(encode_match(match), key, None) for key, match in asked.matches]
        self.name(asked.rejections)

    def _list(self, incident: Incident, lists: "WatchLists") -> None:
        """Write what an incident puts on watch lists. Every worker, this one too, knows it when it has read it."""
        for entry, listing in news(lists, incident):
            key, value = encode_entry(entry, listing)
            self._listed.append((value, key, None))
