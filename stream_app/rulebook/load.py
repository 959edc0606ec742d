"""A folder of rules in, a rulebook out, or every error of every file.

The folder: ``<slug>/<slug>.toml`` is a rule, ``<slug>/cases.toml`` its cases, ``<slug>/accepted.toml`` what of it is
accepted though it looks wrong; ``groups/<name>.toml`` is what ``Group@<name>`` means (``members = [...]``),
``tables/<name>.csv`` a lookup table; ``attributes.toml`` the attributes that this site's events have beside
FortiSIEM's. Names that begin with a dot are left alone: Kubernetes mounts such things beside
the files.

Decision: a file that looks like a rule and would not be read (another name than its folder's, or outside a folder) is
an error, as is a folder without any rule: a rule that somebody wrote never stays out unnoticed. Cases and what is
accepted are not read here: a worker needs neither, and a wrong one must not stop it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from stream_app.language.compile import Environment
from stream_app.language.diagnostics import Diagnostic, LanguageError, Place
from stream_app.language.tables import LookupTable, parse_table
from stream_app.language.values import AttributeType
from stream_app.rulebook.accepted import ACCEPTED
from stream_app.rulebook.cases import CASES
from stream_app.rulebook.chaining import chained, reading
from stream_app.rulebook.declared import ATTRIBUTES, read_declared
from stream_app.rulebook.document import Document, parse_document, read_text
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.filling import circles, lists_read, names_filled
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.rulebook.rulefile import Defaults, own_environment, read_rule
from stream_app.rulebook.ruleset import GROUPS, TABLES, KeptPath, RuleSet
from stream_app.rulebook.watchlists import WatchLists
from stream_app.sysmon.attributes import VOCABULARY

P = ParamSpec("P")
T = TypeVar("T")

Folder = Path | KeptPath
"""A folder or a file, on disk or in a set."""


class Loaded(Struct, frozen=True):
    """A folder of rules for who works on them: the rulebook, and what it was read from."""

    rulebook: Rulebook
    documents: Mapping[str, Document]
    """Each rule's file, by the rule's id."""
    environment: Environment
    """What all filters may name."""
    defaults: Defaults

    def environment_of(self, rule_id: str) -> Environment:
        """Give what the filters of a rule are compiled with: how it compares is its own."""
        return own_environment(self.documents[rule_id], self.environment, self.defaults)


def load_rulebook(folder: Folder, defaults: Defaults = Defaults()) -> Rulebook:  # noqa: B008 - frozen: safe to share
    """Load every rule of a folder, also the disabled ones. Times in ``defaults`` are milliseconds.

    Raises LanguageError with every diagnostic of every file: groups and tables first, then rules by path.
    """
    return load_folder(folder, defaults).rulebook


def load_set(rules: RuleSet, shown: str, defaults: Defaults) -> Rulebook:
    """Load a set as :func:`load_rulebook` does; ``shown`` is the folder that diagnostics name."""
    return load_folder(rules.folder(shown), defaults).rulebook


def load_folder(folder: Folder, defaults: Defaults = Defaults()) -> Loaded:  # noqa: B008 - as above
    """Load a folder as :func:`load_rulebook` does, and give what the rules were read from too."""
    problems: list[Diagnostic] = []
    nothing: tuple[str, ...] = ()
    groups = _each(problems, folder / GROUPS, ".toml", _group, nothing)
    tables = _each(problems, folder / TABLES, ".csv", _table, LookupTable(columns=(), rows=()))
    declared = _declared(problems, folder / ATTRIBUTES)
    read = list(_documents(_rule_files(problems, folder)))
    lists = WatchLists(name for document, _ in read if document is not None for name in names_filled(document))
    vocabulary = {**VOCABULARY, **declared} if declared else VOCABULARY
    environment = Environment(vocabulary=vocabulary, groups=groups, tables=tables, watch_lists=lists.named)
    rules: dict[str, Rule] = {}
    documents: dict[str, Document] = {}
    paths: dict[str, str] = {}
    for document, found in read:
        problems += found
        if document is None:
            continue
        rule_id = document.data.get("id")
        if isinstance(rule_id, str) and paths.setdefault(rule_id, document.path) != document.path:
            problems.append(document.at_value(("id",), f"id {rule_id!r} is already that of {paths[rule_id]}"))
        rule = _tried(problems, read_rule, document, environment, defaults)
        if rule is not None:
            uses = rule.watch_lists or lists_read(rule)
            rules[rule.id] = replace(rule, lists=lists) if uses else rule
            documents[rule.id] = document
    problems += circles(rules.values(), reading(rules), documents)
    if not rules and not problems:
        problems.append(_about(folder, "no rule in this folder"))
    rules = chained(rules, documents, problems)
    if problems:
        raise LanguageError(problems)
    return Loaded(Rulebook(rules), documents, environment, defaults)


def _tried(problems: list[Diagnostic], read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Call, and turn a LanguageError into problems and None."""
    try:
        return read(*args, **kwargs)
    except LanguageError as error:
        problems.extend(error.diagnostics)
        return None


