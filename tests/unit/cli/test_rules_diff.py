"""``stream-app rules diff`` on the command line: statuses, and what is said for people and programs."""

import json
import shutil
from pathlib import Path

import pytest

from stream_app.cli.demo import SCENE
from tests.unit.cli.test_main import CLOSED, ROOT, run

SEED = "windows-python-initiated-connection"


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Give a copy of the rules in which the seed's severity is another, one rule is gone and one is new."""
    folder = tmp_path / "changed"
    shutil.copytree(ROOT / "rules", folder)
    path = folder / SEED / f"{SEED}.toml"
    path.write_text(path.read_text().replace("severity = 5", "severity = 6"))
    text = path.read_text().replace("PH_Rule_SIGMA_1774", "NEW").replace('"COUNT(*) >= 1"', '"COUNT(*) >= 3"')
    shutil.rmtree(folder / "security-agent-silent")
    (folder / "new").mkdir()
    (folder / "new" / "new.toml").write_text(text)
    return folder


def test_the_same_rules_are_the_same() -> None:
    """Status 0, and how much was compared."""
    done = run("rules", "diff", "rules", "rules", "--over", "-", given=SCENE.read_bytes())
    assert (0, b"56 records, 6 incidents before, 6 after: the same\n", b"") == (
        done.returncode,
        done.stdout,
        done.stderr,
    )


def test_what_differs_is_laid_out(changed: Path) -> None:
    """Status 1; rules first, then incidents by rule, then the sum."""
    done = run("rules", "diff", "rules", str(changed), "--over", str(SCENE))
    text = done.stdout.decode()
    assert 1 == done.returncode
    assert text.startswith("+ rule NEW\n- rule SECURITY_AGENT_SILENT\n~ rule PH_Rule_SIGMA_1774: severity\n")
    assert "\nNEW  2 added, 0 removed, 0 altered, 0 the same\n  + 2026-03-02 09:0" in text
    assert (
        "\nPH_Rule_SIGMA_1774  0 added, 0 removed, 6 altered, 0 the same\n  ~ 2026-03-02 09:01:11.200Z  count 3" in text
    )
    assert "\n      severity: 5 -> 6\n" in text
    assert text.endswith("56 records, 6 incidents before, 8 after: not the same\n")
    back = run("rules", "diff", str(changed), "rules", "--over", str(SCENE), "--late", "--process-context")
    assert "\nNEW  0 added, 1 removed, 0 altered, 0 the same\n  - 2026" in back.stdout.decode()


def test_a_program_reads_json(changed: Path) -> None:
    """One object, whose keys the help names."""
    done = run("rules", "diff", "rules", str(changed), "--over", str(SCENE), "--json")
    found = json.loads(done.stdout)
    assert (1, False, [6, 8], 56) == (done.returncode, found["same"], found["total"], found["records"])
    assert [{"id": "PH_Rule_SIGMA_1774", "what": ["severity"]}] == found["changed_rules"]
    helped = run("rules", "diff", "--help").stdout.decode()
    assert [] == [
        key for key in (*found, *found["incidents"][0], *found["incidents"][0]["added"][0]) if key not in helped
    ]


def test_times_and_rejections_are_laid_out(changed: Path) -> None:
    """A last trigger that moved, and triggers that are suppressed now."""
    path = changed / SEED / f"{SEED}.toml"
    query = "srcIpAddr!=127.0.0.1))"
    text = path.read_text().replace("severity = 6", "severity = 5")
    more = "[[exception]]\nwhen = 'hostName CONTAIN \"BUILD\"'\nreason = 'r'\n"
    path.write_text(text.replace(query, f"{query} AND srcIpPort != 50341") + more)
    assert path.read_text() != text
    done = run("rules", "diff", "rules", str(changed), "--over", str(SCENE)).stdout.decode()
    assert "\nrejected, suppressed: 0 -> 8\n" in done


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rules",), "Missing argument 'NEW'"),
        (("rules", "rules"), "name files, or --topic"),
        (("rules", "gone", "--over", str(SCENE)), "gone:1:1: cannot be read"),
        (("rules", "rules", "--over", "gone.jsonl"), "gone.jsonl: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_compared_has_a_status_of_its_own(arguments: tuple[str, ...], said: str) -> None:
    """Status 2, so that a script can tell it from a difference."""
    done = run("rules", "diff", *arguments)
    assert (2, True) == (done.returncode, said in done.stderr.decode()), done.stderr


def test_a_broker_that_is_not_there_is_no_difference() -> None:
    """Status 2 too."""
    done = run("rules", "diff", "rules", "rules", "--topic", "t", bootstrap_servers=CLOSED)
    assert (2, True) == (done.returncode, b"no Kafka broker answers" in done.stderr)
