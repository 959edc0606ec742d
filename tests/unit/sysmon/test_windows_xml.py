"""Event XML: the fast reading of the common form and the whole parser give the same, and which of them reads what."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream_app.sysmon import event_data, windows_xml
from stream_app.sysmon.event_data import LONGEST_MARKUP, MOST_FIELDS, MOST_KINDS, MOST_OF_A_KIND
from stream_app.sysmon.event_head import LONGEST
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.text_shapes import head_of, read_text
from stream_app.sysmon.windows_xml import read_head, read_rest, read_xml
from stream_app.sysmon.xml_tree import read_tree

RECORDS = Path(__file__).parents[3].parent / "shared" / "data" / "sysmon"
needs_records = pytest.mark.skipif(not RECORDS.is_dir(), reason="needs ../shared/data/sysmon beside the checkout")
NOT_WELL_FORMED = 17
"""Records of Sysmon for Linux whose XML is broken: the list that comes with the data."""

OPENING = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/><EventID>3</EventID>"
    "<Version>5</Version><Level>4</Level><Task>3</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords>"
    "<TimeCreated SystemTime='2026-03-02T10:15:30.250987600Z'/>"
)
SYSTEM = (
    f"{OPENING}<EventRecordID>4711</EventRecordID><Correlation/><Execution ProcessID='3304' ThreadID='4172'/>"
    "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws07.lab.example</Computer>"
    "<Security UserID='S-1-5-18'/></System>"
)
DATA = (
    "<EventData><Data Name='RuleName'></Data><Data Name='Image'>C:\\a.exe</Data>"
    "<Data Name='CommandLine'>run</Data></EventData>"
)
NATIVE = f"{SYSTEM}{DATA}</Event>"
RENDERED = NATIVE.replace(
    "</Event>",
    "<RenderingInfo Culture='en-US'><Message> Registry:\r\nEventType: &lt;Key&gt;\r\n</Message>"
    "<Level>Information</Level><Task/><Opcode>Info</Opcode><Channel></Channel><Provider/><Keywords><Keyword>a</Keyword></Keywords>"
    "</RenderingInfo></Event>",
)


def _pretty(text: str, blanks: str) -> str:
    return text.replace("><", f">{blanks}<").replace(f">{blanks}</Data>", "></Data>")


COMMON = {
    "as Windows renders it": NATIVE,
    "as Sysmon for Linux writes it": NATIVE.replace("'", '"').replace("UserID", "UserId"),
    "quotes of both kinds": SYSTEM + DATA.replace("'", '"') + "</Event>",
    "no namespace": NATIVE.replace(" xmlns='http://schemas.microsoft.com/win/2004/08/events/event'", ""),
    "lines": _pretty(NATIVE, "\n  "),
    "lines of Windows": _pretty(NATIVE, "\r\n\t"),
    "a blank before the end of an element": _pretty(NATIVE.replace("/>", " />"), "\n"),
    "lines behind it": NATIVE + " \r\n",
    "what it may leave out": "<Event><System><TimeCreated SystemTime='2026-03-02T10:15:30Z'/></System></Event>",
    "what it may say": NATIVE.replace("<EventID>", "<EventID Qualifiers='16384'>")
    .replace("<Correlation/>", "<Correlation ActivityID='{a}' RelatedActivityID='{b}'/>")
    .replace("'/><EventID", "' EventSourceName='Sysmon'/><EventID"),
    "no data": SYSTEM + "</Event>",
    "empty data": SYSTEM + "<EventData></EventData></Event>",
    "empty data in one tag": SYSTEM + "<EventData/></Event>",
    "a value in one tag": NATIVE.replace("></Data>", "/>"),
    "a value without a name": NATIVE.replace(" Name='Image'", ""),
    "a value with an empty name": NATIVE.replace("'Image'", "''"),
    "a value twice": NATIVE.replace("'Image'", "'CommandLine'"),
    "a quote in a name": NATIVE.replace("'Image'", "'\"Image'"),
    "more fields than are learned": NATIVE.replace("<Data ", "<Data Name='a'>b</Data>" * MOST_FIELDS + "<Data ", 1),
    "longer names than are learned": NATIVE.replace("Image", "Image" * LONGEST_MARKUP),
    "quotes and brackets": NATIVE.replace("run", "'>\">/>[[a]]"),
    "references": NATIVE.replace("run", "&lt;&gt;&amp;&quot;&apos; &amp;lt; ]]&gt; &#13;&#xA;&#x1F600;"),
    "blanks are kept": NATIVE.replace("run", " \n\t a "),
    "ends of lines": NATIVE.replace("run", "a\r\nb\rc\n\r\n"),
    "other characters": NATIVE.replace("run", "\x7f\x85\u2028\ufeff\U0001fffe\U0001f600é"),
    "blanks around": NATIVE.replace(">3<", "> 3\u00a0<").replace(">ws07", ">\nws07"),
    "rendered": RENDERED,
    "rendered, in lines": _pretty(RENDERED, "\r\n"),
    "rendered, no message": NATIVE.replace("</Event>", "<RenderingInfo><Message/></RenderingInfo></Event>"),
}
NOT_COMMON = {
    "a declaration": f"<?xml version='1.0' encoding='utf-16'?>{NATIVE}",
    "no time": "<Event><System><EventID>1</EventID></System></Event>",
    "a long way to the time": NATIVE.replace("<EventID>", f"<EventID>{' ' * 2_000}"),
    "a comment": NATIVE.replace("run", "a<!-- no -->b"),
    "a comment in System": NATIVE.replace("<Level>", "<!-- no --><Level>"),
    "a comment behind it": NATIVE + "<!-- -->",
    "CDATA": NATIVE.replace("run", "a<![CDATA[ & b]]>"),
    "CDATA that looks like data": NATIVE.replace("run", "<![CDATA[</Data><Data Name='Image'>b]]>"),
    "a processing instruction": NATIVE.replace("run", "a<?b?>"),
    "a prefix": NATIVE.replace("xmlns=", "xmlns:e=").replace("<E", "<e:E").replace("</E", "</e:E"),
    "another namespace": NATIVE.replace("2004/08", "2024/08"),
    "another attribute": NATIVE.replace("Name='Image'", "Name='Image' Type='win:UnicodeString'"),
    "another attribute before the name": NATIVE.replace("Name='Image'", "Type='a' Name='Image'"),
    "another order": NATIVE.replace(
        "<EventRecordID>4711</EventRecordID><Correlation/>", "<Correlation/><EventRecordID/>"
    ),
    "another order of attributes": NATIVE.replace(
        "ProcessID='3304' ThreadID='4172'", "ThreadID='4172' ProcessID='3304'"
    ),
    "another element": NATIVE.replace("</EventData>", "<Binary>00</Binary></EventData>"),
    "an element twice": NATIVE.replace("<EventID>", "<EventID>1</EventID><EventID>"),
    "data twice": NATIVE.replace("</Event>", "<EventData><Data Name='a'>b</Data></EventData></Event>"),
    "user data": NATIVE.replace("EventData", "UserData"),
    "blanks in a tag": NATIVE.replace("<Data Name=", "<Data  Name = "),
    "a reference in a name": NATIVE.replace("'Image'", "'&#73;mage'"),
    "a reference before the time": NATIVE.replace(">3<", ">&#51;<"),
    "a reference behind the time": NATIVE.replace("ws07", "&#119;s07"),
    "a reference in a value without a name": NATIVE.replace(" Name='Image'>C", ">&lt;"),
    "a reference in a value that a later one hides": NATIVE.replace("'Image'>C", "'CommandLine'>&lt;"),
    "a bracket before the time": NATIVE.replace(">3<", ">]3<"),
    "a bracket behind the time": NATIVE.replace("ws07", "]ws07"),
    "the end of a line in an event id": NATIVE.replace(">3<", ">3\r<"),
    "the end of a line in a name": NATIVE.replace("ws07", "ws\r07"),
    "the end of a line in an attribute": NATIVE.replace("S-1-5-18", "S-1-\n5-18"),
    "more than is looked at": NATIVE.replace("run", "run" * LONGEST),
}
BROKEN = {
    "the end of CDATA in a value": NATIVE.replace("run", "a]]>b"),
    "a bare ampersand": NATIVE.replace("run", "a & b"),
    "an ampersand without an end": NATIVE.replace("run", "a&lt b"),
    "an entity that is not XML's": NATIVE.replace("run", "&nbsp;"),
    "a number without digits": NATIVE.replace("run", "&#;"),
    "a number of no character": NATIVE.replace("run", "&#x110000;"),
    "a number of a forbidden character": NATIVE.replace("run", "&#xFFFE;"),
    "an ampersand without a name": NATIVE.replace(" Name='Image'>C", ">&nbsp;"),
    "an ampersand that a later value hides": NATIVE.replace("'Image'>C", "'CommandLine'>&"),
    "an ampersand in what is rendered": RENDERED.replace("Information", "a & b"),
    "an ampersand in a message": RENDERED.replace("&gt;", "&gt"),
    "a forbidden character": NATIVE.replace("run", "\x01"),
    "a forbidden character before the time": NATIVE.replace(">3<", ">\x0b3<"),
    "a forbidden character behind the time": NATIVE.replace("ws07", "\x00"),
    "a character that is none": NATIVE.replace("run", "\ufffe"),
    "another character that is none": NATIVE.replace("run", "\uffff"),
    "half a character": NATIVE.replace("run", "\ud800"),
    "a bare bracket": NATIVE.replace("run", "a < b"),
    "an element in a value": NATIVE.replace("run", "<b>a</b>"),
    "a name without its quote": NATIVE.replace("'Image'>C:\\a.exe", "'Image"),
    "a name without quotes": NATIVE.replace("'Image'", "Image"),
    "a name in quotes of two kinds": NATIVE.replace("'Image'", "'Image\""),
    "a name twice": NATIVE.replace("Name='Image'", "Name='Image' Name='Image'"),
    "no end": NATIVE.removesuffix("</Event>"),
    "no end of the data": NATIVE.replace("</EventData>", ""),
    "no end of a value": NATIVE.replace("</Data>", "", 1),
    "another end": NATIVE.replace("</EventData>", "</System>"),
    "another end of what is rendered": RENDERED.replace("</Opcode>", "</Level>"),
    "something behind it": NATIVE + "a",
    "another event behind it": NATIVE + NATIVE,
    "a document type": f"<!DOCTYPE Event>{NATIVE}",
}


def _outcome(text: str) -> Parts | str:
    try:
        return read_tree(text, "xml")
    except Unreadable as refused:
        return refused.reason


def _agree(text: str) -> Parts | str:
    """Read a text twice, since the first reading may teach the second, and as a whole; say what the parser says."""
    expected = _outcome(text)
    for _ in range(2):
        try:
            read: Parts | str = read_xml(text)
        except Unreadable as refused:
            read = refused.reason
        assert expected == read
        if isinstance(expected, Parts) and isinstance(read, Parts):
            assert list(expected.fields) == list(read.fields)
    head = read_head(text)
    if head is not None and isinstance(expected, Parts):
        assert (expected.event_id, expected.provider) == (head.event_id, head.provider)
        assert (expected.channel, expected.computer) == (head.channel, head.computer)
    return expected


@pytest.fixture(autouse=True)
def _nothing_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin with nothing learned."""
    monkeypatch.setattr(event_data, "_learned", {})


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of texts that the whole parser is asked to read from now on."""
    texts: list[str] = []

    def read(text: str, shape: str) -> Parts:
        texts.append(text)
        return read_tree(text, shape)

    monkeypatch.setattr(windows_xml, "read_tree", read)
    return texts


@pytest.mark.parametrize("text", COMMON.values(), ids=COMMON)
def test_the_common_form(handed_over: list[str], text: str) -> None:
    """Each variant of the common form is read without the whole parser, and as the whole parser reads it."""
    assert isinstance(_agree(text), Parts)
    assert [] == handed_over


@pytest.mark.parametrize("text", NOT_COMMON.values(), ids=NOT_COMMON)
def test_other_forms(handed_over: list[str], text: str) -> None:
    """What is well formed but not in the common form is read by the whole parser."""
    assert isinstance(_agree(text), Parts)
    assert [text, text] == handed_over


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken(handed_over: list[str], text: str) -> None:
    """What is not well formed is refused, and by the whole parser alone."""
    assert "not xml" == _agree(text)
    assert [text, text] == handed_over


@pytest.mark.parametrize("text", [*COMMON.values(), *NOT_COMMON.values()], ids=[*COMMON, *NOT_COMMON])
def test_every_end_is_missed(text: str) -> None:
    """A document that ends too early is refused, wherever it ends."""
    whole = text.rstrip().removesuffix("<!-- -->")
    cuts = range(1, len(whole)) if len(whole) < 3_000 else range(len(whole) - 1, 1, -9_973)

    assert {"not xml"} == {_agree(whole[:cut]) for cut in cuts}


def test_what_is_read() -> None:
    """The parts of an event are those that stand in it."""
    expected = Parts(
        shape="fortisiem-agent",
        event_id="3",
        provider="Microsoft-Windows-Sysmon",
        channel="Microsoft-Windows-Sysmon/Operational",
        computer="ws07.lab.example",
        fields={"RuleName": None, "Image": "C:\\a.exe", "CommandLine": "run"},
        message="Registry:\nEventType: <Key>",
        created=1_772_446_530_250,
    )

    assert expected == read_xml(RENDERED, "fortisiem-agent") == read_tree(RENDERED, "fortisiem-agent")


FRAGMENTS = [
    *("&", "&lt;", "&amp;", "&quot;", "&apos;", "&gt", "&#65;", "&#x41;", "&#0;", "&#xD;", "&#10;", "&#xFFFE;"),
    *("&#x110000;", "&#xD800;", "&#;", "&nbsp;", "<![CDATA[a]]>", "<![CDATA[", "]]>", "]]", "]", "<!-- a -->", "<!--"),
    *("<?a b?>", "<", "</", ">", "/>", "'", '"', "'>", '">', "\r", "\r\n", "\n", "\t", " ", "\0", "\x0b", "\x85"),
    *(
        "\u00a0",
        "\ufeff",
        "\ufffe",
        "\uffff",
        "\U0001fffe",
        "\U0001f600",
        "é",
        "\ud800",
        "a",
        "Data",
        "Name",
        "EventID",
    ),
    *("<Data Name='a'/>", "<Data Name='a'>", "<Data>", "</Data>", "<Data/>", "<Data Name='RuleName'>b</Data>"),
    *("<Data Name=''>b</Data>", "<Data Name='a&amp;b'>c</Data>", "<Data Name='a' Name='a'>c</Data>", "<Data>&</Data>"),
    *("<Data Name='a\tb'>c</Data>", "<Data  Name='a'>c</Data>", "<Data Name='a' >c</Data >", "<Data Name = 'a'/>"),
    *("<EventData>", "</EventData>", "<EventData/>", "<System>", "</System>", "<System><EventID>7</EventID></System>"),
    *("<Event>", "</Event>", "<e:Data xmlns:e='x'/>", " xmlns='y'", " xmlns:a='b'", " a='b'", "<a/>", "<!DOCTYPE a>"),
    *("<?xml version='1.0'?>", "<EventID>9</EventID>", "<Channel>a</Channel>", "<Correlation/>", " Qualifiers='1'"),
]
VALUES = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=4).map("".join)
LENGTHS = st.sampled_from([0, 0, 0, 1, 1, 2, 5, 30, 300])


@st.composite
def generated(draw: st.DrawFn) -> str:
    """Write an event of the common form, with anything for its values."""
    quote = draw(st.sampled_from("'\""))
    blanks = draw(st.sampled_from(["", "", "\n  ", "\r\n", " "]))
    names = draw(st.lists(st.sampled_from(["RuleName", "Image", "User", "", "a b", "é"]) | VALUES, max_size=6))
    data = [f"<Data Name={quote}{name}{quote}>{draw(VALUES)}</Data>" for name in names]
    channel, computer = draw(st.tuples(VALUES, VALUES) | st.just(("Security", "ws07")))
    about = f"<EventID>{draw(st.just('3') | VALUES)}</EventID><TimeCreated SystemTime={quote}2026{quote}/>"
    where = f"<Channel>{channel}</Channel><Computer>{computer}</Computer>"
    system = f"<System><Provider Name={quote}{draw(st.just('a') | VALUES)}{quote}/>{about}{where}</System>"
    message = f"<RenderingInfo><Message>{draw(VALUES)}</Message></RenderingInfo>" if draw(st.booleans()) else ""
    inside = [system, "<EventData>", *data, "</EventData>", message]
    return f"<Event>{blanks}{blanks.join(inside)}</Event>"


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Cut pieces out of a good event, and put others in, more often beside markup than elsewhere."""
    text = draw(st.sampled_from([*COMMON.values(), *NOT_COMMON.values()]).filter(lambda text: len(text) < 10_000))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            start = max(text.find(draw(st.sampled_from("<>'\"=/")), start), 0) + draw(st.integers(0, 1))
        copied = draw(st.integers(0, len(text)))
        put = draw(st.sampled_from(FRAGMENTS) | LENGTHS.map(lambda length: text[copied : copied + length]))  # noqa: B023  # drawn at once
        text = text[:start] + put + text[start + draw(LENGTHS) :]
    return text


