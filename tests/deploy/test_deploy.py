"""Settings file and locks say what the code says."""

import re
import tomllib
from pathlib import Path

from stream_app.service.settings import settings_table

ROOT = Path(__file__).parents[2]
LOCKED = re.compile(r"^([a-z0-9_.-]+==\S+)([^\n]*\\\n)((?: {4}--hash=\S+(?: \\)?\n)+)", re.MULTILINE)
NOT_RUN = ("deploy/Dockerfile", "docker-compose.yml", "deploy/helm/stream-app/README.md", "deploy/RUNBOOK.md")


def test_worker_env_names_every_setting_once_with_its_meaning() -> None:
    """Each setting stands in worker.env under its description, set, or commented out at its default."""
    text = (ROOT / "deploy" / "worker.env").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    chosen = dict(line.split("=", 1) for line in lines)
    expected = [
        f"# {row.description} ({row.allowed})\n"
        + (f"{row.variable}={chosen[row.variable]}" if row.variable in chosen else f"#{row.variable}={row.default}")
        for row in settings_table()
    ]
    assert expected == [block.rstrip("\n") for block in text.split("\n\n")[1:]]


def test_what_runs_in_the_image_is_what_was_tested() -> None:
    """Every distribution of the runtime's lock is in the full one, with the same version and hashes."""
    full = {match[1]: match[3] for match in LOCKED.finditer((ROOT / "deploy" / "requirements.lock").read_text())}
    runtime = {match[1]: match[3] for match in LOCKED.finditer((ROOT / "deploy" / "runtime.lock").read_text())}
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert len(runtime) >= len(wanted)
    assert runtime == {pin: full[pin] for pin in runtime}


def test_files_that_were_not_run_say_so() -> None:
    """What needs a container engine or a cluster tells the reader that none has run it yet."""
    assert [] == [name for name in NOT_RUN if "NOT RUN YET" not in (ROOT / name).read_text()]
