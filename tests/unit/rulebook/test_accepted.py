"""Findings that are accepted, and those that are left."""

from pathlib import Path

import pytest

from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.rulebook.accepted import Acceptance, accepted_beside, left, read_accepted
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.findings import CODES, Finding
from stream_app.rulebook.load import load_rulebook
from tests.corpus import RULES, SEED, seed_rules

TWO = """\
[[accept]]
code = "L203"
attribute = "command"
reason = "published so"

[[accept]]
code = "L202"
text = "LEN(user)"
reason = "a joke"
"""


def read(text: str) -> tuple[Acceptance, ...]:
    """Read what a file accepts."""
    return read_accepted(parse_document("accepted.toml", text))


def finding(code: str, attribute: str = "", text: str = "", rule: str = "R") -> Finding:
    """Give a finding."""
    return Finding(code, rule, Diagnostic("r.toml", 1, 1, "why", ""), "mend it", attribute, text)


def test_what_is_accepted_is_not_left() -> None:
    """By code, and by the attribute or the text that it is narrowed to; of the same rule only."""
    findings = [
        finding("L203", "command"),
        finding("L203", "user"),
        finding("L202", text="LEN(user) < 0"),
        finding("L202", text="LEN(command) < 0"),
        finding("L203", "command", rule="S"),
    ]
    expected = [findings[1], findings[3], findings[4]]
    assert expected == list(left(findings, {"R": read(TWO)}, CODES))


def test_what_is_accepted_and_does_not_occur_is_found() -> None:
    """Where it stands; a code that nobody judged is let be."""
    found = list(left([], {"R": read(TWO)}, CODES))
    assert [
        ("L601", 1, "L203 is accepted of command and does not occur"),
        ("L601", 6, "L202 is accepted of LEN(user) and does not occur"),
    ] == [(each.code, each.diagnostic.line, each.diagnostic.message) for each in found]
    assert ["R", "R"] == [each.rule for each in found]
    assert [2] == [len(list(left([finding("L101")], {"R": read(TWO)}, ["L202"])))]
    plain = read('[[accept]]\ncode = "L301"\nreason = "on trial"\n')
    assert ["L301 is accepted and does not occur"] == [
        each.diagnostic.message for each in left([], {"R": plain}, CODES)
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("L203", "L204", "2:8: unknown code 'L204': they are L101, L102, L103, L201, L202, L203, L301, L401, L501"),
        ("L203", "L601", "2:8: unknown code 'L601': they are L101, L102, L103, L201, L202, L203, L301, L401, L501"),
        ('reason = "a joke"', "", "6:1: missing key 'reason'"),
        ("attribute", "attributes", "3:1: unknown key 'attributes'; did you mean 'attribute'?"),
        ("[[accept]]", "[[accepts]]", "1:1: missing key 'accept'"),
    ],
)
def test_a_wrong_acceptance_is_refused_where_it_stands(old: str, new: str, said: str) -> None:
    """Each needs a reason and a code that there is."""
    with pytest.raises(LanguageError) as caught:
        read(TWO.replace(old, new))
    assert said in [f"{each.line}:{each.column}: {each.message}" for each in caught.value.diagnostics]


def test_it_decides_nothing(tmp_path: Path) -> None:
    """A rule is the same with the file and without it, or with a wrong one: no worker reads it."""
    file = seed_rules(tmp_path) / SEED.name / "accepted.toml"
    before = load_rulebook(tmp_path).rules
    file.write_text("no TOML")
    after = load_rulebook(tmp_path).rules
    assert [each.content_id for each in before.values()] == [each.content_id for each in after.values()]


def test_files_are_read_beside_their_rules() -> None:
    """A rule without one accepts nothing."""
    own = parse_document((SEED / f"{SEED.name}.toml").as_posix(), "")
    other = parse_document((RULES / "watched-host-run-key" / "watched-host-run-key.toml").as_posix(), "")
    found = accepted_beside({"own": own, "other": other})
    assert 3 == len(found["own"])
    assert () == found["other"]


def test_all_wrong_files_are_said_in_one_run(tmp_path: Path) -> None:
    """With their places."""
    documents = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "accepted.toml").write_text("accept = 1")
        documents[name] = parse_document((tmp_path / name / f"{name}.toml").as_posix(), "")
    with pytest.raises(LanguageError) as caught:
        accepted_beside(documents)
    assert ["one", "two"] == [Path(each.path).parent.name for each in caught.value.diagnostics]