@given(generated())
def test_generated_events(text: str) -> None:
    """Whatever stands in the values and attributes of the common form, both readings agree on it."""
    _agree(text)


@given(mutated())
@example("")
@example("<Event")
@example(NATIVE + "<")
def test_damaged_events(text: str) -> None:
    """Whatever is done to a good event, both readings agree on it."""
    _agree(text)


@given(
    st.integers(0, 0x12_0000),
    st.sampled_from(["&#{};", "&#{:07};", "&#{:08};", "&#x{:x};", "&#x{:06X};", "&#x{:07x};"]),
)
@example(0, "&#{};")
@example(0xD800, "&#{};")
@example(0xFFFF, "&#x{:x};")
@example(0x10_FFFF, "&#x{:x};")
@example(0x11_0000, "&#{};")
@example(1, "&#\N{ARABIC-INDIC DIGIT ONE}{};")
def test_numbers_of_characters(code: int, form: str) -> None:
    """A number stands for the character that the whole parser puts for it, or for none."""
    _agree(NATIVE.replace("run", form.format(code)))


@needs_records
def test_real_events_are_in_the_common_form(handed_over: list[str]) -> None:
    """Every native event of the real records is in the common form, and so is every good one of Sysmon for Linux."""
    native = [json.loads(line) for line in (RECORDS / "windows-xml.native.jsonl").open(encoding="utf-8")]
    with (RECORDS / "azure-syslog-linuxsysmon.jsonl").open(encoding="utf-8") as lines:
        linux = [str(json.loads(line)["SyslogMessage"]) for line in lines]

    refused = [text for text in [*native, *linux] if _agree(text) == "not xml"]

    assert (250, 93, NOT_WELL_FORMED) == (len(native), len(linux), len(refused))
    assert sorted(refused * 2) == sorted(handed_over)


