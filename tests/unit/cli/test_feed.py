"""Where a file's records go and when they were: replay and produce must agree."""

import json
from pathlib import Path

from stream_app.cli.feed import addressed


def record(time: str | None, host: str | None = "H1") -> str:
    """Give a flat Sysmon record in a line."""
    fields = {"EventID": 3, "Channel": "Microsoft-Windows-Sysmon/Operational", "Image": "a.exe"}
    return json.dumps(fields | ({"@timestamp": time} if time else {}) | ({"Hostname": host} if host else {}))


def addresses(folder: Path, *files: list[str]) -> list[tuple[bytes, int]]:
    """Give (key, timestamp) of the records of these files."""
    paths = []
    for number, lines in enumerate(files):
        paths.append(str(folder / str(number)))
        Path(paths[-1]).write_text("\n".join(lines))
    return [(each.key, each.timestamp) for each in addressed(paths, print)]


def test_the_key_is_the_host_and_the_time_is_when_it_was_recorded(tmp_path: Path) -> None:
    """A host's records share a key, and have the time that they say."""
    given = [record("2026-03-02T09:00:00.250Z"), record("2026-03-02T09:00:01Z", "H2")]
    assert [(b"H1", 1_772_442_000_250), (b"H2", 1_772_442_001_000)] == addresses(tmp_path, given)


def test_a_record_without_a_time_takes_that_of_the_one_before_it(tmp_path: Path) -> None:
    """Only within its file: the next file begins anew, at the earliest time that Kafka's clients take for a time."""
    first = [record(None), record("1970-01-01T00:00:05Z"), record(None, None), "not a record"]
    assert [(b"H1", 1), (b"H1", 5_000), (b"", 5_000), (b"", 5_000), (b"H1", 1)] == addresses(
        tmp_path, first, [record(None)]
    )


def test_a_time_before_1970_is_no_time_for_kafka(tmp_path: Path) -> None:
    """It becomes the earliest."""
    assert [(b"H1", 1)] == addresses(tmp_path, [record("1960-01-01T00:00:00Z")])
