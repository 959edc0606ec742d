"""Reading files of records: every form they come in, one record at a time, broken ones passed on as they are."""

import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.cli import files
from stream_app.cli.files import FileUnreadable, read_records, size_of

ONE = b"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>1</EventID></System></Event>"
TWO = b"<Event><System>\r\n  <EventID>3</EventID>\r\n</System>\r\n</Event>"


def read(folder: Path, data: bytes) -> list[tuple[int, bytes]]:
    """Give (line, value) of each record in a file of these bytes."""
    path = folder / "records"
    path.write_bytes(data)
    return [(record.line, record.value) for record in read_records(str(path), print)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n \r\n\t\n", []),
        (b'{"a": 1}\r\n\n{"b": 2}', [(1, b'{"a": 1}'), (3, b'{"b": 2}')]),
        (b'\xef\xbb\xbf{"a": 1}\n', [(1, b'{"a": 1}')]),
        (b'"<Event/>"\n<14>Jan 1 host tag: x\n', [(1, b'"<Event/>"'), (2, b"<14>Jan 1 host tag: x")]),
        (ONE + b"\n" + TWO + b"\n", [(1, ONE), (2, TWO)]),
        (ONE + TWO + ONE, [(1, ONE), (1, TWO), (4, ONE)]),
        (b"<?xml version='1.0'?>\n<Events>\n" + TWO + b"\n" + ONE + b"</Events>\n", [(3, TWO), (7, ONE)]),
        (b"<?xml version='1.0'?><Events xmlns='x'>" + ONE + b"<!-- a --> " + ONE + b"</Events>", [(1, ONE), (1, ONE)]),
        (ONE + b'\n{"a": 1}\n' + ONE, [(1, ONE), (2, b'{"a": 1}'), (3, ONE)]),
        (ONE + b' {"a": 1}\n', [(1, ONE), (1, b'{"a": 1}')]),
        (b"<Event><System>\n  cut off\n" + ONE, [(1, b"<Event><System>\n  cut off"), (3, ONE)]),
        (b"<Event><System>\n  cut off", [(1, b"<Event><System>\n  cut off")]),
        (b"<EventData>\n</EventData>\n", [(1, b"<EventData>"), (2, b"</EventData>")]),
        (b"<Event", [(1, b"<Event")]),
        (b"\xff\x00 nothing known\n", [(1, b"\xff\x00 nothing known")]),
    ],
)
def test_records_are_told_apart(tmp_path: Path, data: bytes, expected: list[tuple[int, bytes]]) -> None:
    """JSON lines, XML lines, XML documents and mixtures give their records, with the line in which each begins."""
    assert expected == read(tmp_path, data)


def test_gzip_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    """A compressed file is read whatever its name is."""
    assert [(1, b"{}"), (2, ONE)] == read(tmp_path, gzip.compress(b"{}\n" + ONE))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_becomes_utf8(tmp_path: Path, encoding: str) -> None:
    """What PowerShell writes is read, compressed or not; a letter beyond the first plane survives."""
    text = '{"a": "\u00e9\U0001d11e"}\r\n<Events><Event>\u20ac</Event></Events>'
    data = text.encode(encoding) if encoding == "utf-16" else b"\xfe\xff" + text.encode(encoding)
    expected = [(1, '{"a": "\u00e9\U0001d11e"}'.encode()), (2, "<Event>\u20ac</Event>".encode())]
    assert expected == read(tmp_path, data)
    assert expected == read(tmp_path, gzip.compress(data))


def test_half_a_pair_in_utf16_stays_for_normalising_to_refuse(tmp_path: Path) -> None:
    """A lone surrogate does not stop the file; its record is no UTF-8."""
    data = b"\xff\xfe" + "a\ud800\nb\n".encode("utf-16-le", "surrogatepass")
    assert [(1, b"a\xed\xa0\x80"), (2, b"b")] == read(tmp_path, data)


def test_a_document_in_one_line_is_cut_whatever_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export without line ends is read in chunks, and no event is lost where one chunk ends."""
    monkeypatch.setattr(files, "_CHUNK", 5_000)
    events = [b"<Event><EventID>%d</EventID>%s</Event>" % (each, b"x" * (each * 7)) for each in range(300)]
    assert [(1, event) for event in events] == read(
        tmp_path, b"<?xml version='1.0'?><Events>" + b" ".join(events) + b"</Events>"
    )


def test_a_line_that_is_too_long_is_cut_and_the_next_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record keeps its first bytes up to the limit; what follows it is not touched."""
    monkeypatch.setattr(files, "_CHUNK", 10_000)
    monkeypatch.setattr(files, "LIMIT", 30_000)
    (_, long), following = read(tmp_path, b"x" * 100_000 + b"\n{}\n")
    assert (2, b"{}") == following
    assert 30_000 <= len(long) <= 50_000


