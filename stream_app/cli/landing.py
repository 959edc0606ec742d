"""Rules as plain data go in; those that the loader accepts beside what is there already end up in a folder of rules.

Decision: they are written to a hidden folder inside, which the loader passes over, and moved from there one by one when
all is well: at no moment does the folder hold a rule that was not checked. What is there already is never overwritten
unless that is asked for.
"""

import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from stream_app.exchange.imported import Imported, Origin, Reason, Refused, attributes_named, groups_named
from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.rulebook.declared import ATTRIBUTES, is_name, with_declared
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.mapping import INCIDENT_FIELDS
from stream_app.rulebook.rulefile import Defaults
from stream_app.rulebook.ruleset import GROUPS, TABLES
from stream_app.rulebook.write import NotWritable, slug_of, write_rule
from stream_app.sysmon.attributes import VOCABULARY

_EXCERPT = 40
_HINTS = {
    "can be read in two ways": "say which with --bare-mix and, or --bare-mix or",
    "unknown group": "tell of it with --groups",
    "unknown attribute": "if your events have it, declare it with --declare, or in OUT/attributes.toml",
}


class Landed(Struct):
    """What became of rules that were to be put into a folder."""

    imported: list[tuple[Imported, Path]] = []
    """Each with its file; those that were there already, to the byte, among them."""
    refused: list[Refused] = []
    rejected: list[tuple[Imported, Refused]] = []
    """Those that were refused when they had been read."""
    declared: frozenset[str] = frozenset()
    """Attributes that were declared for those that were imported."""

    def refuse(self, found: Imported, reasons: Iterable[str]) -> None:
        """Refuse a rule that was read."""
        refused = Refused(found.origin, tuple(Reason(found.origin.line, why) for why in reasons))
        self.refused.append(refused)
        self.rejected.append((found, refused))


class Folder(Struct):
    """A folder of rules, with what is in it: the ids of its rules, each with its file."""

    path: Path
    files: dict[str, Path]

    @classmethod
    def of(cls, path: Path, defaults: Defaults) -> "Folder":
        """Look at a folder, which need not be there. Raises LanguageError if its rules do not load."""
        found = sorted(each for each in path.glob("[!.]*/*.toml") if each.stem == each.parent.name)
        found = [each for each in found if each.parent.name not in {GROUPS, TABLES}]
        if found:
            load_rulebook(path, defaults)
        return cls(path, {tomllib.loads(each.read_text(encoding="utf-8"))["id"]: each for each in found})

    def lists_filled(self) -> frozenset[str]:
        """Name the watch lists that its rules fill."""
        tables = [tomllib.loads(each.read_text(encoding="utf-8")).get("watch_list", []) for each in self.files.values()]
        return frozenset(table["name"] for each in tables for table in each)


def land(  # noqa: PLR0913 - what is offered, and how it is to be taken
    found: Sequence[Imported],
    folder: Folder,
    groups: Mapping[str, Path],
    defaults: Defaults,
    *,
    overwrite: bool,
    declare: bool = False,
) -> Landed:
    """Put rules into a folder. Raises LanguageError: a group that was offered is wrong.

    ``declare``: attributes that nobody knows are declared there too, rather than their rules refused.
    """
    landed = Landed()
    placed = _placed(found, folder, landed, overwrite=overwrite)
    if not placed:
        return landed
    folder.path.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".import-", dir=folder.path))
    try:
        _copy(folder.path, stage)
        (stage / GROUPS).mkdir(exist_ok=True)
        for name, path in groups.items():
            shutil.copyfile(path, stage / GROUPS / f"{name}.toml")
        for slug, (_, text) in placed.items():
            (stage / slug).mkdir(exist_ok=True)
            _write(stage / slug / f"{slug}.toml", text)
        declared = folder.path / ATTRIBUTES
        said = declared.read_text(encoding="utf-8") if declared.exists() else ""
        wanted = _undeclared(placed, said) if declare else {}
        _write(stage / ATTRIBUTES, with_declared(said, {name for names in wanted.values() for name in names}))
        _settle(folder.path, stage, placed, groups, defaults, landed)
        landed.declared = frozenset(name for slug in placed for name in wanted.get(slug, ()))
        if landed.declared:  # before the rules that name them
            _write(stage / ATTRIBUTES, with_declared(said, landed.declared))
            (stage / ATTRIBUTES).replace(declared)
        for slug, (each, _) in placed.items():
            target = folder.path / slug / f"{slug}.toml"
            target.parent.mkdir(exist_ok=True)
            (stage / slug / f"{slug}.toml").replace(target)
            landed.imported.append((each, target))
            for name in sorted(groups_named(each.rule) & set(groups)):
                (folder.path / GROUPS).mkdir(exist_ok=True)
                shutil.copyfile(groups[name], folder.path / GROUPS / f"{name}.toml")
    finally:
        shutil.rmtree(stage)
    return landed


