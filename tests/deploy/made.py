"""What is written down of metrics elsewhere, made from the code: the dashboard and the page of the documentation.

``python -m tests.deploy.made`` writes both; test_prometheus.py holds the files to it.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from stream_app.service.logs import PLACES
from stream_app.service.metrics import METRICS
from stream_app.service.readings import MOST_RULES, OTHER

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "stream-app.json"
PANELS = Path(__file__).with_name("panels.yml")
PAGE = DEPLOY / "METRICS.md"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"

SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH = 24

Panel = dict[str, Any]
KINDS = {"stat": ("stat", 4, 4), "lines": ("timeseries", 8, 8), "table": ("table", 12, 8)}
"""Grafana's name of a kind of panel, its width and its height."""
CALM = [[None, "green"]]
OPTIONS: dict[str, Panel] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background", "graphMode": "none"},
    "lines": {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"showHeader": True},
}
NOBODY_READS = ("Time", "__name__", "job")
"""Columns that a table does not show."""


def _panel(said: Panel) -> Panel:
    """Give one panel as Grafana reads it, but for its place."""
    kind = next(each for each in KINDS if each in said)
    grafana, width, height = KINDS[kind]
    defaults: Panel = {
        "unit": said.get("unit", "short"),
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in said.get("steps", CALM)],
        },
        "color": {"mode": "thresholds" if kind == "stat" else "palette-classic"},
    }
    if kind == "lines":
        defaults |= {"min": 0, "custom": {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}}
    hidden = dict.fromkeys([*NOBODY_READS, *said.get("hidden", ())], True)
    return {
        "type": grafana,
        "title": said[kind],
        "description": said.get("words", ""),
        "datasource": SOURCE,
        "gridPos": {"w": said.get("width", width), "h": height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": OPTIONS[kind],
        "targets": [_target(kind, at, query) for at, query in enumerate(said["queries"])],
        "transformations": [{"id": "organize", "options": {"excludeByName": hidden}}] if kind == "table" else [],
    }


def _target(kind: str, at: int, query: str | list[str]) -> Panel:
    expression, legend = (query, "") if isinstance(query, str) else query
    instant = {"instant": True, "format": "table"} if kind == "table" else {}
    return {"refId": "ABCDEF"[at], "datasource": SOURCE, "expr": expression, "legendFormat": legend, **instant}


def dashboard() -> dict[str, Any]:
    """Give the dashboard as Grafana reads it."""
    panels: list[Panel] = []
    y = 0
    for row in yaml.safe_load(PANELS.read_text()):
        bar = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        panels.append({"type": "row", "title": row["row"], "collapsed": False, "panels": [], "gridPos": bar})
        x, y, height = 0, y + 1, 0
        for panel in map(_panel, row["panels"]):
            place = panel["gridPos"]
            if x + place["w"] > WIDTH:
                x, y, height = 0, y + height, 0
            panels.append(panel | {"gridPos": {"x": x, "y": y, **place}})
            x, height = x + place["w"], max(height, place["h"])
        y += height
    return {
        "uid": "stream-app",
        "title": "stream_app",
        "tags": ["stream-app"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_sources(), _instances()]},
        "panels": [{"id": at, **panel} for at, panel in enumerate(panels, 1)],
    }


def _sources() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _instances() -> dict[str, Any]:
    return {
        "name": "instance",
        "type": "query",
        "label": "worker",
        "datasource": SOURCE,
        "query": "label_values(stream_app_alive, instance)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def page() -> str:
    """Give the documentation of metrics and alerts."""
    metrics = "\n".join(
        f"| `{each.name}` | {each.kind} | {each.unit} | {', '.join(each.labels)} | {each.help} |" for each in METRICS
    )
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    alerts = "\n".join(
        f"| [{rule['alert']}]({rule['annotations']['runbook_url']}) | {rule['labels']['severity']} | {_said(rule)} |"
        for group in groups
        for rule in group["rules"]
    )
    places = ", ".join(f"`{place}`" for place in PLACES)
    return PAGE_TEXT.format(metrics=metrics, alerts=alerts, places=places, most_rules=MOST_RULES, other=OTHER)


def _said(rule: dict[str, Any]) -> str:
    """Give an alert's summary as a reader of the page needs it: what is filled in later in italics."""
    said = rule["annotations"]["summary"]
    while "{{" in said:
        before, _, rest = said.partition("{{")
        inside, _, after = rest.partition("}}")
        said = f"{before}*{inside.split('|')[0].strip().rpartition('.')[2].lstrip('$')}*{after}"
    return str(said)


PAGE_TEXT = r"""# What a worker shows

Made by `python -m tests.deploy.made` from stream_app/service/metrics.py and prometheus/alerts.yml.

`GET /metrics` on the health port (`STREAM_APP_HEALTH_PORT`, 9464 in the deployments here) gives Prometheus's text
format, from threads of their own, also while the event loop hangs. With `STREAM_APP_WEB_TOKEN` it asks for
`Authorization: Bearer <token>`; `/live` and `/ready` then answer without it too, yes or no and nothing else.
[prometheus/prometheus.yml](prometheus/prometheus.yml) scrapes it, [grafana/](grafana) holds the dashboard and what
provisions it.

## Metrics

Counters begin at zero when a worker starts. Besides these there are the process's own (`process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_open_fds`, `process_start_time_seconds`, ...) and those of Python's garbage
collection (`python_gc_*`). The label `rule` names at most {most_rules} rules, those that the worker counted first; what
the others count is of rule `{other}`.

| metric | type | unit | labels | what |
| --- | --- | --- | --- | --- |
{metrics}

Delays: a batch's incidents are timed when the last of them is acknowledged, from the receive time of the match that
made each. Rules on the event's clock, incidents that only the passing of time makes, and repeats after a restart are
not timed.

## Log

One record is one line on standard error, whatever it says, of Faust, aiokafka and librdkafka too. With
`STREAM_APP_LOG_FORMAT=json` it is an object:

| field | what |
| --- | --- |
| `time` | ISO 8601, UTC, milliseconds |
| `level` | `debug`, `info`, `warning`, `error`, `critical` |
| `logger` | who says it: `stream_app...`, `faust...`, `aiokafka...`, `librdkafka` |
| `worker` | `STREAM_APP_INSTANCE_ID`, else host and process id |
| `message` | for a person |
| {places} | where they are known |
| `trace` | the stack trace of an error |

As text, line ends within a record are ` | ` (`sed 's/ | /\n/g'` brings a stack trace back), other control characters
are escapes such as `\x1b`.

## Alerts

What to do at each stands in the [runbook](RUNBOOK.md). `promtool test rules deploy/prometheus/alerts_test.yml` shows
when each fires and when it does not.

| alert | severity | what it says |
| --- | --- | --- |
{alerts}
"""


def main() -> None:
    """Write both files."""
    DASHBOARD.write_text(json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
