"""What a person sees: incidents on standard output as they come, progress and talk on standard error.

Decision: what an attacker may have named (processes, hosts, command lines) is shown with every character that does not
print spelt out, so that no record can colour, move or turn round an analyst's terminal. JSON goes out as it came, byte
for byte, but on a terminal.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from stream_app.engine.rejection import Rejection
from stream_app.handoff.native import FIELDS

_STYLES = {"create": "bold red", "update": "yellow", "clear": "green"}
_MARGIN = " " * 8


class Screen:
    """Standard output and standard error of a command, coloured where they are terminals."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.out = Console(soft_wrap=True, markup=False, highlight=False, emoji=False)
        self.err = Console(stderr=True, soft_wrap=True, markup=False, highlight=False, emoji=False)
        self._talk: Console | None = None
        """Where to talk while a bar is drawn: through another console the bar would be torn."""

    def incident(self, data: bytes) -> None:
        """Show an incident, given as the JSON of the incidents topic."""
        self.result(data, lambda: incident_text(msgspec.json.decode(data)))

    def rejection(self, data: bytes, rejection: Rejection) -> None:
        """Show a rejection, given as the JSON of the rejected topic and as what was read from it."""
        self.result(data, lambda: rejection_text(rejection))

    def result(self, data: bytes, text: Callable[[], Text]) -> None:
        """Show a result, given as JSON and as what lays it out for reading."""
        if not self.json:
            self.out.print(text())
        elif self.out.is_terminal:
            self.out.print(printable(data.decode()))
        else:
            sys.stdout.buffer.write(data + b"\n")
        sys.stdout.flush()

    def say(self, text: str, style: str = "") -> None:
        """Say something that is no result."""
        (self._talk or self.err).print(printable(text), style=style or None)

    @contextmanager
    def progress(self, what: str, total: int | None, noun: str = "records") -> Iterator["Bar"]:
        """Show a bar while the block runs, if a person looks: ``total`` bytes, or only a count where it is None."""
        console = self.out if self.out.is_terminal else self.err
        bar = BarColumn() if total else SpinnerColumn()
        columns = (TextColumn("{task.description}"), bar, _Counted(noun), TimeElapsedColumn())
        quiet = not self.err.is_terminal
        self._talk = None if quiet else console
        try:
            with Progress(*columns, console=console, disable=quiet, transient=True, redirect_stdout=False) as progress:
                yield Bar(progress, what, total)
        finally:
            self._talk = None


class _Counted(ProgressColumn):
    """Records, or whatever is counted, so far, and how many a second."""

    def __init__(self, noun: str) -> None:
        super().__init__()
        self.noun = noun

    def render(self, task: Task) -> Text:
        records = int(task.fields["records"])
        rate = f", {records / task.elapsed:,.0f}/s" if task.elapsed else ""
        return Text(f"{records:,} {self.noun}{rate}")


class Bar:
    """A bar that is moved by records and by bytes."""

    def __init__(self, progress: Progress, what: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=total, records=0)
        self.records = 0

    def advance(self, done: int | None = None, records: int = 1) -> None:
        """Count records; ``done`` is how many bytes are done in all, where that is known."""
        self.records += records
        if not self._progress.disable:
            self._progress.update(self._task, completed=done, records=self.records)


def printable(text: str) -> str:
    """Spell out what does not print, such as escape sequences and marks that turn the direction of writing."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def one_line(value: object) -> str:
    """Give a value as it may stand in a line."""
    return printable(str(value).replace("\n", "\\n"))


def incident_text(fields: dict[str, Any]) -> Text:
    """Lay out an incident's fields for reading."""
    activity = str(fields["activity"])
    text = Text()
    text.append(f"{activity:<8}", _STYLES.get(activity, ""))
    text.append(one_line(fields["incidentTitle"]), "bold")
    text.append(f"  severity {fields['eventSeverity']} {fields['eventSeverityCat']}")
    text.append(f"  count {fields['count']}\n", "bold")
    seen = f"{moment(fields['incidentFirstSeen'])} to {moment(fields['incidentLastSeen'])}"
    text.append(
        f"{_MARGIN}{seen}  {one_line(' '.join([*fields['attackTactic'], *fields['attackTechnique']]))}\n", "dim"
    )
    own = {name: value for name, value in fields.items() if name not in FIELDS}
    merged, cleared = own.pop("mergedInto", ""), own.pop("incidentClearedTime", None)
    width = max(map(len, own), default=0)
    for name, value in own.items():
        text.append(f"{_MARGIN}{one_line(name):<{width}}  ", "cyan").append(f"{one_line(value)}\n")
    text.append(f"{_MARGIN}records {one_line(', '.join(fields['triggeringEventList']))}\n", "dim")
    text.append(f"{_MARGIN}incident {one_line(fields['incidentId'])}  revision {fields['revision']}", "dim")
    if merged:
        text.append(f"  now part of {one_line(merged)}", "dim")
    return text.append("\n" if cleared is None else f"  over since {moment(cleared)}\n", "dim")


def rejection_text(rejection: Rejection) -> Text:
    """Lay out a rejection in a line: when, where its record lies, why, and for which rule if it is one's."""
    text = Text(f"{moment(rejection.timestamp)}  ", "dim")
    text.append(f"{one_line(rejection.topic)}/{rejection.partition}@{rejection.offset}  ")
    text.append(one_line(rejection.reason), "red")
    rule = f" for {one_line(rejection.rule)}" if rejection.rule else ""
    return text.append(f"{rule}: {one_line(rejection.detail)}")


def moment(milliseconds: int) -> str:
    """Give a time as ISO 8601 in UTC, or as it is where no calendar has it."""
    try:
        time = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
    return time.strftime("%Y-%m-%d %H:%M:%S.") + f"{milliseconds % 1000:03}Z"


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: ``1 rule``, ``2 rules``, ``3 matches``."""
    plural = "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}" + ("" if number == 1 else plural)
