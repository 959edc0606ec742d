"""What goes wrong in real Sysmon records: each quirk of the collected list has a test, with a record of our own."""

from collections.abc import Callable

import pytest

from stream_app.sysmon.normalise import Event, Unreadable, normalise

Read = Callable[..., Event]

TEN_FIFTEEN = 1_772_446_530_250
"""2026-03-02T10:15:30.250Z, the clock of the records that conftest.py writes."""


def test_dash_for_missing(read: Read) -> None:
    """A dash is Sysmon's "missing": the attribute is absent, not a dash."""
    assert "destName" not in read("nxlog", 3, DestinationHostname="-").attributes


def test_empty_string_for_missing(read: Read) -> None:
    """An empty string is missing too."""
    assert "destName" not in read("evtx", 3, DestinationHostname="").attributes


def test_null_for_missing(read: Read) -> None:
    """JSON's null is missing too."""
    assert "ruleName" not in read("flat", 3, RuleName=None).attributes


def test_field_absent(read: Read) -> None:
    """A field that is not there at all leaves its attribute absent, and the others as they are."""
    event = read("winlogbeat6", 3, DestinationIp="198.51.100.7")

    assert "destName" not in event.attributes
    assert "198.51.100.7" == event.attributes["destIpAddr"]


def test_parent_dash_zero_guid(read: Read, guid: str) -> None:
    """An unknown parent leaves no name, no command and no GUID, while its process id is kept."""
    zero = "{00000000-0000-0000-0000-000000000000}"
    event = read(
        "flat",
        1,
        ProcessGuid=guid,
        ParentProcessGuid=zero,
        ParentProcessId="768",
        ParentImage="-",
        ParentCommandLine="-",
    )

    assert {"parentProcName", "parentCommand", "procOwner"}.isdisjoint(event.attributes)
    assert "768" == event.attributes["parentProcId"]


def test_initiated_string(read: Read) -> None:
    """Initiated as the string "true" is the string "true"."""
    assert "true" == read("nxlog", 3, Initiated="true").attributes["initiated"]


def test_initiated_string_false(read: Read) -> None:
    """Initiated as the string "false" is the string "false", and not absent."""
    assert "false" == read("nxlog", 3, Initiated="false").attributes["initiated"]


@pytest.mark.parametrize(("typed", "expected"), [(True, "true"), (False, "false")])
def test_initiated_bool(read: Read, *, typed: bool, expected: str) -> None:
    """Initiated as a JSON boolean is the same string."""
    assert expected == read("evtx", 3, Initiated=typed).attributes["initiated"]


def test_unknown_process(read: Read) -> None:
    """A process Sysmon did not know keeps the name Sysmon gives it."""
    assert "<unknown process>" == read("flat", 3, Image="<unknown process>").attributes["procName"]


def test_unknown_process_html_escaped(read: Read) -> None:
    """The same name in escaped brackets is the same name; no other text is unescaped."""
    assert "<unknown process>" == read("nxlog", 3, Image="&lt;unknown process&gt;").attributes["procName"]
    assert "echo &lt;b&gt;" == read("nxlog", 1, CommandLine="echo &lt;b&gt;").attributes["command"]


def test_zero_guid(read: Read) -> None:
    """A process GUID of zeros is absent, however it is written: it would join every unknown process."""
    for zero in ("{00000000-0000-0000-0000-000000000000}", "00000000-0000-0000-0000-000000000000"):
        assert "procGUID" not in read("nxlog", 3, ProcessGuid=zero).attributes


def test_image_system(read: Read) -> None:
    """The kernel's process is "System", without a path."""
    assert "System" == read("nxlog", 3, Image="System").attributes["procName"]


def test_user_dash(read: Read) -> None:
    """A dash for the user leaves user and domain absent; the service account in NXLog's header is not the user."""
    assert {"user", "domain"}.isdisjoint(read("nxlog", 3, User="-").attributes)


