"""What was seen of a worker → the text that Prometheus scrapes, by the table of metrics.

Decision: the process's own numbers (CPU, memory, files, garbage collection) are the library's.
"""

from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from stream_app.kafka.counters import DELAYS, Delays
from stream_app.service.metrics import COUNTER, METRICS, Metric
from stream_app.service.readings import Seen


class _Worker(Collector):
    """Makes the table's families of what is seen at each scrape."""

    def __init__(self, look: Callable[[], Seen]) -> None:
        self._look = look

    def describe(self) -> list[Family]:
        """Name nothing beforehand, so that a registry does not look at the worker."""
        return []

    def collect(self) -> Iterator[Family]:
        """Give every metric of the table."""
        seen = self._look()
        for metric in METRICS:
            found = metric.read(seen)
            if isinstance(found, Delays):
                yield _histogram(metric, found)
                continue
            of = CounterMetricFamily if metric.kind == COUNTER else GaugeMetricFamily
            family = of(metric.name, metric.help, labels=metric.labels)
            for labels, value in found:
                family.add_metric(labels, value)
            yield family


def _histogram(metric: Metric, delays: Delays) -> Family:
    bounds = [*(str(bound / 1000) for bound in DELAYS), "+Inf"]
    buckets = list(zip(bounds, accumulate(delays.buckets), strict=True))
    return HistogramMetricFamily(metric.name, metric.help, buckets=buckets, sum_value=delays.total / 1000)


class Exposition:
    """What a scrape is given. ``look`` is called for each, in any thread."""

    def __init__(self, look: Callable[[], Seen]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Worker(look))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def text(self) -> bytes:
        """Give all metrics in Prometheus's text format, version 0.0.4."""
        return generate_latest(self._registry)
