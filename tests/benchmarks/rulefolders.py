"""Rules as values → the folder that a worker reads, ``<slug>/<slug>.toml``; and Fortinet's rule XML → such values.

Decision: the smallest reader that a benchmark needs, of the files beside the checkout: one subpattern named Filter,
``COUNT(*) >= 1``, no conditions over several; anything else raises KeyError or is refused by the product's own loader.
They are converted from Sigma (DRL 1.1), are read from where they lie, and are written to a temporary folder only.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from lxml import etree
from msgspec import Struct

from stream_app.language.compile import attributes_read
from stream_app.language.parser import parse
from tests.benchmarks.datasets import SHARED, DataMissing

CONVERTED = SHARED / "fortisiem-rules"
FILES = "converted_*.xml"


class RuleText(Struct, frozen=True, kw_only=True):
    """What differs between the rules of a converted set; the rest of a rule is the same in all of them."""

    id: str
    name: str
    severity: int
    query: str
    group_by: tuple[str, ...]
    subcategory: str = ""
    window: int = 300
    """Seconds."""


def rule_text(rule_id: str, name: str, severity: int, query: str) -> RuleText:
    """Group as Fortinet's converter does: by every attribute that the filter reads but eventType, and by hostName."""
    read = {each for each in attributes_read(parse(query)) if each != "eventType"}
    return RuleText(id=rule_id, name=name, severity=severity, query=query, group_by=tuple(sorted(read | {"hostName"})))


def write_folder(folder: Path, rules: Iterable[RuleText]) -> Path:
    """Write each rule where the loader looks for it; gives the folder, which is made."""
    for rule in rules:
        slug = rule.id.lower().replace("_", "-")
        own = folder / slug
        own.mkdir(parents=True)
        (own / f"{slug}.toml").write_text(_toml(rule), encoding="utf-8")
    return folder


def _toml(rule: RuleText) -> str:
    """Render a rule; JSON's texts are TOML's."""

    def text(value: object) -> str:
        return msgspec.json.encode(value).decode()

    mapping = "\n".join(f'{attribute} = "Filter.{attribute}"' for attribute in rule.group_by)
    return (
        f'id = {text(rule.id)}\nname = {text(rule.name)}\nseverity = {rule.severity}\ncategory = "Security"\n'
        f"subcategory = {text(rule.subcategory)}\nwindow = {rule.window}\n\n[pattern.Filter]\n"
        f"query = '''\n{rule.query}'''\ngroup_by = {text(list(rule.group_by))}\naggregate = \"COUNT(*) >= 1\"\n\n"
        f"[incident]\n{mapping}\n"
    )


def converted() -> Iterator[RuleText]:
    """Give the converted rules that lie beside the checkout. Raises DataMissing."""
    paths = sorted(CONVERTED.glob(FILES))
    if not paths:
        raise DataMissing(f"the converted rules are not there: {CONVERTED.relative_to(SHARED.parents[1])}/{FILES}")
    for path in paths:
        for element in etree.parse(path).iter("Rule"):
            yield _converted(element, path.stem)


def _converted(element: etree._Element, file: str) -> RuleText:
    """Read a rule; each file counts its ids from the start, so that the file's name is a part of them here."""

    def said(path: str) -> str:
        found = element.findtext(path)
        if found is None:
            raise KeyError(path)
        return found

    constraint = said("PatternClause/SubPattern/GroupEvtConstr")
    if constraint != "COUNT(*) >= 1":
        raise KeyError(constraint)
    return RuleText(
        id=f"{element.attrib['id']}_{file}",
        name=said("Name"),
        severity=int(element.find("IncidentDef").attrib["severity"]),
        subcategory=element.get("subFunction", ""),
        window=int(element.find("PatternClause").attrib["window"]),
        query=said("PatternClause/SubPattern/SingleEvtConstr"),
        group_by=tuple(said("PatternClause/SubPattern/GroupByAttr").split(",")),
    )
