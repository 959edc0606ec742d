"""Elements of an XML document, read so that nothing is passed over: what nobody asked for is a reason to refuse.

Decision: an element that nobody here knows may decide what a rule means, so it is refused by name; somebody who knows
better names it as ignored, and then it is counted as left out.
"""

import re
from collections.abc import Iterator

from lxml import etree
from msgspec import Struct

from stream_app.exchange.imported import Reason

_SHOWN = 40


class Notes(Struct):
    """What is noted while a rule is read; both lists grow."""

    ignored: frozenset[str] = frozenset()
    reasons: list[Reason] = []
    left_out: dict[str, None] = {}


class Part:
    """An element, of which each child and attribute is asked for once; :meth:`close` reports what nobody asked for."""

    def __init__(self, element: etree._Element, notes: Notes) -> None:
        self.name = str(element.tag)
        self.line = element.sourceline or 0
        self._element = element
        self._notes = notes
        self._attributes: dict[str, str] = {str(name): str(value) for name, value in element.attrib.items()}
        self._children: dict[str, list[etree._Element]] = {}
        for child in element.iterchildren(etree.Element):
            self._children.setdefault(str(child.tag), []).append(child)

    def refuse(self, why: str) -> None:
        """Give a reason to refuse the rule."""
        self._notes.reasons.append(Reason(self.line, why))

    def attribute(self, name: str, default: str | None = None) -> str:
        """Read an attribute; without a default it must be there."""
        value = self._attributes.pop(name, default)
        if value is None:
            self.refuse(f"<{self.name}> has no {name}")
        return (value or "").strip()

    def has(self, name: str, value: str | None = None) -> bool:
        """Tell whether an attribute is there that nobody asked for yet, and has this value if one is given."""
        return name in self._attributes and value in {None, self._attributes[name]}

    def number(self, name: str) -> int:
        """Read an attribute that is a whole number."""
        value = self.attribute(name)
        if value and not re.fullmatch(r"[0-9]{1,9}", value):
            self.refuse(f"{name} of <{self.name}> must be a whole number, got {value[:_SHOWN]!r}")
            return 0
        return int(value or 0)

    def part(self, name: str, *, required: bool = False) -> "Part | None":
        """Give the child of a name; None where there is none."""
        found = self.parts(name)
        if len(found) > 1:
            found[1].refuse(f"a second <{name}> in <{self.name}>")
        elif required and not found:
            self.refuse(f"<{self.name}> has no <{name}>")
        return found[0] if found else None

    def parts(self, name: str) -> tuple["Part", ...]:
        """Give all children of a name."""
        return tuple(Part(each, self._notes) for each in self._children.pop(name, ()))

    def text(self, name: str, default: str | None = None) -> str:
        """Read the text of a child, without the blanks around it; without a default there must be one."""
        part = self.part(name, required=default is None)
        if part is None:
            return default or ""
        text = part.own_text()
        if default is None and not text:
            part.refuse(f"<{name}> is empty")
        return text

    def own_text(self) -> str:
        """Read the text of this element, which has nothing else in it."""
        if len(self._element):
            self.refuse(f"<{self.name}> holds more than text")
            self._children = {}
        self.close()
        return (self._element.text or "").strip()

    def leave(self, *names: str) -> None:
        """Leave out what these children and attributes say, and count it."""
        for name in names:
            if self._children.pop(name, None) is not None:
                self._notes.left_out[f"<{name}>"] = None
            if self._attributes.pop(name, None) is not None:
                self._notes.left_out[f"{name} of <{self.name}>"] = None

    def comments(self) -> Iterator[str]:
        """Give the comments that stand in this element itself."""
        return (str(each.text).strip() for each in self._element.iterchildren(etree.Comment))

    def close(self) -> None:
        """Report what nobody asked for, but for what is ignored on purpose."""
        self.leave(*self._notes.ignored)
        advice = "nobody here knows what it decides; leave it out with --ignore"
        for name, found in self._children.items():
            line = found[0].sourceline or self.line
            self._notes.reasons.append(Reason(line, f"<{name}> in <{self.name}>: {advice} {name}"))
        for name in self._attributes:
            self.refuse(f"{name} of <{self.name}>: {advice} {name}")
