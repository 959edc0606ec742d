"""FortiSIEM's Windows agent line, new and old."""

from collections.abc import Callable

import pytest

from stream_app.sysmon.normalise import Unreadable, normalise

Xml = Callable[..., str]

KEYS = '[phCustId]="2007" [customer]="Contoso "North" Ltd" [monitorStatus]="Success" [timeZone]="+0530" [level]="Info"'
NEW = "2026-03-02T10:15:33Z ws07.lab.example 192.0.2.17 FSM-WUA-WinLog-Microsoft-Windows-Sysmon/Operational"
TEN_FIFTEEN_33 = 1_772_446_533_000


def test_new_line(xml: Xml) -> None:
    """The header gives the receive time, the reporting device and the customer; the XML gives the event."""
    event = normalise(f"{NEW} {KEYS} [xml]={xml(5, Image='C:/a.exe')}".encode())

    assert {
        "phCustId": 2007,
        "customer": 'Contoso "North" Ltd',
        "reptDevName": "ws07.lab.example",
        "reptDevIpAddr": "192.0.2.17",
        "hostName": "ws07.lab.example",
        "procName": "C:/a.exe",
        "eventType": "Win-Sysmon-5-Process-Terminated",
        "phRecvTime": TEN_FIFTEEN_33,
        "deviceTime": TEN_FIFTEEN_33 - 2_750,
    }.items() <= event.attributes.items()
    assert ("fortisiem-agent", TEN_FIFTEEN_33, TEN_FIFTEEN_33) == (event.shape, event.received, event.recorded)


@pytest.mark.parametrize(
    ("header", "keys", "received"),
    [
        ("Mon Mar 02 15:45:33 2026 ws07 192.0.2.17", KEYS, TEN_FIFTEEN_33),
        ("Mon Mar 02 15:45:33 2026 ws07 192.0.2.17", '[monitorStatus]="Success"', None),
        ("2026-03-02T15:45:33 ws07 192.0.2.17", KEYS, TEN_FIFTEEN_33),
        ("<13>2026-03-02T10:15:33Z ws07 192.0.2.17", KEYS, TEN_FIFTEEN_33),
        ("2026-03-02T10:15:33Z ws07", KEYS, TEN_FIFTEEN_33),
        ("someday ws07", KEYS, None),
        ("", KEYS, None),
    ],
    ids=["old time", "old time, no zone", "no zone in the time", "priority", "no address", "no time", "no header"],
)
def test_headers(xml: Xml, header: str, keys: str, received: int | None) -> None:
    """A header's time is read with its own zone or [timeZone]; without either there is no receive time."""
    event = normalise(f"{header} AccelOps-WUA-WinLog-Sysmon {keys} [xml]={xml(5)}".encode())

    assert received == event.received
    assert ("ws07" if header else None) == event.attributes.get("reptDevName")
    assert ("192.0.2.17" if "192.0.2.17" in header else None) == event.attributes.get("reptDevIpAddr")


def test_a_tag_inside_the_event(xml: Xml) -> None:
    """A command line that names the tag does not make an event an agent line."""
    event = normalise(f"<14>Mar  2 10:15:30 pi4 sysmon: {xml(1, CommandLine='grep FSM-WUA-WinLog log')}".encode())

    assert "linux-syslog" == event.shape


def test_customer_that_is_no_number(xml: Xml) -> None:
    """A customer id that is no number stays the text it was, and keeps its records apart."""
    event = normalise(f'{NEW} [phCustId]="north" [xml]={xml(5)}'.encode())

    assert "north" == event.attributes["phCustId"]


@pytest.mark.parametrize("keys", ["", "[phCustId] ", '[phCustId]="" '], ids=["none", "no value", "empty"])
def test_no_customer(xml: Xml, keys: str) -> None:
    """A line that names no customer is the first customer's."""
    assert 1 == normalise(f"{NEW} {keys}[xml]={xml(5)}".encode()).attributes["phCustId"]


def test_more_than_is_remembered(xml: Xml) -> None:
    """Keys, words and times that are too long to be remembered are read all the same."""
    keys = f'[a]="{"a" * 2_000}" [phCustId]="7" [timeZone]="+0530"'
    event = normalise(f"{NEW} {keys} [xml]={xml(5)}".encode())
    odd = normalise(f"{'a' * 2_000} FSM-WUA-WinLog {keys} [xml]={xml(5)}".encode())

    assert (7, TEN_FIFTEEN_33) == (event.attributes["phCustId"], event.received)
    assert (7, None) == (odd.attributes["phCustId"], odd.received)


def test_lines_share_nothing(xml: Xml) -> None:
    """Two lines of one agent differ in what they differ in: what is remembered is not written to."""
    lines = [f"2026-03-02T10:15:33Z {host} FSM-WUA-WinLog {KEYS} [xml]={xml(5)}" for host in ("ws07 ::2", "ws08 ::1")]
    first, second = (normalise(line.encode()).attributes for line in lines)

    assert (second["customer"], second["phCustId"]) == (first["customer"], first["phCustId"])
    assert [("ws07", "::2"), ("ws08", "::1")] == [
        (event["reptDevName"], event["reptDevIpAddr"]) for event in (first, second)
    ]


def test_the_first_tag_counts(xml: Xml) -> None:
    """A key that names a tag is no tag."""
    lines = [NEW, NEW.replace("FSM-WUA", "AccelOps-WUA")]
    for line in lines:
        event = normalise(f'{line} [phCustId]="7" [a]="FSM-WUA- AccelOps-WUA-" [xml]={xml(5)}'.encode())

        assert (7, "ws07.lab.example") == (event.attributes["phCustId"], event.attributes["reptDevName"])


def test_without_xml() -> None:
    """A line of another of the agent's monitors carries no XML, and is refused by name."""
    with pytest.raises(Unreadable) as refused:
        normalise(f'{NEW.replace("WinLog", "DNS")} [msg]="a query"'.encode())

    assert ("unknown shape", "an agent line without [xml]") == (refused.value.reason, refused.value.detail)
