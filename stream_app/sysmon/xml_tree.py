"""Native event XML (``<Event><System>…</System><EventData>…``) taken apart by a whole XML parser.

Goes in: text. Comes out: Parts. Decision: nothing in a document may reach outside it or grow: no document type, so no
entities; no network; libxml2's own limits on depth and size stay on. What is not well formed is refused, never
repaired: a command line with a bare ``<`` cannot be read exactly, also where it happens to look like an element. An
event says once where it comes from: a second System is refused, since either could be meant.
"""

from lxml import etree

from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.readings import milliseconds

_parser = etree.XMLParser(
    encoding="utf-8",
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    dtd_validation=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)


def read_tree(text: str, shape: str) -> Parts:
    """Take an ``<Event>`` apart. Raises Unreadable ("not xml", "unknown shape")."""
    if "<!DOCTYPE" in text:
        raise Unreadable("not xml", "a document type is refused")
    try:
        root = etree.fromstring(text.encode(), _parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        raise Unreadable("not xml", str(error)) from error
    if _local(root) != "Event":
        raise Unreadable("unknown shape", f"the root element is {_local(root)!r}, not 'Event'")
    names = [_local(child) for child in root]
    if names.count("System") != 1:
        raise Unreadable("unknown shape", f"an event with {names.count('System')} System parts")
    parts = dict(zip(names, root, strict=True))
    about = {_local(child): child for child in parts["System"]}
    data = parts.get("EventData")
    message = parts.get("RenderingInfo")
    return Parts(
        shape=shape,
        event_id=_text(about, "EventID"),
        provider=_attribute(about, "Provider", "Name"),
        channel=_text(about, "Channel"),
        computer=_text(about, "Computer"),
        fields={} if data is None else _fields(data),
        message="" if message is None else _text({_local(child): child for child in message}, "Message"),
        created=milliseconds(_attribute(about, "TimeCreated", "SystemTime")),
    )


def _fields(data: etree._Element) -> dict[str, object]:
    fields: dict[str, object] = {}
    for child in data:
        if len(child):
            raise Unreadable("not xml", f"elements inside the value of {child.get('Name')}")
        name = child.get("Name")
        if name:
            fields[name] = child.text
    return fields


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(elements: dict[str, etree._Element], name: str) -> str:
    element = elements.get(name)
    return "" if element is None or element.text is None else element.text.strip()


def _attribute(elements: dict[str, etree._Element], name: str, attribute: str) -> str:
    element = elements.get(name)
    return "" if element is None else element.get(attribute) or ""
