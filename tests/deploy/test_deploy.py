"""The deployment files say what the code says. Shown here is agreement only: no container engine runs these tests."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_app.cli.main import COMMANDS
from stream_app.kafka.local import KAFKA
from stream_app.service import parts
from stream_app.service.settings import Settings, read_settings, settings_table

ROOT = Path(__file__).parents[2]
LOCKED = re.compile(r"^([a-z0-9_.-]+==\S+)([^\n]*\\\n)((?: {4}--hash=\S+(?: \\)?\n)+)", re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Give the compose file as a container engine reads it."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def environment_file() -> dict[str, str]:
    """Give the variables that deploy/worker.env sets."""
    lines = (ROOT / "deploy" / "worker.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def of_service(compose: dict[str, Any], service: str) -> Settings:
    """Give the settings that a service's process reads."""
    return read_settings({**environment_file(), **compose["services"][service].get("environment", {})})


def test_worker_env_names_every_setting_once_with_its_meaning() -> None:
    """Each setting stands in worker.env under its description, set, or commented out at its default."""
    blocks = (ROOT / "deploy" / "worker.env").read_text().split("\n\n")[1:]
    chosen = environment_file()
    expected = [
        f"# {row.description} ({row.allowed})\n"
        + (f"{row.variable}={chosen[row.variable]}" if row.variable in chosen else f"#{row.variable}={row.default}")
        for row in settings_table()
    ]
    assert expected == [block.rstrip("\n") for block in blocks]


def test_every_container_of_ours_reads_settings_that_hold(compose: dict[str, Any]) -> None:
    """The environment of each of our services is read without a mistake."""
    ours = [name for name, service in compose["services"].items() if service["image"] == "stream-app"]
    assert ["topics", "worker-1", "worker-2", "incidents"] == ours
    for service in ours:
        assert ["deploy/worker.env"] == [compose["services"][service]["env_file"]]
        assert isinstance(of_service(compose, service), Settings)


def test_every_container_of_ours_runs_a_command_that_there_is(compose: dict[str, Any]) -> None:
    """The first word of each service's command is one of the command line's."""
    commands = {service["command"][0] for service in compose["services"].values() if "command" in service}
    assert {"topics", "worker", "incidents"} == commands
    assert commands <= set(COMMANDS)


def test_the_containers_find_the_broker(compose: dict[str, Any]) -> None:
    """Ours speak to the listener that the broker advertises inside, and its check asks the same one."""
    kafka = compose["services"]["kafka"]
    advertised = dict(each.split("://") for each in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert advertised["INSIDE"] == of_service(compose, "worker-1").bootstrap_servers
    assert advertised["INSIDE"] == kafka["healthcheck"]["test"][-1]


def test_the_host_finds_the_broker_where_the_default_looks(compose: dict[str, Any]) -> None:
    """The published port is that of the default setting, on this machine only."""
    kafka = compose["services"]["kafka"]
    default = Settings().bootstrap_servers
    port = default.rpartition(":")[2]
    assert [f"{default}:{port}"] == kafka["ports"]
    assert f"OUTSIDE://{default}" in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert f"OUTSIDE://:{port}" in kafka["environment"]["KAFKA_LISTENERS"].split(",")


def test_the_broker_is_the_version_that_the_tests_run(compose: dict[str, Any]) -> None:
    """The image's tag is the version of the jars of the local broker."""
    version = KAFKA.split("+")[0].rpartition(":")[2]
    assert f"apache/kafka:{version}" == compose["services"]["kafka"]["image"]


def test_the_topics_that_are_made_fit_one_broker(compose: dict[str, Any]) -> None:
    """No topic wants more copies than there are brokers, and no topic is made by a typing mistake."""
    declared = parts.topics(of_service(compose, "topics"))
    assert 7 == len(declared)
    assert {1} == {topic.replication for topic in declared}
    assert "false" == compose["services"]["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"]


def test_the_workers_have_names_of_their_own(compose: dict[str, Any]) -> None:
    """Two members of a group with one name would throw each other out."""
    workers = [name for name in compose["services"] if name.startswith("worker")]
    assert workers == [of_service(compose, worker).instance_id for worker in workers]


def test_rules_and_data_lie_where_the_settings_look(compose: dict[str, Any]) -> None:
    """The folders that the image makes are those of the settings, under its working directory."""
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    settings = of_service(compose, "worker-1")
    assert "WORKDIR /app\n" in dockerfile
    assert f"VOLUME /app/{settings.data_dir}\n" in dockerfile
    assert f"COPY rules {settings.rules}\n" in dockerfile
    assert [f"./rules:/app/{settings.rules}:ro"] == compose["services"]["worker-1"]["volumes"]


def test_the_image_copies_only_what_the_build_is_given() -> None:
    """Each thing that the Dockerfile copies exists and is let through by .dockerignore."""
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word
        for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for word in line.split()[1:-1]
    }
    assert let_through == copied
    assert all((ROOT / name).exists() for name in copied)


def test_what_runs_in_the_image_is_what_was_tested() -> None:
    """Every distribution of the runtime's lock is in the full one, with the same version and hashes."""
    full = {match[1]: match[3] for match in LOCKED.finditer((ROOT / "deploy" / "requirements.lock").read_text())}
    runtime = {match[1]: match[3] for match in LOCKED.finditer((ROOT / "deploy" / "runtime.lock").read_text())}
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert len(runtime) >= len(wanted)
    assert runtime == {pin: full[pin] for pin in runtime}


def test_files_that_were_not_run_say_so() -> None:
    """Dockerfile and compose file tell the reader that no engine has run them yet."""
    for name in ("deploy/Dockerfile", "docker-compose.yml"):
        assert "NOT RUN YET" in (ROOT / name).read_text()
