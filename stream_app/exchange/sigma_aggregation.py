"""The older aggregations of Sigma, ``selection | count(field) by x > 5`` with a ``timeframe``: taken out of a document.

pySigma reads them no longer, so that they are put aside before it reads the rule, and are found again with the rule.
Decision: ``count(field)`` counts different values, as it always did; ``near`` is refused: a temporal correlation says
it.
"""

import re
from typing import Any

from msgspec import Struct
from sigma.rule import SigmaRule

from stream_app.exchange.sigma_terms import SigmaRefused

KEPT = "stream_app"
"""The key of a document under which an aggregation is kept."""

_AGGREGATION = re.compile(
    r"(?P<function>count|min|max|avg|sum)\s*\(\s*(?P<field>[\w.\-]*)\s*\)"
    r"(?:\s+by\s+(?P<by>[\w.\-]+(?:\s*,\s*[\w.\-]+)*))?"
    r"\s*(?P<operator>>=|<=|==|!=|=|<|>)\s*(?P<number>[0-9]+(?:\.[0-9]+)?)",
    re.IGNORECASE,
)


class Aggregation(Struct, frozen=True):
    """What a rule counts. ``field`` is empty where events are counted, ``timeframe`` where none is given."""

    function: str
    field: str
    group_by: tuple[str, ...]
    operator: str
    number: str
    timeframe: str


def put_aside(document: dict[str, Any]) -> None:
    """Take the aggregation and the timeframe out of a document's detection, and keep them beside it."""
    detection = document.get("detection")
    if not isinstance(detection, dict):
        return
    kept = {}
    if "timeframe" in detection:
        kept["timeframe"] = str(detection.pop("timeframe"))
    condition = detection.get("condition")
    if isinstance(condition, str) and "|" in condition:
        detection["condition"], _, kept["aggregation"] = (part.strip() for part in condition.partition("|"))
    if kept:
        document[KEPT] = kept


def aggregation_of(rule: SigmaRule) -> Aggregation | None:
    """Give what a rule counts; None for a rule that has none. Raises SigmaRefused for what cannot be read."""
    kept = rule.custom_attributes.get(KEPT, {})
    if "aggregation" not in kept:
        return None
    text = kept["aggregation"]
    if text.lower().startswith("near"):
        raise SigmaRefused("'near' is no longer Sigma's: write a correlation of type temporal", "near")
    found = _AGGREGATION.fullmatch(text)
    if found is None:
        raise SigmaRefused(f"cannot read the aggregation {text!r}", "condition")
    function = found["function"].lower()
    if function != "count" and not found["field"]:
        raise SigmaRefused(f"{function}() needs a field", "condition")
    return Aggregation(
        function=function,
        field=found["field"],
        group_by=tuple(name.strip() for name in (found["by"] or "").split(",") if name),
        operator="=" if found["operator"] == "==" else found["operator"],
        number=found["number"],
        timeframe=kept.get("timeframe", ""),
    )