def test_user_sid(read: Read) -> None:
    """A bare SID is the user, and there is no domain."""
    attributes = read("listed", 1, User="S-1-5-21-1004-500").attributes

    assert "S-1-5-21-1004-500" == attributes["user"]
    assert "domain" not in attributes


def test_ipv6_loopback_long_form(read: Read) -> None:
    """The loopback that Sysmon writes out is ::1."""
    assert "::1" == read("nxlog", 3, SourceIp="0:0:0:0:0:0:0:1").attributes["srcIpAddr"]


def test_ipv6_loopback_python(read: Read) -> None:
    """A python process on IPv6 loopback is ::1 to ::1, which is not 127.0.0.1."""
    attributes = read(
        "flat",
        3,
        Image="C:\\Tools\\Python\\python.exe",
        SourceIsIpv6="true",
        SourceIp="0:0:0:0:0:0:0:1",
        DestinationIp="0:0:0:0:0:0:0:1",
    ).attributes

    assert ("::1", "::1") == (attributes["srcIpAddr"], attributes["destIpAddr"])
    assert "Win-Sysmon-3-Network-Connect-IPv6" == attributes["eventType"]


def test_ipv6_linklocal_long_form(read: Read) -> None:
    """A link-local address is shortened as RFC 5952 says."""
    assert "fe80::a1:b2:c3:d4" == read("nxlog", 3, DestinationIp="fe80:0:0:0:a1:b2:c3:d4").attributes["destIpAddr"]


def test_ipv6_multicast(read: Read) -> None:
    """A multicast group is shortened in the same way."""
    assert "ff02::fb" == read("flat", 3, DestinationIp="ff02:0:0:0:0:0:0:fb").attributes["destIpAddr"]


def test_ipv6_garbage(read: Read) -> None:
    """IPv4 bytes printed as an IPv6 address stay that address: what they meant cannot be known."""
    attributes = read("evtx", 3, SourceIsIpv6=True, SourceIp="c000:0207:0000:0000:0000:0000:0000:0000").attributes

    assert "c000:207::" == attributes["srcIpAddr"]


def test_guid_braces_lower(read: Read, guid: str) -> None:
    """A GUID in braces and lower case is how GUIDs are written."""
    assert guid == read("nxlog", 3, ProcessGuid=guid).attributes["procGUID"]


def test_guid_braces_upper(read: Read, guid: str) -> None:
    """A GUID in upper case is the same GUID."""
    assert guid == read("winlogbeat6", 3, ProcessGuid=guid.upper()).attributes["procGUID"]


def test_guid_no_braces(read: Read, guid: str) -> None:
    """A GUID without braces is the same GUID."""
    assert guid == read("evtx", 3, ProcessGuid=guid.strip("{}").upper()).attributes["procGUID"]


def test_port_string(read: Read) -> None:
    """A port in a string is a number."""
    assert 443 == read("nxlog", 3, DestinationPort="443").attributes["destIpPort"]


def test_port_int(read: Read) -> None:
    """A port that is a number is that number."""
    assert 443 == read("evtx", 3, DestinationPort=443).attributes["destIpPort"]


def test_eventid_string(read: Read) -> None:
    """An event id in a string is the event id, and winEventId is a string whatever it was."""
    texts = [read("listed", "10").attributes["winEventId"], read("flat", 10).attributes["winEventId"]]

    assert ["10", "10"] == texts


def test_utctime_usual() -> None:
    """Sysmon's own time is kept as it is, and dates a record only where nothing else does."""
    event = normalise(b'{"EventId": 5, "Image": "a.exe", "UtcTime": "2026-03-02 10:15:30.250"}')

    assert ("2026-03-02 10:15:30.250", TEN_FIFTEEN) == (event.attributes["UtcTime"], event.recorded)
    assert event.created is None


def test_utctime_iso_7_digits() -> None:
    """Azure's seven digits of a second are read, cut at the millisecond."""
    event = normalise(b'{"EventId": 5, "Image": "a.exe", "UtcTime": "2026-03-02T10:15:30.2509999Z"}')

    assert TEN_FIFTEEN == event.recorded


