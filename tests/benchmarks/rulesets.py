"""Named rule sets → a folder that the product's loader reads: the seed, the converted ones, generated ones.

Decision: every set is written as files and loaded as a worker loads them, so that nothing is measured that a user could
not have. Generated ones have a seed and are the same in every run and on every machine.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.benchmarks.connection_rules import connection_rules
from tests.benchmarks.rulefolders import RuleText, converted, write_folder
from tests.benchmarks.sigma_rules import sigma_rules
from tests.corpus import SEED as RULE
from tests.corpus import seed_rules

SEED = "seed"
_SETS: Mapping[str, Callable[[], Iterable[RuleText]]] = {
    "converted-72": converted,
    "generated-1000": lambda: connection_rules(1000),
    "generated-3000": lambda: connection_rules(3000),
    "sigma-1872": lambda: sigma_rules(1872),
}
RULES = (SEED, *_SETS)
"""The seed's set is the rule that the project starts from, alone. Each change of an incident is said."""
PACED = "seed-paced"
"""The same with paced updates, as they are by default, but a day apart: in a run an incident is said once."""

FROM_OUTSIDE = "converted-72"


def rule_folder(name: str, folder: Path) -> Path:
    """Give the folder of a set, which is written below ``folder`` if need be. Raises DataMissing."""
    if name in {SEED, PACED}:
        own = seed_rules(folder / name)
        if name == PACED:
            file = own / RULE.name / f"{RULE.name}.toml"
            file.write_text(
                "update_interval = 86400\n" + (RULE / file.name).read_text(encoding="utf-8"), encoding="utf-8"
            )
        return own
    own = folder / name
    return own if own.is_dir() else write_folder(own, _SETS[name]())
