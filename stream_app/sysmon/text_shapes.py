"""The shapes that are text: event XML as it is, FortiSIEM's agent line, and syslog in front of event XML.

Goes in: text without blanks around it. Comes out: Parts. Decision: a line that is not the agent's and carries
``<Event`` is syslog, which is how Sysmon for Linux writes; what stands before the XML is a relay's and is not read.
"""

from msgspec import structs

from stream_app.sysmon.agent_line import read_agent_line, tag_at
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.windows_xml import read_xml

LINUX = "linux-syslog"

_XML_STARTS = ("<Event", "<?xml", "<!")


def read_text(text: str) -> Parts:
    """Take a text apart. Raises Unreadable: "not xml", "unknown shape", "not json" where it is nothing at all."""
    if text.startswith(_XML_STARTS):
        return read_xml(text)
    tag = tag_at(text)
    if tag >= 0:
        return read_agent_line(text, tag)
    start = text.find("<Event")
    if start >= 0:
        return structs.replace(read_xml(text[start:]), shape=LINUX)
    if text.startswith("<"):
        raise Unreadable("not xml", "no <Event>")
    raise Unreadable("not json", "neither JSON nor XML nor a line that carries XML")
