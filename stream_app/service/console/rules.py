"""The rules that the page names: the folder in, a line for each rule out; read again when a file of it changed.

Decision: a folder that cannot be read later on leaves the rules as they were, and the page says so.
"""

from pathlib import Path

from msgspec import Struct

from stream_app.language.diagnostics import LanguageError
from stream_app.service import parts
from stream_app.service.settings import Settings


class Named(Struct, frozen=True):
    """A rule, as far as the page names it."""

    rule: str
    name: str
    severity: int
    enabled: bool


class RulesShown:
    """The rules of a folder. Raises LanguageError when it is made, where they cannot be read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state = _state(Path(settings.rules))
        self.trouble = ""
        """Why the folder could not be read again."""
        self.named = self._load()

    def changed(self) -> bool:
        """Read the folder again if something of it changed; tells whether it did."""
        state = _state(Path(self._settings.rules))
        if state == self._state:
            return False
        self._state = state
        try:
            self.named, self.trouble = self._load(), ""
        except LanguageError as error:
            self.trouble = str(error)
        return True

    def _load(self) -> tuple[Named, ...]:
        rules = parts.rulebook(self._settings).rules.values()
        return tuple(Named(each.id, each.name, each.severity, each.enabled) for each in rules)


def _state(folder: Path) -> frozenset[tuple[str, int]]:
    """Give the files of the folder with their times."""
    found = set()
    for path in folder.glob("*/*.toml"):
        try:
            found.add((str(path), path.stat().st_mtime_ns))
        except OSError:  # removed meanwhile
            continue
    return frozenset(found)