def _of_kind(version: int, *names: str) -> str:
    data = "".join(f"<Data Name='{name}'>{name}</Data>" for name in names)
    return f"{SYSTEM}<EventData>{data}</EventData></Event>".replace("<Version>5<", f"<Version>{version}<")


def test_what_is_learned_is_bounded(handed_over: list[str]) -> None:
    """However many kinds of events come, in however many orders, what is learned stays small and all is read right."""
    texts = [_of_kind(version, *order) for version in range(MOST_KINDS + 10) for order in ("ab", "ba", "abc", "c", "d")]

    for text in texts:
        _agree(text)

    assert MOST_KINDS == len(event_data._learned)
    assert {MOST_OF_A_KIND} == {len(known) for known in event_data._learned.values()}
    assert [] == handed_over


def test_learned_events_may_change() -> None:
    """An event of a kind whose markup is known may have other fields, no fields, or be broken."""
    read_xml(NATIVE)

    assert {"a": "a"} == read_xml(_of_kind(5, "a")).fields
    assert {} == read_xml(SYSTEM + "</Event>").fields
    assert "not xml" == _agree(NATIVE.replace("</EventData>", "</EventData"))


def test_a_head_alone() -> None:
    """A head is read without what stands behind it; what is broken there is refused when it is read."""
    head = read_head(f"{SYSTEM}<EventData><Data Name='CommandLine'>a & b")

    assert head is not None
    assert ("3", "Microsoft-Windows-Sysmon", "ws07.lab.example") == (head.event_id, head.provider, head.computer)
    assert ("Microsoft-Windows-Sysmon/Operational", "2026-03-02T10:15:30.250987600Z") == (head.channel, head.created)
    with pytest.raises(Unreadable) as refused:
        read_rest(head)
    assert refused.value.reason == "not xml"
    assert read_head(f"{SYSTEM}<EventData><Data Name='CommandLine'>\0") is None


