"""Event logs of Windows: whole ones, damaged ones of which the rest is read, and those of which nothing can be."""

import gzip
import struct
import sys
from pathlib import Path

import pytest

from stream_app.cli.files import FileUnreadable, files_in, read_records
from stream_app.sysmon.normalise import normalise
from tests.evtx_file import CHUNK, HEADER, RECORDS, evtx, sysmon_event
from tests.unit.cli.test_main import run

LOG = evtx(
    [
        sysmon_event(3, "2026-03-02T09:00:00.000Z", Image="a & b"),
        sysmon_event(1, "2026-03-02T09:00:01.000Z", Image="c"),
    ],
    [sysmon_event(5, "2026-03-02T09:00:02.000Z", Image="d")],
)
SECOND = HEADER + CHUNK


def read(folder: Path, data: bytes) -> tuple[list[int], list[str]]:
    """Give the numbers of the records that a file has, and what was warned of."""
    path, warned = folder / "log", list[str]()
    path.write_bytes(data)
    numbers = [record.line for record in read_records(str(path), warned.append)]
    return numbers, [said.removeprefix(f"{path}: warning: ") for said in warned]


def changed(at: int, data: bytes) -> bytes:
    """Give the log with other bytes at a place."""
    return LOG[:at] + data + LOG[at + len(data) :]


def test_events_are_records_as_windows_renders_them(tmp_path: Path) -> None:
    """Whatever the file is called: each event is XML with all that it says, named by its number in the log."""
    path = tmp_path / "log.txt"
    path.write_bytes(LOG)
    records = list(read_records(str(path), print))
    events = [normalise(record.value) for record in records]
    assert ["xml"] * 3 == [event.shape for event in events]
    assert [("3", "a & b"), ("1", "c"), ("5", "d")] == [
        (event.get("EventID"), event.get("procName")) for event in events
    ]
    assert [1_772_442_000_000, 1_772_442_001_000, 1_772_442_002_000] == [event.created for event in events]
    assert [f"{path}:1", f"{path}:2", f"{path}:3"] == [record.place for record in records]
    assert len(LOG) == records[-1].read


def test_a_compressed_log_and_one_from_a_pipe_are_read(tmp_path: Path) -> None:
    """Nothing needs to be looked for backwards."""
    assert ([1, 2, 3], []) == read(tmp_path, gzip.compress(LOG))
    done = run("replay", "-", given=LOG)
    assert (0, True) == (done.returncode, done.stderr.startswith(b"3 records read, "))


def test_room_that_was_never_used_is_no_damage(tmp_path: Path) -> None:
    """Windows sets chunks aside."""
    assert ([1, 2, 3], []) == read(tmp_path, LOG + bytes(CHUNK))


@pytest.mark.parametrize(
    ("data", "numbers", "said"),
    [
        (
            changed(HEADER + RECORDS + 28, b"\x77"),
            [2, 3],
            "1 of 3 events could not be read: chunk 1 lost 1 of 2 events (Failed to parse record number 1: ",
        ),
        (
            changed(HEADER + RECORDS, b"\0"),
            [3],
            "2 of 3 events could not be read: chunk 1 lost 2 of 2 events (An error occurred",
        ),
        (
            changed(SECOND, b"\0"),
            [1, 2],
            "2 events were read, but not all is well: chunk 2 is none: how many events it held is not known",
        ),
        (
            LOG[: SECOND + RECORDS + 40],
            [1, 2],
            "1 of 3 events could not be read: chunk 2 lost 1 of 1 events (the file ends within it)",
        ),
        (
            LOG[: SECOND + CHUNK - 1],
            [1, 2, 3],
            "3 events were read, but not all is well: chunk 2: the file ends within it",
        ),
        (LOG[:SECOND], [1, 2], "2 events were read, but not all is well: the file ends behind chunk 1 of 2"),
        (
            changed(SECOND + 16, struct.pack("<Q", 5)),
            [1, 2, 3],
            "2 of 5 events could not be read: chunk 2 lost 2 of 3 events (its end is missing)",
        ),
        (
            changed(SECOND + 16, struct.pack("<QQ", 1 << 40, 1)) + bytes(CHUNK),
            [1, 2, 3],
            None,
        ),
        (
            changed(SECOND + 52, b"\1\2\3\4"),
            [1, 2, 3],
            "3 events were read, but not all is well: chunk 2 does not match its checksum",
        ),
        (
            LOG + b"x" * CHUNK * 7,
            [1, 2, 3],
            "3 events were read, but not all is well: chunk 3 is none: how many events it held is not known; chunk 4",
        ),
    ],
)
def test_what_is_damaged_is_told_and_the_rest_is_read(
    tmp_path: Path, data: bytes, numbers: list[int], said: str | None
) -> None:
    """How many events are lost, in which chunk, and why, as far as that is known."""
    read_numbers, warned = read(tmp_path, data)
    assert (numbers, 0 if said is None else 1) == (read_numbers, len(warned))
    assert all(each.startswith(said or "") for each in warned)


def test_many_damages_are_counted_and_some_are_named(tmp_path: Path) -> None:
    """A log that is full of holes does not fill the screen."""
    _, (said,) = read(tmp_path, LOG + b"x" * CHUNK * 7)
    assert said.endswith("; and 2 more")
    assert 5 == said.count("is none")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (LOG[:100], "no event can be read: its header is cut off"),
        (LOG[: HEADER + 100], "no event can be read: chunk 1"),
        (changed(HEADER, b"\0")[:SECOND], "no event can be read: chunk 1 is none"),
    ],
)
def test_a_log_of_which_nothing_can_be_read_is_an_error(tmp_path: Path, data: bytes, said: str) -> None:
    """Status 1 with the reason."""
    (tmp_path / "log").write_bytes(data)
    done = run("replay", str(tmp_path / "log"))
    assert (1, True) == (done.returncode, f"cannot be read: {said}" in done.stderr.decode()), done.stderr


def test_a_damaged_log_is_played_with_a_warning(tmp_path: Path) -> None:
    """Status 0, one line for the log."""
    (tmp_path / "log").write_bytes(changed(SECOND, b"\0"))
    done = run("replay", str(tmp_path / "log"))
    first, tally = done.stderr.decode().splitlines()
    assert (0, True) == (done.returncode, ": warning: 2 events were read" in first)
    assert tally.startswith("2 records read, ")


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said; a log without events is empty."""
    monkeypatch.setitem(sys.modules, "evtx", None)
    with pytest.raises(FileUnreadable, match=r"needs the extra evtx: pip install 'stream_app\[evtx\]'"):
        read(tmp_path, LOG)
    monkeypatch.undo()
    assert ([], []) == read(tmp_path, evtx())


def test_a_folder_is_all_files_in_it(tmp_path: Path) -> None:
    """Those below it too, in the order of names, without hidden ones; a folder without files is an error."""
    for name in ("b.jsonl", "a/z.jsonl", "a/b/c.evtx", ".hidden", ".git/x", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"{}\n")
    found = files_in(["-", str(tmp_path), str(tmp_path / "c")])
    expected = ["a/b/c.evtx", "a/z.jsonl", "b.jsonl", "c", "c"]
    assert ("-", *[str(tmp_path / name) for name in expected]) == found
    done = run("replay", str(tmp_path))
    assert (0, True) == (done.returncode, b"4 records read, " in done.stderr)
    (tmp_path / "empty").mkdir()
    assert b"empty: no file in this folder" in run("replay", str(tmp_path / "empty")).stderr