def keep(rejected: Iterable[tuple[Imported, Refused]], folder: Path) -> None:
    """Write rules that were refused, each with the reasons at its head, for somebody to mend them."""
    taken: set[str] = set()
    for found, refused in rejected:
        comments = (*found.rule.comments, *(f"Refused: {reason.why}" for reason in refused.reasons))
        try:
            text = write_rule(replace(found.rule, comments=comments))
        except NotWritable:
            continue
        slug = _free(found, taken)
        taken.add(slug)
        (folder / slug).mkdir(parents=True, exist_ok=True)
        _write(folder / slug / f"{slug}.toml", text)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _undeclared(placed: Mapping[str, tuple[Imported, str]], said: str) -> dict[str, frozenset[str]]:
    """Give, by rule, the attributes that neither FortiSIEM has nor ``said``, the file that declares some, declares."""
    known = VOCABULARY.keys() | INCIDENT_FIELDS | tomllib.loads(said).keys()
    return {slug: frozenset(filter(is_name, attributes_named(each.rule) - known)) for slug, (each, _) in placed.items()}


def _placed(
    found: Iterable[Imported], folder: Folder, landed: Landed, *, overwrite: bool
) -> dict[str, tuple[Imported, str]]:
    """Give each rule a folder's name and its file's text; what is there already, or cannot be written, is settled."""
    placed: dict[str, tuple[Imported, str]] = {}
    first: dict[str, Origin] = {}
    taken = {path.parent.name for path in folder.files.values()}
    for each in found:
        if each.rule.id in first:
            landed.refuse(each, [f"id {each.rule.id!r} is already that of {first[each.rule.id]}"])
            continue
        first[each.rule.id] = each.origin
        try:
            text = write_rule(each.rule)
        except NotWritable as error:
            landed.refuse(each, [str(error)])
            continue
        there = folder.files.get(each.rule.id)
        if there is None:
            slug = _free(each, taken)
            taken.add(slug)
            placed[slug] = (each, text)
        elif there.read_bytes() == text.encode():
            landed.imported.append((each, there))
        elif overwrite:
            placed[there.parent.name] = (each, text)
        else:
            landed.refuse(each, [f"{there.as_posix()} has this id and says otherwise: overwrite it with --replace"])
    return placed


def _free(found: Imported, taken: set[str]) -> str:
    """Give the name of a rule's folder: its title's, with its id where another rule has that title."""
    slug = slug_of(found.rule.name, found.rule.id)
    number = 1
    while slug in taken:
        number += 1
        ending = slug_of(found.rule.id) if number == 2 else str(number)  # noqa: PLR2004 - the second of a name
        slug = f"{slug_of(found.rule.name, found.rule.id)}-{ending}"
    return slug


def _copy(folder: Path, stage: Path, slug: str = "[!.]*") -> None:
    """Copy what the loader reads of a folder, or of one of the folders in it."""
    for path in folder.glob(f"{slug}/*"):
        if path.suffix in {".toml", ".csv"} and path.is_file():
            (stage / path.parent.name).mkdir(exist_ok=True)
            shutil.copyfile(path, stage / path.parent.name / path.name)


def _settle(  # noqa: PLR0913, PLR0917 - one after the other, as land has them
    folder: Path,
    stage: Path,
    placed: dict[str, tuple[Imported, str]],
    groups: Mapping[str, Path],
    defaults: Defaults,
    landed: Landed,
) -> None:
    """Load until nothing is refused; each round takes away what was, since others may have leant on it."""
    while placed:
        try:
            load_rulebook(stage, defaults)
        except LanguageError as error:
            problems = error.diagnostics
        else:
            return
        reasons = _by_rule(stage, placed, groups, problems)
        for slug, said in reasons.items():
            landed.refuse(placed.pop(slug)[0], said)
            shutil.rmtree(stage / slug)
            _copy(folder, stage, slug)  # what it would have replaced


def _by_rule(
    stage: Path,
    placed: Mapping[str, tuple[Imported, str]],
    groups: Mapping[str, Path],
    problems: Iterable[Diagnostic],
) -> dict[str, list[str]]:
    """Sort what is wrong by the new rules. What shows at an old rule is laid on the new ones it names, or on all."""
    reasons: dict[str, dict[str, str]] = {}
    others: list[Diagnostic] = []
    for each in problems:
        slug = Path(each.path).parent.name
        if slug in placed:
            reasons.setdefault(slug, {}).setdefault(each.message, _why(each))  # what is said twice is said once
        elif slug == GROUPS and Path(each.path).stem in groups:
            others.append(replace(each, path=groups[Path(each.path).stem].as_posix()))
        else:
            others.append(replace(each, path=Path(each.path).relative_to(stage).as_posix()))
    if any(Path(each.path) in groups.values() for each in others):
        raise LanguageError(others)
    if reasons:
        return {slug: list(said.values()) for slug, said in reasons.items()}
    said = [f"{each.path}:{each.line}: {each.message}" for each in others]
    named = [slug for slug, (rule, _) in placed.items() if any(rule.rule.id in each for each in said)]
    return dict.fromkeys(named or placed, said)


def _why(problem: Diagnostic) -> str:
    """Say what the loader says, with what stands there: the file that it names is not kept."""
    excerpt = problem.source_line[problem.column - 1 :][:_EXCERPT].removesuffix("'''").strip()
    said = f"{problem.message} (at {excerpt})" if excerpt else problem.message
    return "; ".join([said, *(hint for mark, hint in _HINTS.items() if mark in problem.message)])
