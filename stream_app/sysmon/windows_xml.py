"""Native event XML (``<Event><System>…</System><EventData>…``) taken apart.

Goes in: text. Comes out: Parts. Decision: the common form is read by what knows nothing but that form (``event_head``,
``event_data``), at a fifth of the time; whatever is not plainly that form goes to the whole XML parser (``xml_tree``).
Both give the same Parts, and only the parser refuses. So a text's form decides how long it takes and nothing else.

A caller that wants few events reads the head first and drops what it does not want. Markup behind System is then not
looked at: a document that is broken there counts as not wanted, not as unreadable.
"""

from stream_app.sysmon.event_data import read_data
from stream_app.sysmon.event_head import Head, read_head
from stream_app.sysmon.parts import Parts
from stream_app.sysmon.readings import milliseconds
from stream_app.sysmon.xml_tree import read_tree

__all__ = ["Head", "read_head", "read_rest", "read_xml"]


def read_xml(text: str, shape: str = "xml") -> Parts:
    """Take an ``<Event>`` apart. Raises Unreadable ("not xml", "unknown shape")."""
    head = read_head(text)
    return read_tree(text, shape) if head is None else read_rest(head, shape)


def read_rest(head: Head, shape: str = "xml") -> Parts:
    """Take the event apart whose head has been read. Raises Unreadable ("not xml", "unknown shape")."""
    data = read_data(head.opening.text, head.text[head.end :])
    if data is None:
        return read_tree(head.text, shape)
    fields, message = data
    return Parts(
        shape=shape,
        event_id=head.opening.event_id,
        provider=head.opening.provider,
        channel=head.channel,
        computer=head.computer,
        fields=fields,
        message=message,
        created=milliseconds(head.created),
    )
