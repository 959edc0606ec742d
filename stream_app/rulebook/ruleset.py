"""A folder of rules as one value: the bytes of what a worker reads of it, and the name that follows from them.

Decision: a worker reads a folder once, into this, and loads from this, so that what it runs is what its name says,
whatever happens to the folder meanwhile. Two folders that a worker cannot tell apart have one name: cases and what is
accepted are no part of a set, and neither is where the folder lies.
"""

import hashlib
from collections.abc import Iterator, Mapping
from errno import ENOENT, ENOTDIR
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Self

from msgspec import Struct

from stream_app.rulebook.accepted import ACCEPTED
from stream_app.rulebook.cases import CASES

GROUPS = "groups"
TABLES = "tables"

_LEFT_OUT = frozenset({CASES, ACCEPTED})
_DIGITS = 16


class RuleSet(Struct, frozen=True, dict=True):
    """``files`` is the content by path within the folder; a folder without any is there too, with None."""

    files: Mapping[str, bytes | None]

    @cached_property
    def id(self) -> str:
        """The set's name: 16 hexadecimal digits of what its files hold."""
        whole = hashlib.sha256()
        for path, data in sorted(self.files.items()):
            whole.update(f"{path}\0{digest(data) if data is not None else '/'}\n".encode())
        return whole.hexdigest()[:_DIGITS]

    def folder(self, shown: str) -> "KeptPath":
        """Give it as a folder to load from; ``shown`` is how diagnostics name that."""
        root = PurePosixPath(shown)
        files = {root / path: data for path, data in self.files.items()}
        folders: dict[PurePosixPath, None] = dict.fromkeys(path.parent for path in files)
        tree = _Tree({root: None, **folders, **files}, {})
        for path in tree.files:
            tree.within.setdefault(path.parent, []).append(path)
        return KeptPath(root, tree)


def digest(data: bytes) -> str:
    """Give the SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_set(folder: Path) -> RuleSet:
    """Read a folder. Raises OSError where that is not there, or something in it cannot be read."""
    files: dict[str, bytes | None] = {}
    for path in paths_of(folder):
        files[path.relative_to(folder).as_posix()] = None if path.is_dir() else path.read_bytes()
    full = {PurePosixPath(path).parent.as_posix() for path in files}
    return RuleSet({path: data for path, data in files.items() if path not in full})


def paths_of(folder: Path) -> Iterator[Path]:
    """Give what of a folder is part of a set, folders in it before what they hold. Raises OSError."""
    for path in _listed(folder):
        if path.is_dir():
            yield path
            suffix = ".csv" if path.name == TABLES else ".toml"
            yield from (each for each in _listed(path) if each.suffix == suffix and each.name not in _LEFT_OUT)
        elif path.suffix == ".toml" or path.name in {GROUPS, TABLES}:
            yield path  # not in its place: the loader says so


def _listed(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]


class _Tree(Struct, frozen=True):
    files: dict[PurePosixPath, bytes | None]
    within: dict[PurePosixPath, list[PurePosixPath]]


class KeptPath:
    """A path in a set, with what the loader asks of a ``pathlib.Path``."""

    def __init__(self, path: PurePosixPath, tree: _Tree) -> None:
        self._path = path
        self._tree = tree
        self.name, self.suffix, self.stem = path.name, path.suffix, path.stem

    def __truediv__(self, name: str) -> Self:
        return type(self)(self._path / name, self._tree)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeptPath) and self._path == other._path

    def __hash__(self) -> int:
        return hash(self._path)

    def as_posix(self) -> str:
        """Give the text of the path."""
        return self._path.as_posix()

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        return self._path in self._tree.files

    def is_dir(self) -> bool:
        """Whether there is such a folder."""
        return self.exists() and self._tree.files[self._path] is None

    def iterdir(self) -> Iterator[Self]:
        """Give what a folder holds. Raises OSError."""
        if not self.is_dir():
            raise OSError(ENOTDIR, "Not a directory")
        return iter(
            [type(self)(path, self._tree) for path in self._tree.within.get(self._path, ()) if path != self._path]
        )

    def read_bytes(self) -> bytes:
        """Give what a file holds. Raises OSError."""
        data = self._tree.files.get(self._path)
        if data is None:
            raise OSError(ENOENT, "No such file or directory")
        return data
