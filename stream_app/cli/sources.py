"""Files and folders that a person names go in; the rules in them come out as importers read them, or why not.

What a file is, is told by its name's ending where it has one of ours, else by how it begins. Of a folder, files with
other endings are passed over, and so are texts that hold no rule page: a folder may hold a README.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from stream_app.rulebook.fortisiem_page import import_page, is_page
from stream_app.rulebook.fortisiem_xml import import_xml
from stream_app.rulebook.imported import Choices, Imported, Origin, Reason, Refused
from stream_app.rulebook.page_lines import is_html

XML, PAGE = "xml", "page"
LARGEST = 64 << 20
"""Bytes of a file of rules, beyond which it is none."""

_KINDS = {".xml": XML, ".htm": PAGE, ".html": PAGE, ".txt": PAGE}


def files(named: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Give every file that may hold rules, each folder's in the order of names; and those that are passed over."""
    found: dict[Path, None] = {}
    others: list[Path] = []
    for path in named:
        if not path.is_dir():
            found[path] = None
            continue
        for each in sorted(path.rglob("*")):
            if each.is_file() and not any(part.startswith(".") for part in each.relative_to(path).parts):
                if _may_hold_rules(each):
                    found[each] = None
                else:
                    others.append(each)
    return list(found), others


def rules_of(path: Path, choices: dict[str, Choices]) -> tuple[Imported | Refused, ...]:
    """Read a file; ``choices`` are those for each kind."""
    shown = path.as_posix()
    try:
        data = _bytes(path)
    except OSError as error:
        return (_refused(shown, f"cannot be read: {error.strerror}"),)
    if len(data) > LARGEST:
        return (_refused(shown, f"larger than {LARGEST >> 20} MiB: split it"),)
    if _kind(path, data) == XML:
        return import_xml(shown, data, choices[XML])
    return (import_page(shown, data, choices[PAGE]),)


def imported(found: Iterable[Imported | Refused]) -> Iterator[Imported]:
    """Give the rules among what was read."""
    return (each for each in found if isinstance(each, Imported))


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _may_hold_rules(path: Path) -> bool:
    kind = _KINDS.get(path.suffix.lower())
    if kind != PAGE:
        return kind == XML
    try:
        return is_page(_bytes(path).decode("utf-8", "replace"))
    except OSError:
        return True  # which is said when it is read


def _kind(path: Path, data: bytes) -> str:
    kind = _KINDS.get(path.suffix.lower())
    if kind is not None:
        return kind
    begin = data[:4096].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    return XML if begin.startswith("<") and not is_html(begin) else PAGE


def _refused(path: str, why: str) -> Refused:
    return Refused(Origin(path, "", 1), (Reason(1, why),))
