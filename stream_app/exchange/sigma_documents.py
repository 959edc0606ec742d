"""The text of a Sigma file goes in; its rules, correlations and filters as pySigma reads them come out.

Decision: pySigma reads everything, but for what it does not read: the older aggregations are put aside, utf16le has the
meaning of wide, and ``action: include`` takes in the documents of another file. A document that is broken takes no
other with it, unless the file is a collection, whose documents belong together.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, cast

import yaml
from msgspec import Struct
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.modifiers import SigmaWideModifier, modifier_mapping
from sigma.policy.profiles import TrustedPolicy
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader

from stream_app.exchange.imported import Origin, Reason, Refused
from stream_app.exchange.sigma_aggregation import KEPT, put_aside
from stream_app.exchange.sigma_terms import SigmaRefused

Include = Callable[[str, str], tuple[str, str]]
"""The path of a file and the name of another in it -> that one's path and text; raises OSError."""

modifier_mapping.setdefault("utf16le", SigmaWideModifier)

_DEEPEST = 8
"""How deep files may include one another."""


_UNREAD = re.compile(r"^Expected .*, found (?P<found>.*?)\s+\(at char .*col:(?P<column>[0-9]+)\)", re.DOTALL)
"""How pyparsing says that it cannot read a condition; what it expected is its whole grammar."""
_QUOTED = re.compile(r"'([^']+)'")


class Parsed(Struct, frozen=True):
    """What pySigma made of a document, and where that stands."""

    rule: SigmaRule | SigmaCorrelationRule | SigmaFilter
    path: str
    text: str
    line: int

    @property
    def origin(self) -> Origin:
        """Say where the rule stands."""
        return Origin(self.path, str(self.rule.id or self.rule.name or self.rule.title), self.line)

    def reason(self, error: SigmaError | SigmaRefused) -> Reason:
        """Say why the rule is refused, at the first of its lines that holds what the error speaks of."""
        message = f"{error}"
        unread = _UNREAD.search(message)
        if unread is not None:
            message = f"condition cannot be read at character {unread['column']}: found {unread['found']}"
        near = error.near if isinstance(error, SigmaRefused) else "condition:" if unread else _quoted_in(message)
        lines = enumerate(self.text.split("\n")[self.line - 1 :], self.line)
        return Reason(next((number for number, line in lines if near and near in line), self.line), message)


def _quoted_in(message: str) -> str:
    found = _QUOTED.search(message)
    return "" if found is None else found[1]


def read_documents(path: str, text: str, include: Include) -> Iterator[Parsed | Refused]:
    """Read all of a file."""
    try:
        documents = list(_documents(path, text, include, 0))
    except _Unread as error:
        yield Refused(Origin(error.path, "", error.line), (Reason(error.line, f"{error}"),))
        return
    if not documents:
        yield Refused(Origin(path, "", 1), (Reason(1, "there is no rule in it"),))
    if any("action" in document for document in documents):
        yield from _read(path, text, documents)
    else:
        for document in documents:
            yield from _read(path, text, [document])


class _Unread(Exception):
    """A file that is no YAML, or no Sigma."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.line = line


def _documents(path: str, text: str, include: Include, depth: int) -> Iterator[dict[str, Any]]:
    """Give the documents of a file, with those that it includes. Raises _Unread."""
    for line, document in _loaded(path, text):
        if document is None:
            continue
        if not isinstance(document, dict):
            raise _Unread(path, line, "a rule is a mapping, this is none")
        if document.get("action") == "include":
            if depth == _DEEPEST:
                raise _Unread(path, line, f"files include one another more than {_DEEPEST} deep")
            name = str(document.get("filename", ""))
            try:
                other, included = include(path, name)
            except (OSError, ValueError) as error:
                raise _Unread(path, line, f"cannot include {name!r}: {error}") from error
            yield from _documents(other, included, include, depth + 1)
            continue
        put_aside(document)
        if document.get("action") != "global":
            document[KEPT] = {**document.get(KEPT, {}), "line": line}
        yield document


def _loaded(path: str, text: str) -> Iterator[tuple[int, Any]]:
    """Read YAML: each document with its line. Raises _Unread."""
    loader = SigmaYAMLLoader(text)
    try:
        while loader.check_node():
            node = cast("yaml.Node", loader.get_node())
            yield node.start_mark.line + 1, loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _Unread(path, line, f"not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise _Unread(path, 1, f"not YAML: {error}".partition("\n")[0]) from error
    finally:
        loader.dispose()


def _read(path: str, text: str, documents: list[dict[str, Any]]) -> Iterator[Parsed | Refused]:
    """Let pySigma read documents that belong together."""
    kept = [document.get(KEPT, {}).get("line", 1) for document in documents]
    first = min(kept, default=1)
    name = next((str(document.get("id") or document.get("title") or "") for document in documents), "")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of patterns, which our own loader refuses
            read = SigmaCollection.from_dicts(
                documents, collect_errors=True, collect_filters=True, resolve_references=False, policy=TrustedPolicy
            )
    except SigmaError as error:
        yield Refused(Origin(path, name, first), (Reason(first, f"{error}"),))
        return
    except Exception as error:  # noqa: BLE001 - whatever a broken document makes of the library, it is that one's fault
        said = f"no Sigma rule can look like this ({type(error).__name__}: {error})"
        yield Refused(Origin(path, name, first), (Reason(first, said),))
        return
    of_rules: set[int] = set()
    for rule in [*read.rules, *read.filters]:
        parsed = Parsed(rule, path, text, rule.custom_attributes.get(KEPT, {}).get("line", first))
        of_rules.update(map(id, rule.errors))
        if rule.errors:
            yield Refused(parsed.origin, tuple(map(parsed.reason, rule.errors)))
        else:
            yield parsed
    rest = tuple(Reason(first, f"{error}") for error in read.errors if id(error) not in of_rules)
    if rest:
        yield Refused(Origin(path, name, first), rest)