def test_an_event_that_is_too_long_is_cut_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event beyond the limit still ends at its end tag."""
    monkeypatch.setattr(files, "_CHUNK", 10_000)
    monkeypatch.setattr(files, "LIMIT", 30_000)
    (line, long), following = read(tmp_path, b"<Event>\n" + b"x\n" * 50_000 + b"</Event>\n" + ONE)
    assert (50_003, ONE) == following
    assert (1, True) == (line, 30_000 <= len(long) <= 50_000)


@given(
    chosen=st.lists(
        st.sampled_from([b'{"a": 1}\n', ONE, TWO, ONE + b"\n", TWO + b"\n", b"\n", b"plain\n", b"<Events>"])
    ),
    chunk=st.integers(1, 40),
)
def test_chunks_change_nothing(chosen: list[bytes], chunk: int) -> None:
    """However a file falls into chunks, its records are the same."""
    data = b"".join(chosen)

    def cut(size: int) -> list[tuple[int, bytes]]:
        cutter, stream, found = files._Cutter(), io.BytesIO(data), []
        while piece := stream.readline(size):
            found.extend(cutter.feed(piece))
        return [*found, *cutter.end()]

    assert cut(1 << 20) == cut(chunk)


def test_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads standard input, under a name of its own."""
    raw = io.BufferedReader(io.BytesIO(gzip.compress(b"{}\n")))  # type: ignore[arg-type]  # BytesIO reads as a raw stream
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(raw))
    assert ["<stdin>:1"] == [record.place for record in read_records("-", print)]


def test_progress_is_counted_in_the_files_own_bytes(tmp_path: Path) -> None:
    """The last record of a compressed file was read at the file's size."""
    path = tmp_path / "records.gz"
    path.write_bytes(gzip.compress(b"{}\n" * 1000))
    assert size_of([str(path)]) == [record.read for record in read_records(str(path), print)][-1]


def test_the_size_of_a_pipe_is_unknown(tmp_path: Path) -> None:
    """With standard input, or anything else that is no file, there is no size."""
    path = tmp_path / "records"
    path.write_bytes(b"123")
    assert 6 == size_of([str(path), str(path)])
    assert None is size_of([str(path), "-"])
    assert None is size_of([str(tmp_path)])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file and a folder are told with the system's reason."""
    gone = str(tmp_path / "gone")
    with pytest.raises(FileUnreadable, match=f"{gone}: cannot be read: No such file or directory"):
        list(read_records(gone, print))
    with pytest.raises(FileUnreadable, match=r"cannot be read: Is a directory"):
        list(read_records(str(tmp_path), print))


def test_a_file_that_breaks_off_says_where(tmp_path: Path) -> None:
    """A cut gzip file gives what it holds, then the last line that was read."""
    path = tmp_path / "cut.gz"
    lines = b"".join(b"%d %s\n" % (each, bytes([33 + each % 90]) * (each % 50)) for each in range(20_000))
    whole = gzip.compress(lines)
    path.write_bytes(whole[: len(whole) // 2])
    found = []
    with pytest.raises(FileUnreadable, match=r"cut.gz: cannot be read after line \d+: Compressed file ended"):
        found.extend(read_records(str(path), print))
    path.write_bytes(whole[:-100] + b"\x00" * 100)
    with pytest.raises(FileUnreadable, match=r"cut.gz: cannot be read after line \d+: "):
        found.extend(read_records(str(path), print))


def test_every_shape_of_the_shared_captures_is_one_record_a_line() -> None:
    """The sample files hold one record in each line, and the reader finds as many."""
    folder = Path(__file__).parents[3].parent / "shared" / "data" / "sysmon"
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        pytest.skip("the sample captures (shared/data/sysmon) are not beside the checkout")
    for path in paths:
        assert sum(1 for line in path.read_bytes().splitlines() if line.strip()) == sum(
            1 for _ in read_records(str(path), print)
        )
