"""Files and folders that a person names go in; the rules in them come out as importers read them, or why not.

What a file is, is told by its name's ending where it has one of ours, else by how it begins. Of a folder, files with
other endings are passed over, and so are texts that hold no rule page, and YAML that is no rule of Sigma's: a folder
may hold a README.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stream_app.cli.failure import Failure
from stream_app.exchange.fortisiem_page import import_page, is_page
from stream_app.exchange.fortisiem_xml import import_xml
from stream_app.exchange.imported import Choices, Imported, Origin, Reason, Refused
from stream_app.exchange.page_lines import is_html
from stream_app.exchange.sigma_texts import has_detection, may_be_sigma

XML, PAGE, SIGMA = "xml", "page", "sigma"
LARGEST = 64 << 20
"""Bytes of a file of rules, beyond which it is none."""

_KINDS = {".xml": XML, ".htm": PAGE, ".html": PAGE, ".txt": PAGE, ".yml": SIGMA, ".yaml": SIGMA}


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


def is_sigma(path: Path) -> bool:
    """Tell a file of Sigma's by its ending, or, where that says nothing, by what is in it."""
    kind = _KINDS.get(path.suffix.lower())
    if kind is not None:
        return kind == SIGMA
    try:
        return has_detection(_bytes(path).decode("utf-8", "replace"))
    except OSError:
        return False  # which is said when it is read


def sigma_rules_of(
    paths: Iterable[Path], placeholders: Mapping[str, Sequence[str]], done: Callable[[], object]
) -> Iterator[Imported | Refused]:
    """Read Sigma's files all together, for they are about one another; ``done`` is called behind each.

    Raises Failure: what reads them is not installed.
    """
    try:
        sigma = importlib.import_module("stream_app.exchange.sigma")
    except ModuleNotFoundError as error:
        advice = "pip install 'stream_app[sigma]'"
        raise Failure(f"Sigma's rules are read by pySigma, which is not installed ({error.name}): {advice}") from error
    texts: list[tuple[str, str]] = []
    for path in paths:
        try:
            texts.append((path.as_posix(), _text(path)))
        except (OSError, ValueError) as error:
            yield _refused(path.as_posix(), f"cannot be read: {error}")
    yield from sigma.import_sigma(texts, _include, placeholders, done)


def _include(path: str, name: str) -> tuple[str, str]:
    """Read what a file of Sigma's includes: a file beside it. Raises OSError and ValueError."""
    other = Path(path).parent / name
    return other.as_posix(), _text(other)


def _text(path: Path) -> str:
    data = _bytes(path)
    if len(data) > LARGEST:
        raise ValueError(f"larger than {LARGEST >> 20} MiB: split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is no UTF-8: save it as UTF-8") from error


def imported(found: Iterable[Imported | Refused]) -> Iterator[Imported]:
    """Give the rules among what was read."""
    return (each for each in found if isinstance(each, Imported))


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _may_hold_rules(path: Path) -> bool:
    kind = _KINDS.get(path.suffix.lower())
    if kind not in {PAGE, SIGMA}:
        return kind == XML
    try:
        text = _bytes(path).decode("utf-8", "replace")
        return is_page(text) if kind == PAGE else may_be_sigma(text)
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