def test_utctime_absent(read: Read) -> None:
    """Without UtcTime the record is dated by its forwarder, and the attribute is absent."""
    event = read("nxlog", 20, Operation="Created")

    assert "UtcTime" not in event.attributes
    assert TEN_FIFTEEN + 2_875 == event.recorded


def test_eventdata_is_a_json_string(read: Read) -> None:
    """JSON in a string is opened."""
    event = read("azure", 3, Image="C:\\srv\\httpd.exe", DestinationPort="8080")

    assert ("C:\\srv\\httpd.exe", 8080) == (event.attributes["procName"], event.attributes["destIpPort"])
    assert ("azure-windowsevent", TEN_FIFTEEN) == (event.shape, event.created)


def test_eventtime_local_no_zone(read: Read) -> None:
    """NXLog's local times without a zone date nothing; with a zone EventTime is the record's clock."""
    assert read("nxlog", 3).created is None
    assert TEN_FIFTEEN == read("nxlog", 3, EventTime="2026-03-02T05:15:30.250-05:00").created


def test_timecreated_wrong_z(read: Read) -> None:
    """A clock that says Z is believed: that it is hours off cannot be told; UtcTime stays beside it."""
    event = read("flat", 13, TimeCreated="2026-03-02T05:15:30.250Z", UtcTime="2026-03-02 10:15:30.250")

    assert TEN_FIFTEEN - 5 * 3_600_000 == event.created
    assert "2026-03-02 10:15:30.250" == event.attributes["UtcTime"]


def test_ecs_record_fields(read: Read) -> None:
    """Winlogbeat 6 is read from its own names; the collector in beat and host is not the host."""
    event = read("winlogbeat6", 3, User="LAB\\mara", Image="C:\\a.exe")

    assert ("winlogbeat6", TEN_FIFTEEN) == (event.shape, event.created)
    assert ("ws07.lab.example", "mara", "LAB") == tuple(
        event.attributes[name] for name in ("hostName", "user", "domain")
    )


def test_hostname_fqdn(read: Read) -> None:
    """A host's full name stays whole, and the collector's name beside it is not taken."""
    assert "ws07.lab.example" == read("nxlog", 3).attributes["hostName"]


def test_hostname_short(read: Read) -> None:
    """A short name stays short: which domain it is in cannot be known."""
    assert "WS07" == read("flat", 3, Hostname="WS07").attributes["hostName"]


def test_rulename_technique(read: Read) -> None:
    """The name that Sysmon's configuration gave is kept."""
    name = "technique_id=T1059,technique_name=Interpreter"

    assert name == read("evtx", 3, RuleName=name).attributes["ruleName"]


def test_commandline_trailing_space(read: Read) -> None:
    """A blank at the end of a command line is part of it."""
    assert '"C:\\a b\\run.exe" ' == read("flat", 1, CommandLine='"C:\\a b\\run.exe" ').attributes["command"]


def test_commandline_double_space(read: Read) -> None:
    """Two blanks in a command line stay two."""
    assert "run.exe  /all" == read("flat", 1, CommandLine="run.exe  /all").attributes["command"]


def test_image_lower_case_drive(read: Read) -> None:
    """A path keeps the case it is written in: comparing is where case is ignored."""
    assert "c:\\tools\\run.exe" == read("nxlog", 12, Image="c:\\tools\\run.exe").attributes["procName"]


def test_non_ascii_product(read: Read) -> None:
    """Signs beyond ASCII stay, one of them turning the reading direction."""
    for product in ("Contoso® Office", "invoice\u202egpj.exe"):
        assert product == read("nxlog", 7, Product=product).attributes["product"]


def test_replacement_char(xml: Callable[..., str]) -> None:
    """A replacement character that was already in the record stays."""
    event = normalise(xml(1, Product="Contoso\ufffd Office").encode())

    assert "Contoso\ufffd Office" == event.attributes["product"]


