"""The shapes that are text: event XML as it is, FortiSIEM's agent line, and syslog in front of event XML.

Goes in: text without blanks around it. Comes out: Parts, or first the head of the XML alone. Decision: a line that is
not the agent's and carries ``<Event`` is syslog, which is how Sysmon for Linux writes; what stands before the XML is a
relay's and is not read.
"""

from stream_app.sysmon.agent_line import read_agent_line, tag_at, xml_at
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.windows_xml import Head, read_head, read_rest, read_xml

LINUX = "linux-syslog"

_EVENT = "<Event"
_XML_STARTS = (_EVENT, "<?xml", "<!")


def head_of(text: str) -> Head | None:
    """Read the head of the XML that a text is or carries; None where it has none or not in the common form.

    A caller that wants the event gives the head back to ``read_text``, so that it is read once.
    """
    if text.startswith(_EVENT):
        return read_head(text)
    tag = tag_at(text)
    start = text.find(_EVENT) if tag < 0 else xml_at(text, tag)
    return None if start < 0 else read_head(text[start:])


def read_text(text: str, head: Head | None = None) -> Parts:
    """Take a text apart; ``head`` is what ``head_of`` gave for it.

    Raises Unreadable: "not xml", "unknown shape", "not json" where it is nothing at all.
    """
    if text.startswith(_XML_STARTS):
        return read_xml(text) if head is None else read_rest(head)
    tag = tag_at(text)
    if tag >= 0:
        return read_agent_line(text, tag, head)
    start = text.find(_EVENT)
    if start >= 0:
        return read_xml(text[start:], LINUX) if head is None else read_rest(head, LINUX)
    if text.startswith("<"):
        raise Unreadable("not xml", "no <Event>")
    raise Unreadable("not json", "neither JSON nor XML nor a line that carries XML")