def _about(path: Folder, message: str) -> Diagnostic:
    """Make a diagnostic for a file or folder as a whole."""
    return Place.of("", path.as_posix()).diagnose(0, message)


def _listed(folder: Folder) -> tuple[Folder, ...]:
    """List a folder by name, without what begins with a dot. Raises LanguageError."""
    try:
        listed: list[Folder] = [*folder.iterdir()]
        return tuple(path for path in sorted(listed, key=_name) if not path.name.startswith("."))
    except OSError as error:
        raise LanguageError([_about(folder, f"cannot be read: {error.strerror}")]) from error


def _name(path: Folder) -> str:
    return path.name


def _rule_files(problems: list[Diagnostic], folder: Folder) -> Iterator[Folder]:
    """Give the path that each rule folder's rule must have, there or not, and report what would not be read."""
    for path in _tried(problems, _listed, folder) or ():
        if path.is_dir() and path.name not in {GROUPS, TABLES}:
            own = path / f"{path.name}.toml"
            yield own
            problems.extend(
                _about(other, f"not read: the rule of this folder is {own.name}")
                for other in _tried(problems, _listed, path) or ()
                if other.suffix == ".toml" and other not in {own, path / CASES, path / ACCEPTED}
            )
        elif path.suffix == ".toml" and path.name != ATTRIBUTES:
            problems.append(_about(path, f"not read: a rule has its own folder, {path.stem}/{path.name}"))


def _each(
    problems: list[Diagnostic], folder: Folder, suffix: str, read: Callable[[Folder], T], stand_in: T
) -> dict[str, T]:
    """Read each file of a folder that need not be there, by the file's stem.

    A stand-in keeps the name of a bad file known, so that rules that use it are not called wrong as well.
    """
    if not folder.exists():
        return {}
    files = [path for path in _tried(problems, _listed, folder) or () if path.suffix == suffix]
    return {path.stem: _tried(problems, read, path) or stand_in for path in files}


def _declared(problems: list[Diagnostic], path: Folder) -> Mapping[str, AttributeType]:
    """Read the attributes that are declared. A name that is declared wrongly stays known: its rules are not wrong."""
    document = _tried(problems, _document, path) if path.exists() else None
    if document is None:
        return {}
    stand_in = dict.fromkeys(document.data.keys() - VOCABULARY.keys(), AttributeType.STRING)
    return _tried(problems, read_declared, document) or stand_in


def _documents(paths: Iterable[Folder]) -> Iterator[tuple[Document | None, list[Diagnostic]]]:
    """Read each rule's file, all before the first rule: a rule may read a list that one behind it fills."""
    for path in paths:
        problems: list[Diagnostic] = []
        document = _tried(problems, _document, path)
        yield document, problems


def _document(path: Folder) -> Document:
    return parse_document(path.as_posix(), read_text(path))


def _table(path: Folder) -> LookupTable:
    return parse_table(read_text(path), path.as_posix())


def _group(path: Folder) -> tuple[str, ...]:
    """Read ``members = [...]`` (texts, numbers as texts, addresses, CIDRs) and an optional ``description``."""
    problems: list[Diagnostic] = []
    fields = Fields.of(_document(path), problems)
    fields.text("description", "")
    members = tuple(fields.texts("members", required=True))
    fields.close()
    if problems:
        raise LanguageError(problems)
    return members
