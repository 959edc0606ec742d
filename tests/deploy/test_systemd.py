"""The systemd units: systemd's own checks, the settings in them, and the script that restarts a worker, run."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_app.cli.failure import WRONG
from stream_app.kafka.failure import EXIT_STATUS
from stream_app.service.settings import FILE_SUFFIX, Settings, read_settings
from tests.deploy.answering import answering

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
WORKER = (UNITS / "stream-app@.service").read_text()
LIVE = (UNITS / "stream-app-live@.service").read_text()
EXPOSED = 20
"""Tenths: what `systemd-analyze security` may find, of 100."""


def values(unit: str, key: str) -> list[str]:
    """Give what a key of a unit is set to, for the instance worker-1, in order."""
    found = re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)
    return [text.replace("%i", "worker-1").replace("%%", "%").replace("$$", "$") for text in found]


def environment(unit: str) -> dict[str, str]:
    """Give the variables that a unit sets."""
    return dict(text.split("=", 1) for text in values(unit, "Environment"))


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Give a folder with the units as they would be installed, but for the program, which is not here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for path in UNITS.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/stream-app/bin/stream-app", "/bin/true"))
    return tmp_path


def analyze(units: Path, *arguments: str) -> tuple[int, str]:
    """Run systemd-analyze; gives its status and what it said."""
    done = subprocess.run(
        [str(shutil.which("systemd-analyze")), *arguments],
        cwd=units,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_systemd_reads_every_unit(units: Path) -> None:
    """Systemd finds nothing to say of any unit: no key that it does not know, no unit that is not there."""
    names = sorted(path.name.replace("@.", "@worker-1.") for path in UNITS.iterdir())
    assert 3 == len(names)
    assert [(name, 0, "") for name in names] == [
        (name, *analyze(units, "verify", "--man=no", f"./{name}")) for name in names
    ]


def test_a_worker_is_exposed_little(units: Path) -> None:
    """Systemd's own count of what the unit leaves open is low."""
    status, said = analyze(
        units, "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSED}", "./stream-app@worker-1.service"
    )
    assert 0 == status, said
    assert "Overall exposure level" in said


def test_the_settings_of_the_units_hold() -> None:
    """What the units set are settings; the worker has its instance's name, and its port is that which is asked."""
    given = read_settings(environment(WORKER))
    assert ("worker-1", "/var/lib/stream-app/worker-1") == (given.instance_id, given.data_dir)
    assert given.health_port == read_settings(environment(LIVE)).health_port
    assert values(WORKER, "EnvironmentFile") == values(LIVE, "EnvironmentFile")
    assert ["stream-app/worker-1"] == values(WORKER, "StateDirectory")
    assert [given.data_dir] == values(WORKER, "WorkingDirectory")


def test_the_secret_of_the_example_may_be_a_file() -> None:
    """The drop-in that the comments show sets a secret's file, to where the credential is put."""
    name, variable, path = re.findall(
        rf"LoadCredential=(\w+):\S+\n#\s+Environment=(STREAM_APP_\w+){FILE_SUFFIX}=(\S+)", WORKER
    )[0]
    assert (f"STREAM_APP_{name.upper()}", f"%d/{name}") == (variable, path)
    given = read_settings(
        {"STREAM_APP_SECURITY_PROTOCOL": "SASL_SSL", "STREAM_APP_SASL_MECHANISM": "PLAIN"}
        | {"STREAM_APP_SASL_USERNAME": "worker", f"{variable}{FILE_SUFFIX}": path},
        lambda _: "from a file",
    )
    assert "from a file" == getattr(given, name)


def test_what_ended_itself_is_started_again_and_what_is_wrong_is_not() -> None:
    """Status 70 is a failure like any other; wrong settings or rules stay so however often they are tried."""
    assert ["on-failure"] == values(WORKER, "Restart")
    assert [str(WRONG)] == values(WORKER, "RestartPreventExitStatus")
    assert str(EXIT_STATUS) not in values(WORKER, "SuccessExitStatus")
    assert ["0"] == values(WORKER, "StartLimitIntervalSec")


def test_a_stopping_worker_has_the_time_that_it_needs() -> None:
    """It waits five seconds for acknowledgements and may lose its session meanwhile; systemd waits longer."""
    assert int(values(WORKER, "TimeoutStopSec")[0]) >= 5 + 2 * Settings().session_timeout_s


@pytest.fixture
def restarts(tmp_path: Path) -> Iterator[Path]:
    """Give the file in which a systemctl of ours writes what it was asked for."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    asked = tmp_path / "asked"
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{asked}\n')
    program.chmod(0o755)
    asked.touch()
    return asked


def look(restarts: Path, port: int) -> list[str]:
    """Run the unit's script once, with less patience; gives what systemctl was asked for by then."""
    script = values(LIVE, "ExecStart")[0].removeprefix("/bin/sh -c ").strip("'")
    hurried = script.replace("sleep 4", "sleep 0.1")
    assert hurried != script
    subprocess.run(
        ["/bin/sh", "-c", hurried],
        env={"PATH": f"{restarts.parent / 'bin'}:{os.environ['PATH']}", "STREAM_APP_HEALTH_PORT": str(port)},
        check=True,
        timeout=30,
    )
    return restarts.read_text().splitlines()


def test_a_worker_that_is_alive_is_left_alone_and_one_that_is_not_is_restarted(restarts: Path) -> None:
    """200 and 404 change nothing; 503, and a port at which nobody answers, restart that instance."""
    said = {"/live": 200}
    with answering(said) as port:
        assert [] == look(restarts, port)
        said.clear()
        assert [] == look(restarts, port)
        said["/live"] = 503
        assert ["restart stream-app@worker-1.service"] == look(restarts, port)
    assert ["restart stream-app@worker-1.service"] * 2 == look(restarts, port)
