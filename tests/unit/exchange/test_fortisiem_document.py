"""Files of rule XML as they come: encodings, and what somebody wrote to break the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.exchange.fortisiem_document import read_elements
from stream_app.exchange.fortisiem_xml import import_xml
from stream_app.exchange.imported import Choices, Imported, Origin, Reason, Refused
from stream_app.language.diagnostics import LanguageError

BOMB = '<!DOCTYPE Rules [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>\n<Rules>&c;</Rules>'
REACHING = '<!DOCTYPE Rules [<!ENTITY x SYSTEM "file:///etc/passwd">]><Rules><Rule id="&x;"/></Rules>'


def names(data: bytes) -> list[str]:
    """Give the ids of a file's rules."""
    return [str(element.get("id")) for element in read_elements("a.xml", data)]


def wrong(data: bytes) -> str:
    """Give the place and the message of what is wrong with a file."""
    with pytest.raises(LanguageError) as error:
        read_elements("a.xml", data)
    (said,) = error.value.diagnostics
    return f"{said.line}:{said.column}: {said.message}"


@pytest.mark.parametrize(
    "data",
    [
        "<Rule id='ä'/>".encode(),
        "\ufeff<?xml version='1.0' encoding='utf-8'?><Rules><Rule id='ä'/></Rules>".encode(),
        "\ufeff<?xml version='1.0' encoding='ISO-8859-1'?><Rules><Rule id='ä'/></Rules>".encode(),
        "<?xml version='1.0' encoding='UTF8'?>\r\n<Rules><Rule id='ä'/></Rules>".encode(),
        "<?xml version='1.0' encoding=\"iso-8859-1\"?><Rules><Rule id='ä'/></Rules>".encode("latin-1"),
        "<?xml version='1.0' encoding='windows-1252'?><Rule id='ä'/>".encode("cp1252"),
        "<?xml version='1.0' encoding='UTF-16'?><Rule id='ä'/>".encode("utf-16"),
        b"\xfe\xff" + "<Rules><Rule id='ä'/></Rules>".encode("utf-16-be"),
        "<!-- a comment --><?pi x?>\n<Rules><Rules><Rule id='ä'/></Rules></Rules>".encode(),
    ],
)
def test_encodings_that_are_read(data: bytes) -> None:
    """A mark decides, then the declaration, then UTF-8; a bare rule and nested lists of rules are rules too."""
    assert ["ä"] == names(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BOMB.encode(), "1:1: a document type is refused, since it may define entities: delete it"),
        (REACHING.encode(), "1:1: a document type is refused, since it may define entities: delete it"),
        (
            ("<?xml version='1.0'?>\n<!-- x -->\n" + BOMB).encode(),
            "3:1: a document type is refused, since it may define entities: delete it",
        ),
        (b"<Rules>\n<Rule id='&x;'/></Rules>", "2:14: not well-formed XML: Entity 'x' not defined"),
        (
            "<Rules><Rule id='a'/></Rules>".encode("utf-16-le"),
            "1:1: looks like UTF-16 or UTF-32 without a byte order mark: save it as UTF-8",
        ),
        (
            b"<?xml version='1.0' encoding='UTF-16'?><Rule/>",
            "1:1: says that its encoding is utf-16, which it is not, or which is not read here: save it as UTF-8",
        ),
        (
            b"<?xml version='1.0' encoding='EUC-JP'?><Rule/>",
            "1:1: says that its encoding is euc-jp, which it is not, or which is not read here: save it as UTF-8",
        ),
        ("<Rules>\n<Rule id='ä'/></Rules>".encode("latin-1"), "2:11: not UTF-8: byte 0xe4"),
        (b"<?xml version='1.0' encoding='us-ascii'?>\n<Rule id='\xe4'/>", "2:11: not US-ASCII: byte 0xe4"),
        (b"\xff\xfe<\0R\0\0\xd8\0\0", "1:3: not UTF-16-LE: byte 0x00"),
        (b"", "1:1: there is no <Rule> in it"),
        (b"<Rules/>", "1:1: there is no <Rule> in it"),
        (b"no XML at all", "1:1: there is no <Rule> in it"),
        (b"<Rules>\n <Report/></Rules>", "2:1: <Report> is neither Rules nor Rule"),
        (b"<Rules><Rule \x01/></Rules>", None),
        (b"<Rules>" + b"<Rule>" * 400 + b"</Rule>" * 400 + b"</Rules>", None),
    ],
)
def test_what_is_refused(data: bytes, said: str | None) -> None:
    """Each with its place; no entity is ever resolved, and nothing is guessed."""
    found = wrong(data)
    assert said is None or said == found
    assert "root:" not in found


def test_a_file_that_was_cut_off_says_how_much_it_takes_along() -> None:
    """A file is read whole or not at all, and says at its end how many rules are lost with it."""
    whole = b"<Rules>\n<Rule id='a'></Rule>\n<Rule id='b'></Rule>\n<Rule id='c'>"
    (found,) = import_xml("a.xml", whole, Choices())
    assert isinstance(found, Refused)
    assert found.reasons[0].why.startswith("not well-formed XML: ")
    assert found.reasons[0].why.endswith("; none of its 3 rules is imported")
    assert "wrapper" not in found.reasons[0].why
    assert 4 == found.origin.line


def test_a_fault_on_the_first_line_has_its_own_column() -> None:
    """Whatever is put around a file to read it does not move what is said of it."""
    assert "1:9: not well-formed XML: StartTag: invalid element name" == wrong(b"<Rules><1/></Rules>")
    assert "2:2: not well-formed XML: StartTag: invalid element name" == wrong(b"<Rules>\n<1/></Rules>")


def test_every_byte_that_is_cut_is_a_refusal_or_a_whole_file() -> None:
    """However much of a file is there, reading it ends in rules or in a refusal with a place."""
    whole = "<?xml version='1.0' encoding='utf-8'?>\n<Rules>\n<Rule id='ä'><Name>x</Name></Rule>\n</Rules>\n".encode()
    for size in range(len(whole)):
        for each in import_xml("a.xml", whole[:size], Choices()):
            assert isinstance(each, Refused), size
            assert isinstance(each.origin, Origin)
            assert all(isinstance(reason, Reason) and reason.line > 0 for reason in each.reasons)


PIECES = st.sampled_from(
    [
        *("<Rules>", "</Rules>", '<Rule id="a">', "</Rule>", "<Name>", "</Name>", "<!--", "-->", "<![CDATA[", "]]>"),
        *("<?xml version='1.0' encoding='utf-16'?>", "<!DOCTYPE a>", "&lt;", "&#1;", "&x;", "x", " ", "\0", "\ud7ff"),
        *("<PatternClause window='1'>", "<SubPattern name='A'/>", "</PatternClause>", "<IncidentDef severity='1'/>"),
    ]
)


@given(st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=20).map(lambda each: "".join(each).encode())))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Whatever a file holds, there are rules in it or refusals with a line and a reason."""
    for found in import_xml("a.xml", data, Choices()):
        assert isinstance(found, Imported | Refused)
        assert found.origin.line > 0
