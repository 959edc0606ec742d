"""Files of TOML, and what is said of those that are none."""

from pathlib import Path

import pytest

from stream_app.language.diagnostics import LanguageError, Place
from stream_app.rulebook.document import Document, decode_text, parse_document, read_text


def refused(path: str, text: str) -> str:
    """Give what is said of a text that is refused."""
    with pytest.raises(LanguageError) as caught:
        parse_document(path, text)
    return str(caught.value)


def test_a_document_says_where_keys_and_values_are() -> None:
    """A diagnostic about a key points at the key, one about a value at the value."""
    document = parse_document("a.toml", "x = 1\n  yy = 'z'\n")
    assert "a.toml:2:3: odd\n  yy = 'z'\n  ^" == document.at_key(("yy",), "odd").render()
    assert "a.toml:2:8: odd\n  yy = 'z'\n       ^" == document.at_value(("yy",), "odd").render()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb = \n", "a.toml:2:5: not TOML: Invalid value\nb = \n    ^"),
        ("a = 1\nb = 'x", "a.toml:2:7: not TOML: Expected \"'\"\nb = 'x\n      ^"),
        ("a = 1\na = 2\n", "a.toml:2:6: not TOML: Cannot overwrite a value\na = 2\n     ^"),
        (
            "a = 'é' b\n",
            "a.toml:1:9: not TOML: Expected newline or end of document after a statement\na = 'é' b\n        ^",
        ),
    ],
)
def test_what_is_not_toml_is_refused_where_it_goes_wrong(text: str, said: str) -> None:
    """TOML's own errors carry their place, also one at the end of the text."""
    assert said == refused("a.toml", text)


def test_a_number_too_long_for_python_is_refused() -> None:
    """An error without a place of its own is said of the file."""
    assert refused("a.toml", "a = " + "9" * 5000).startswith("a.toml:1:1: not TOML: Exceeds the limit")


def test_a_text_nested_beyond_the_stack_is_refused() -> None:
    """Ten thousand brackets are an error of the file, not of the program."""
    said = refused("a.toml", "a = " + "[" * 10_000 + "]" * 10_000)
    assert said.startswith("a.toml:1:1: nested too deeply\n")


def test_line_ends_and_a_byte_order_mark_are_no_part_of_the_text() -> None:
    """A file saved on Windows reads as one saved elsewhere."""
    assert "a = 1\nb = 2\n" == decode_text("a.toml", b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")


def test_a_byte_that_is_not_utf8_is_named_with_its_place() -> None:
    """The place counts characters, as an editor does, and the line is shown as far as it can be read."""
    with pytest.raises(LanguageError) as caught:
        decode_text("a.toml", "é = 'ü'\nä = '".encode() + b"\xfcx'\nb = 1\n")
    assert "a.toml:2:6: not UTF-8: byte 0xfc\nä = '\ufffdx'\n     ^" == str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file and a folder in its place are diagnostics as any other."""
    with pytest.raises(LanguageError) as missing:
        read_text(tmp_path / "a.toml")
    with pytest.raises(LanguageError) as folder:
        read_text(tmp_path)
    assert f"{tmp_path.as_posix()}/a.toml:1:1: cannot be read: No such file or directory\n\n^" == str(missing.value)
    assert f"{tmp_path.as_posix()}:1:1: cannot be read: Is a directory\n\n^" == str(folder.value)


@pytest.mark.parametrize(
    ("written", "begin"),
    [("'a\"b'", 5), ("'''a\"b'''", 7), ("'''\na\"b'''", 8)],
)
def test_the_content_of_a_literal_string_begins_behind_its_quotes(written: str, begin: int) -> None:
    """Three quotes swallow the line end after them."""
    text = f"q = {written}\n"
    document = parse_document("a.toml", text)
    assert document.verbatim(("q",), literal=True) == Place("a.toml", text, begin)
    assert text[begin:].startswith(str(document.data["q"]))


def test_a_basic_string_is_verbatim_only_without_escapes() -> None:
    """A place inside a string with escapes would not be the place in the file."""

    def verbatim(text: str, *, literal: bool) -> Place | None:
        document: Document = parse_document("a.toml", text)
        return document.verbatim(("q",), literal=literal)

    assert Place("a.toml", 'q = "ab"', 5) == verbatim('q = "ab"', literal=False)
    assert Place("a.toml", 'q = """\nab"""', 8) == verbatim('q = """\nab"""', literal=False)
    assert verbatim('q = "a\\tb"', literal=False) is None
    assert verbatim('q = "ab"', literal=True) is None
