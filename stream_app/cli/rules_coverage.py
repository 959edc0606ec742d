"""``stream-app rules coverage``: which comparisons of a rule's conditions no case decides by."""

import click
import msgspec

from stream_app.cli.failure import FAILED
from stream_app.cli.rulefolder import chosen, folder_argument, loaded, rule_option
from stream_app.cli.screen import counted
from stream_app.engine.coverage import Coverage
from stream_app.engine.coverage import coverage as covered
from stream_app.rulebook.cases import cases_beside


@click.command()
@folder_argument
@rule_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
@click.option("--require", is_flag=True, help="End with status 1 if a comparison or a rule has no case for it.")
def coverage(folder: str | None, rules: tuple[str, ...], *, as_json: bool, require: bool) -> None:
    """Print the comparisons in the conditions of FOLDER's rules (default: STREAM_APP_RULES) that no case decides by.

    A comparison is covered if the rule's cases would notice it replaced by what is always true, and by what never is.
    Conditions are the queries of patterns and of [clear], and what exceptions hold for.
    """
    read = loaded(folder)
    asked = chosen(read, rules)
    found = covered(read, cases_beside({rule_id: read.documents[rule_id] for rule_id in asked}))
    without = [rule_id for rule_id in asked if rule_id not in found.rules]
    if as_json:
        click.echo(msgspec.json.encode(_plain(found, without)))
    else:
        for each in found.undecided:
            click.echo(each.diagnostic.render())
        if without:
            click.echo(f"no cases: {', '.join(without)}", err=True)
        decided = found.comparisons - len(found.undecided)
        all_of_them = f"{counted(found.comparisons, 'comparison')} in {counted(len(found.rules), 'rule')}"
        click.echo(f"{decided} of {all_of_them} decide a case")
    if require and (found.undecided or without):
        raise click.exceptions.Exit(FAILED)


def _plain(found: Coverage, without: list[str]) -> dict[str, object]:
    """Give what was found as plain values."""
    undecided = [
        {
            "rule": each.rule,
            "condition": each.condition,
            "path": each.diagnostic.path,
            "line": each.diagnostic.line,
            "column": each.diagnostic.column,
            "comparison": each.comparison,
            "couldBe": each.could_be,
        }
        for each in found.undecided
    ]
    return {
        "rules": found.rules,
        "comparisons": found.comparisons,
        "undecided": undecided,
        "rulesWithoutCases": without,
    }