@pytest.mark.parametrize(
    "before",
    [
        "",
        "<14>Mar  2 10:15:30 pi4 sysmon: ",
        '2026-03-02T10:15:33Z ws07 192.0.2.17 FSM-WUA-Sysmon [phCustId]="7" [xml]=',
    ],
    ids=["xml", "syslog", "agent"],
)
def test_heads_of_texts(handed_over: list[str], before: str) -> None:
    """The head of a text's XML is found in every shape, and reading may go on from it."""
    text = before + NATIVE
    head = head_of(text)

    assert head is not None
    assert head.event_id == "3"
    assert read_text(text) == read_text(text, head)
    assert [] == handed_over


@pytest.mark.parametrize("text", ["", "a line", "ws07 192.0.2.17 FSM-WUA-DNS [msg]=", "<Event/>", "<?xml?><Event/>"])
def test_texts_without_a_head(text: str) -> None:
    """A text without XML in the common form has no head."""
    assert head_of(text) is None


@pytest.mark.parametrize(
    "text",
    [NATIVE.replace("</Event>", "<System><EventID>1</EventID></System></Event>"), "<Event/>"],
    ids=["two", "none"],
)
def test_one_system(text: str) -> None:
    """An event that says twice where it comes from, or not at all, is no event."""
    assert "unknown shape" == _agree(text)
