"""What of Fortinet's published rule pages loads: ``python -m tests.docs.fortinet_pages`` prints the README's table.

The pages lie beside the checkout, as far as they could be read; nothing of them is copied here but ids and names.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from stream_app.language.compile import Environment
from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.rulefile import Defaults, read_rule
from stream_app.sysmon.attributes import VOCABULARY

PAGES = Path(__file__).parents[2].parent / "shared" / "data" / "fortisiem-rules" / "real_rule_pages.json"
SEED = "PH_Rule_SIGMA_1774"
HEAD = "| page | patterns | outcome |\n| --- | --- | --- |\n"


def table(pages: list[dict[str, Any]]) -> str:
    """Give the table, a line a page, in the order of the file."""
    return HEAD + "".join(f"| {_name(page)} | {_patterns(page)} | {outcome(page)} |\n" for page in pages)


def outcome(page: dict[str, Any]) -> str:
    """Say whether the rule of a page runs, or why not."""
    if page["ruleId"] == SEED:
        return "runs: the rule this project starts from"
    text, cut = _rule_file(page)
    if text is None:
        return f"not tried: {cut}"
    try:
        read_rule(parse_document("page", text), Environment(vocabulary=VOCABULARY, groups={}, tables={}), Defaults())
    except LanguageError as error:
        said = dict.fromkeys(each.message for each in error.diagnostics)
        return "refused: " + "; ".join(_cell(each) for each in said)
    return f"loads, with what was cut left out: {cut}" if cut else "runs"


def _name(page: dict[str, Any]) -> str:
    return page["ruleId"] or Path(page["source"]).stem


def _patterns(page: dict[str, Any]) -> str:
    return ", ".join(each["name"] for each in page["subPatterns"]) or "none"


def _cell(message: str) -> str:
    return message.replace("|", "\\|").replace("\n", " ")


def _rule_file(page: dict[str, Any]) -> tuple[str | None, str]:
    """Write a page as a rule file. Second: what of it the stored page lacks."""
    patterns = page["subPatterns"]
    queries = [(each["query"] or "").rstrip() for each in patterns]
    if not patterns or not all(queries):
        return None, "the stored page holds no query"
    if any(query.endswith(("…", "...")) for query in queries):
        return None, "the stored page cuts the query off"
    cut = []
    lines = [
        f'id = "{_name(page)}"',
        'name = "A page"',
        f"severity = {page['severity'] or 5}",
        f'category = "{page["category"] or "Security"}"',
        f"window = {page['window']}",
    ]
    lines += [f'trigger = "{page["trigger"]}"'] if len(patterns) > 1 else []
    mapped = []
    for each, query in zip(patterns, queries, strict=True):
        if each["aggregate"] is None:
            cut.append("aggregate")
        group_by = re.findall(r"\w+", each["groupBy"] or "")
        mapped += [(attribute, f"{each['name']}.{attribute}") for attribute in group_by]
        lines += [
            f"[pattern.{each['name']}]",
            f"query = '''{query}'''",
            f"group_by = {json.dumps(group_by)}",
            f'aggregate = "{each["aggregate"] or "COUNT(*) >= 1"}"',
        ]
    given = re.findall(r"(\w+)\s*=\s*([\w.()*]+\.[\w()*]+|\w+\.\w+\(\w+\))", page["incidentMapping"] or "")
    if not given:
        cut.append("incident attributes")
    lines += ["[incident]", *(f'{name} = "{source}"' for name, source in given or mapped)]
    return "\n".join(lines) + "\n", " and ".join(dict.fromkeys(cut))


if __name__ == "__main__":
    sys.stdout.write(table(json.loads(PAGES.read_text())))
