"""The Dockerfile says what the code says; it is linted and its health check is run, but no engine builds it here."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stream_app.service.settings import Settings, read_settings
from tests.deploy.answering import answering

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
BUILD, FINAL = re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)[1:]


def environment() -> dict[str, str]:
    """Give the variables that the image sets."""
    line = next(line for line in FINAL.splitlines() if line.startswith("ENV "))
    return dict(word.split("=", 1) for word in line.split()[1:])


def health(command: list[str], port: int) -> int:
    """Run the image's health check against a port of this machine; gives its status."""
    return subprocess.run(
        [sys.executable, *command[1:]],
        env={"PATH": os.environ["PATH"], "STREAM_APP_HEALTH_PORT": str(port)},
        capture_output=True,
        check=False,
        timeout=30,
    ).returncode


def test_the_linter_finds_nothing() -> None:
    """Hadolint has nothing to say of the Dockerfile."""
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if linter is None:
        pytest.skip("hadolint is not installed on this platform")
    done = subprocess.run([linter, "deploy/Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stdout)


def test_the_image_copies_only_what_the_build_is_given() -> None:
    """Each thing that the Dockerfile copies exists and is let through by .dockerignore."""
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert let_through == copied
    assert all((ROOT / name).exists() for name in copied)


def test_rules_and_data_lie_where_the_settings_look() -> None:
    """The folders that the image makes are those of the settings, under its working directory."""
    settings = Settings()
    assert "WORKDIR /app\n" in FINAL
    assert f"VOLUME /app/{settings.data_dir}\n" in FINAL
    assert f"install -d -o 10001 -g 10001 -m 0750 /app/{settings.data_dir}\n" in FINAL
    assert f"COPY rules {settings.rules}\n" in FINAL


def test_what_is_built_with_stays_behind() -> None:
    """Both stages stand on one pinned Python; only what was installed goes over, and pip goes."""
    bases = {line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM ")}
    assert [True] == [re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) is not None for base in bases]
    assert ["COPY --from=build /opt/stream-app /opt/stream-app"] == re.findall(r"^COPY --from.*", FINAL, re.MULTILINE)
    assert "RUN pip uninstall --yes pip setuptools wheel" in FINAL
    assert "install -r" not in FINAL


def test_no_container_is_root_and_none_holds_a_secret() -> None:
    """The user is a number that is not 0, and no variable of a secret is set in any stage."""
    assert ["USER 10001:10001"] == re.findall(r"^USER .*", FINAL, re.MULTILINE)
    assert [] == re.findall(r"STREAM_APP_\w*(?:PASSWORD|TOKEN|SECRET)\w*", DOCKERFILE)
    assert isinstance(read_settings(environment()), Settings)


def test_the_image_is_found_alive_by_its_own_check() -> None:
    """The check is well while /live says 200, and ill at 503 and where nobody answers; the port is the image's own."""
    line = FINAL.split("HEALTHCHECK", 1)[1].split("CMD ", 1)[1].splitlines()[0]
    command = json.loads(line)
    said = {"/live": 200}
    with answering(said) as port:
        answers = [health(command, port)]
        said["/live"] = 503
        answers.append(health(command, port))
    answers.append(health(command, port))
    assert ["python", 0, 1, 1] == [command[0], *answers]
    assert {f"EXPOSE {environment()['STREAM_APP_HEALTH_PORT']}"} == set(re.findall(r"^EXPOSE .*", FINAL, re.MULTILINE))
