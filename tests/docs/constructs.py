"""FortiSIEM's constructs as rule files: ``python -m tests.docs.constructs`` says what becomes of each.

The README's table of constructs has a row for each; what is refused is quoted there as it is said.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.load import load_rulebook

HEAD = 'id = "{id}"\nname = "{id}"\nseverity = 5\ncategory = "Security"\nwindow = 300\n'
TYPE = 'eventType = "Win-Sysmon-1-Create-Process"'


def pattern(name: str = "A", query: str = TYPE, group_by: str = '"hostName"', aggregate: str = "COUNT(*) >= 1") -> str:
    """Give a [pattern] table."""
    return f"[pattern.{name}]\nquery = '{query}'\ngroup_by = [{group_by}]\naggregate = \"{aggregate}\"\n"


HOST = '[incident]\nhostName = "A.hostName"\n'
ONE = pattern() + HOST
THREE = pattern("A") + pattern("B") + pattern("C") + HOST
SAME = 'global = "A.hostName = B.hostName AND B.hostName = C.hostName"\n'

RULES: Mapping[str, tuple[str, ...]] = {
    "an aggregate constraint, with arithmetic, `AND`, `OR`, parentheses": (
        pattern(aggregate="COUNT(*) >= 3 AND (COUNT(DISTINCT procName) > 1 OR AVG(destIpPort) / 2 > 10)") + HOST,
    ),
    "an aggregate as an incident attribute": (ONE + 'totFlows = "COUNT(DISTINCT procName)"\n',),
    "an empty group-by": (pattern(group_by="", aggregate="COUNT(*) >= 5"),),
    "`COUNT(*) <= n` and other upper bounds": (pattern(aggregate="COUNT(*) <= 2") + HOST,),
    "`AND`, `OR`, `FOLLOWED_BY` over patterns, with parentheses": (
        'trigger = "(A AND B) FOLLOWED_BY C"\n' + SAME + THREE,
    ),
    "`NOT_FOLLOWED_BY` and `AND_NOT` at the end of a trigger line": (
        'trigger = "(A AND B) NOT_FOLLOWED_BY C"\n' + SAME + THREE,
    ),
    "a negation inside another operator": ('trigger = "(A AND_NOT B) FOLLOWED_BY C"\n' + SAME + THREE,),
    "`AND` and `OR` mixed without parentheses": ('trigger = "A AND B OR C"\n' + SAME + THREE,),
    "a global constraint of comparisons joined by `AND`": (
        'trigger = "A AND B AND C"\nglobal = "A.hostName = B.hostName AND B.hostName != C.hostName"\n' + THREE,
    ),
    "a global constraint with `OR`": (
        'trigger = "A AND B AND C"\nglobal = "A.hostName = B.hostName OR B.hostName = C.hostName"\n' + THREE,
    ),
    "a global constraint between types": (
        'trigger = "A AND B"\nglobal = "A.hostName = B.destIpPort"\n'
        + pattern()
        + pattern("B", group_by='"destIpPort"')
        + HOST,
    ),
    "a quiet period that clears": ("clear_after = 3600\n" + ONE,),
    "a pattern that clears": (
        ONE + "[clear]\nquery = 'eventType = \"Win-Sysmon-5-Process-Terminated\"'\n"
        'group_by = ["hostName"]\nmatch = { hostName = "hostName" }\n',
    ),
    "exceptions with periods": (
        ONE + '[[exception]]\nwhen = \'hostName = "a"\'\ndays = ["sat"]\nstart = 22:00:00\nend = 06:00:00\n'
        'zone = "Europe/Berlin"\nreason = "backup"\n',
    ),
    "an exception whose period never comes": (
        ONE + "[[exception]]\nwhen = 'hostName = \"a\"'\nfrom = 2026-02-01T00:00:00Z\nuntil = 2026-01-01T00:00:00Z\n"
        'reason = "backup"\n',
    ),
    "a watch list that a rule fills and another reads": (
        ONE + '[[watch_list]]\nname = "seen"\nattribute = "hostName"\n',
        pattern(query=TYPE + " AND hostName IN (WatchList@seen)") + HOST,
    ),
    "a rule over incidents": (ONE, pattern(query='eventType = "R0"') + HOST),
    "rules over each other's incidents": (
        pattern(query='eventType = "R1"') + HOST,
        pattern(query='eventType = "R0"') + HOST,
    ),
    "a rule over incidents that waits": (ONE, pattern(query='eventType = "R0"', aggregate="COUNT(*) <= 2") + HOST),
    "caps of incidents an hour and a day": (ONE + "[flood]\nper_hour = 10\nper_day = 50\n",),
    "a window of 0": (ONE,),
    "a window of a month where every event must be held": (pattern(aggregate="COUNT(DISTINCT procName) > 5") + HOST,),
    "a group of FortiSIEM's that no file here declares": (
        pattern(query=TYPE + " AND hostName IN (Group@PH_SYS_DEVICE_Server)") + HOST,
    ),
    "an attribute that no event of Sysmon's has": (pattern(query=TYPE + " AND sentPkts > 5") + HOST,),
    "a function that is not built": (pattern(query=TYPE + ' AND URL_DECODE(command) = "x"') + HOST,),
}
WINDOWS = {"a window of 0": "window = 0", "a window of a month where every event must be held": "window = 2592000"}


def outcome(construct: str) -> str:
    """Say ``runs``, or ``refused: <what is said>``."""
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(RULES[construct]):
            own = Path(folder) / f"r{number}"
            own.mkdir()
            head = HEAD.format(id=f"R{number}").replace("window = 300", WINDOWS.get(construct, "window = 300"))
            (own / f"r{number}.toml").write_text(head + text)
        try:
            load_rulebook(Path(folder))
        except LanguageError as error:
            return "refused: " + "; ".join(dict.fromkeys(each.message for each in error.diagnostics))
    return "runs"


if __name__ == "__main__":
    for name in RULES:
        sys.stdout.write(f"| {name} | {outcome(name)} |\n")