def test_newline_in_value(read: Read) -> None:
    """Line ends inside a value are part of it."""
    details = '{\r\n  "Sequence" : 7\r\n}\n'

    assert details == read("nxlog", 13, Details=details).attributes["newRegValue"]


def test_value_over_8000(read: Read) -> None:
    """A long value is whole."""
    details = "P-R-1234-5," * 1_000

    assert details == read("nxlog", 13, Details=details).attributes["details"]


def test_hex_grantedaccess(read: Read) -> None:
    """An access mask stays the text it is."""
    assert "0x1410" == read("nxlog", 10, GrantedAccess="0x1410").attributes["accessKeyId"]


def test_sysmon_error_event(read: Read) -> None:
    """Sysmon's error report has no process, and is read."""
    attributes = read("nxlog", 255, ID="GetConfig", Description="it failed\r\n").attributes

    assert ("Win-Sysmon-255-Error", "GetConfig") == (attributes["eventType"], attributes["ID"])
    assert {"procName", "procGUID"}.isdisjoint(attributes)


def test_sysmon_service_event(read: Read) -> None:
    """Sysmon's service event has no process, and is read."""
    attributes = read("nxlog", 4, State="Started", SchemaVersion="4.90").attributes

    assert ("Win-Sysmon-4-Service-State-Changed", "Started") == (attributes["eventType"], attributes["status"])
    assert {"procName", "procGUID"}.isdisjoint(attributes)


def test_linux_sysmon(read: Read) -> None:
    """Sysmon for Linux is read, under an event type that no Windows rule matches; an image may have no path."""
    event = read("linux", 1, Image="agentd", User="root")

    assert ("linux-syslog", "Linux-Sysmon-1-Create-Process") == (event.shape, event.attributes["eventType"])
    assert ("agentd", "root", "192.0.2.44") == tuple(
        event.attributes[name] for name in ("procName", "user", "reptDevIpAddr")
    )


@pytest.mark.parametrize(
    "command", ["curl a?b=1&c=2", "cat <<EOF", "sh -c 'echo <b>bold</b>'"], ids=["ampersand", "less-than", "an element"]
)
def test_inner_xml_malformed(linux: Callable[..., bytes], xml: Callable[..., str], command: str) -> None:
    """Command lines that Sysmon for Linux did not escape cannot be read exactly, and are refused."""
    with pytest.raises(Unreadable) as refused:
        normalise(linux(xml=xml(1, CommandLine="HERE").replace("HERE", command)))

    assert "not xml" == refused.value.reason


def test_inner_xml_cut_off(linux: Callable[..., bytes], xml: Callable[..., str]) -> None:
    """XML that syslog has cut off is refused."""
    with pytest.raises(Unreadable) as refused:
        normalise(linux(xml=xml(1, CommandLine="java -jar a.jar")[:-40]))

    assert "not xml" == refused.value.reason


def test_record_clock_far_from_utctime(read: Read) -> None:
    """The record's clock is System/TimeCreated, however long before it Sysmon saw the connection."""
    event = read("evtx", 3, UtcTime="2025-12-15 01:02:03.004")

    assert (TEN_FIFTEEN, TEN_FIFTEEN) == (event.created, event.recorded)


def test_exact_duplicate(flat: Callable[..., bytes]) -> None:
    """Two equal records are two equal events: whether they count twice is decided by where they lie."""
    first, second = flat(12, EventType="CreateKey"), flat(12, EventType="CreateKey")

    assert normalise(first) == normalise(second)


def test_out_of_order(read: Read) -> None:
    """A record that comes later may be dated earlier; each keeps its own time."""
    first = read("nxlog", 3, **{"@timestamp": "2026-03-02T10:15:33.125Z"})
    second = read("nxlog", 3, **{"@timestamp": "2026-03-02T10:15:31.125Z"})

    assert -2_000 == (second.recorded or 0) - (first.recorded or 0)
