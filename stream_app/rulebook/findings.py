"""What a rule's author may want to mend though the rule runs: a finding, and the codes that findings have.

Decision: a code never changes its meaning, since files name it to accept it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from stream_app.language.diagnostics import Diagnostic

SLOW = "L101"
ASKED_OFTEN = "L102"
MEETING = "L103"
ALWAYS = "L201"
NEVER = "L202"
NOT_CARRIED = "L203"
DUPLICATE = "L301"
MANY_GROUPS = "L401"
MOST_EVENTS = "L501"
NOT_FOUND = "L601"

CODES: Mapping[str, str] = MappingProxyType(
    {
        SLOW: "a pattern whose time can grow faster than the text",
        ASKED_OFTEN: "a filter that is asked of more events than it need be, or for nothing",
        MEETING: "patterns that meet under one key, or are never asked together",
        ALWAYS: "a comparison that is true of every event",
        NEVER: "a comparison that is true of no event",
        NOT_CARRIED: "an attribute that Sysmon's events of these types do not carry",
        DUPLICATE: "a rule that decides what another one decides",
        MANY_GROUPS: "a group-by attribute with a value of its own for nearly every event",
        MOST_EVENTS: "a filter that wants most of a sample's events of its types",
        NOT_FOUND: "an accepted finding that does not occur",
    }
)
"""Code -> what it is."""


class Finding(Struct, frozen=True):
    """Something to be mended or accepted. ``diagnostic`` says where and why."""

    code: str
    rule: str
    diagnostic: Diagnostic
    mend: str
    attribute: str = ""
    """The attribute that it is about, if it is about one."""
    text: str = ""
    """The part of the rule that it is about, as its author wrote it."""

    def render(self) -> str:
        """Show it as ``path:line:column: code: why; mend``, the line, and a caret under the column."""
        told = f"{self.code}: {self.diagnostic.message}; {self.mend}"
        at = self.diagnostic
        return Diagnostic(at.path, at.line, at.column, told, at.source_line).render()
