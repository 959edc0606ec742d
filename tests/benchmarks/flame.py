"""Collapsed stacks → a flame graph, one HTML file that needs nothing else.

Goes in: lines ``caller;callee weight`` (microseconds of CPU). Comes out: HTML, a bar for each function under its
callers, as wide as its share; a bar that is clicked on fills the width, one above it leads back. Decision: our own
sixty lines, since what can be installed is either a viewer for a terminal or no longer kept; the stacks are kept beside
it, for other viewers. Bars thinner than a thousandth are left out.
"""

import html
import zlib
from collections.abc import Iterable
from typing import Self

from msgspec import Struct

THINNEST = 0.001
LINE = 18
"""Pixels."""

_PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 12px sans-serif; margin: 8px }}
#graph {{ position: relative; height: {height}px }}
#graph div {{ position: absolute; height: {bar}px; overflow: hidden; white-space: nowrap; cursor: pointer;
  box-sizing: border-box; border-right: 1px solid #fff; padding-left: 2px }}
</style>
<p>{title}: {total:,.0f} ms of CPU. Click on a bar to fill the width with it.</p>
<div id="graph">
{bars}
</div>
<script>
const bars = [...document.querySelectorAll("#graph div")];
function show(from, width) {{
  for (const bar of bars) {{
    const left = Math.max(+bar.dataset.x, from), right = Math.min(+bar.dataset.x + +bar.dataset.w, from + width);
    bar.style.display = right - left > width / 2000 ? "" : "none";
    bar.style.left = (left - from) / width * 100 + "%";
    bar.style.width = (right - left) / width * 100 + "%";
  }}
}}
for (const bar of bars) bar.onclick = () => show(+bar.dataset.x, +bar.dataset.w);
show(0, 1);
</script>
</html>
"""


class Node(Struct):
    """A function under its callers; ``weight`` has what it calls in it."""

    name: str
    weight: int = 0
    children: dict[str, "Node"] = {}

    @classmethod
    def root(cls, lines: Iterable[str]) -> Self:
        """Read collapsed stacks. Raises ValueError where a line has no weight."""
        root = cls("all", 0, {})
        for line in lines:
            stack, _, number = line.rpartition(" ")
            node, weight = root, int(number)
            root.weight += weight
            for name in stack.split(";"):
                node = node.children.setdefault(name, Node(name, 0, {}))
                node.weight += weight
        return root


def flame(lines: Iterable[str], title: str) -> str:
    """Give the page."""
    root = Node.root(lines)
    bars: list[str] = []
    depth = _draw(root, 0.0, 0, root.weight or 1, bars)
    return _PAGE.format(
        title=html.escape(title),
        height=(depth + 1) * LINE,
        bar=LINE - 1,
        total=root.weight / 1000,
        bars="\n".join(bars),
    )


def _draw(node: Node, left: float, depth: int, whole: int, bars: list[str]) -> int:
    """Draw a bar and those under it; gives the depth that was reached."""
    width = node.weight / whole
    hue = zlib.crc32(node.name.rpartition("(")[2].encode()) % 360  # a module has a colour
    told = html.escape(f"{node.name}: {width:.1%}")
    bars.append(
        f'<div data-x="{left:.6f}" data-w="{width:.6f}" title="{told}" '
        f'style="top:{depth * LINE}px;background:hsl({hue},60%,78%)">{html.escape(node.name)}</div>'
    )
    reached = depth
    for child in sorted(node.children.values(), key=lambda each: each.name):
        if child.weight / whole >= THINNEST:
            reached = max(reached, _draw(child, left, depth + 1, whole, bars))
        left += child.weight / whole
    return reached
