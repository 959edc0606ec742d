"""Which engine runs a pattern that is no plain text, and what to say of one that may take long: a text goes in.

Decision: ``re`` runs what it can in linear time, being the faster; RE2 runs the rest where that is exact; what is then
left runs on ``re``, and its author is told. Such a rule is not refused: it can run, and a record on which it takes too
long is rejected by name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.backtracking import HOPELESS, is_exponential, power
from stream_app.language.linear import Linear, NotLinear
from stream_app.language.patterns import compile_pattern, plain_of
from stream_app.language.regextree import tree_of
from stream_app.language.syntax import Call, Matches, Pattern, nodes

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from stream_app.language.diagnostics import Diagnostic, Place
    from stream_app.language.syntax import Expression

_POWERS = {2: "the square", 3: "the cube"}


class Engine(Struct, frozen=True):
    """``pattern`` searches; ``hazard`` says why that may take long, None if it grows with the text and no faster."""

    pattern: re.Pattern[str] | Linear
    hazard: str | None = None


@lru_cache(maxsize=1024)
def engine_of(text: str, *, ignore_case: bool, extract: bool = False) -> Engine:
    """Choose the engine of a pattern; ``extract``: not only whether there is a match is asked, but what its group took.

    Raises:
        PatternProblem: no engine can run it.

    """
    compiled = compile_pattern(text, ignore_case=ignore_case)
    try:
        tree = tree_of(text, ignore_case=ignore_case)
        growth = power(tree)
        if growth <= 1:
            return Engine(compiled)
        try:
            return Engine(Linear(tree, compiled, extract=extract))
        except NotLinear as reason:
            because = f"it needs re, for {reason}"
        exponential = growth >= HOPELESS or is_exponential(tree)
    except RecursionError:
        exponential, because = True, "it is too deep to be looked into"
    if exponential:
        return Engine(compiled, f"this pattern can take for ever on a text that was made for it: {because}")
    grows = _POWERS.get(growth, f"power {growth}")
    return Engine(compiled, f"the time for this pattern can grow with {grows} of the text's length: {because}")


def hazards(expression: Expression, place: Place, *, ignore_case: bool) -> Iterator[Diagnostic]:
    """Give a warning for each pattern of a filter, which must be valid, that may not run in linear time."""
    for node in nodes(expression):
        if isinstance(node, Matches) and plain_of(node.pattern.text) is None:
            asked = [(node.pattern, False)]
        elif isinstance(node, Call):
            asked = [(argument, True) for argument in node.arguments if isinstance(argument, Pattern)]
        else:
            continue
        for pattern, extract in asked:
            hazard = engine_of(pattern.text, ignore_case=ignore_case, extract=extract).hazard
            if hazard is not None:
                yield place.diagnose(pattern.span.start + 1, hazard)
