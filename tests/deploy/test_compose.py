"""The compose file says what the code says. Shown here is agreement only: no container engine runs these tests."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_app.cli.main import COMMANDS
from stream_app.kafka.local import KAFKA
from stream_app.service import parts
from stream_app.service.settings import Settings, read_settings

ROOT = Path(__file__).parents[2]
OURS = ("topics", "worker-1", "worker-2", "console")
OTHERS = ("kafka", "prometheus", "grafana")
WORKERS = ("worker-1", "worker-2")


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
    """Give the settings that a service's process reads, if it runs a command that there is."""
    declared = compose["services"][service]
    assert declared["command"][0] in COMMANDS
    given = {name: str(value) for name, value in declared.get("environment", {}).items()}
    return read_settings({**environment_file(), **given})


def mounted(service: dict[str, Any]) -> dict[str, str]:
    """Give what a service mounts from the checkout: the path inside, and that of the checkout."""
    volumes = [volume.split(":") for volume in service.get("volumes", [])]
    return {inside: source.removeprefix("./") for source, inside, *_ in volumes if source.startswith("./")}


def test_the_file_is_what_compose_reads() -> None:
    """The file holds to the published schema of compose files, which names every key of a service."""
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "ok -- validation done\n") == (done.returncode, done.stdout)


def test_every_service_is_named_here(compose: dict[str, Any]) -> None:
    """What these tests hold to the code is all that the file starts."""
    assert sorted([*OURS, *OTHERS]) == sorted(compose["services"])
    assert {"stream-app"} == {compose["services"][name]["image"] for name in OURS}
    assert {"deploy/worker.env"} == {compose["services"][name]["env_file"] for name in OURS}


@pytest.mark.parametrize("service", OURS)
def test_every_container_of_ours_runs_a_command_with_settings_that_hold(compose: dict[str, Any], service: str) -> None:
    """The environment of each of our services is read without a mistake."""
    assert isinstance(of_service(compose, service), Settings)


@pytest.mark.parametrize("service", OURS)
def test_every_container_of_ours_is_locked_down(compose: dict[str, Any], service: str) -> None:
    """No capability, no new privileges, and nothing to write to but /tmp and the volume of data."""
    declared = compose["services"][service]
    assert (["ALL"], True, ["/tmp"]) == (declared["cap_drop"], declared["read_only"], declared["tmpfs"])  # noqa: S108 - the container's
    writable = [volume for volume in declared["volumes"] if not volume.endswith(":ro")]
    assert ([f"{service}:/app/data"] if service in WORKERS else []) == writable


@pytest.mark.parametrize("service", OTHERS)
def test_the_others_are_pinned_and_keep_no_rights_either(compose: dict[str, Any], service: str) -> None:
    """An image has a version for a tag, and no container of any kind may gain rights."""
    declared = compose["services"][service]
    tag = declared["image"].rpartition(":")[2].lstrip("v")
    assert 3 == len([part for part in tag.split(".") if part.isdigit()]), declared["image"]
    assert (["ALL"], ["no-new-privileges:true"]) == (declared["cap_drop"], declared["security_opt"])


def test_what_is_published_is_published_on_this_machine_only(compose: dict[str, Any]) -> None:
    """Every port of the host is one of loopback, and no two services want the same."""
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert 4 == len(ports) == len(set(ports))
    assert {"127.0.0.1"} == {port.split(":")[0] for port in ports}


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
    assert {1} == {topic.replication for topic in declared}
    assert "false" == compose["services"]["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"]


def test_the_workers_have_names_of_their_own(compose: dict[str, Any]) -> None:
    """Two members of a group with one name would throw each other out."""
    assert list(WORKERS) == [of_service(compose, worker).instance_id for worker in WORKERS]


def test_the_workers_may_be_asked_by_prometheus_at_one_port(compose: dict[str, Any]) -> None:
    """Their port is reachable from other containers, and is the one that Prometheus is told of."""
    told = {(given.health_host, given.health_port) for given in (of_service(compose, each) for each in WORKERS)}
    assert {("0.0.0.0", 9464)} == told  # noqa: S104 - of a container whose port is not published
    jobs = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {target for job in jobs for group in job.get("static_configs", []) for target in group["targets"]}
    assert {f"{worker}:9464" for worker in WORKERS} <= targets


def test_rules_and_data_lie_where_the_settings_look(compose: dict[str, Any]) -> None:
    """The folders that are mounted are those of the settings, under the image's working directory."""
    settings = of_service(compose, "worker-1")
    assert {f"/app/{settings.rules}": "rules"} == mounted(compose["services"]["worker-1"])
    assert f"worker-1:/app/{settings.data_dir}" in compose["services"]["worker-1"]["volumes"]


@pytest.mark.parametrize("service", OTHERS)
def test_what_is_mounted_is_there(compose: dict[str, Any], service: str) -> None:
    """An engine would make an empty folder of what is missing, and the container would run with nothing."""
    paths = mounted(compose["services"][service]).values()
    assert {"kafka": 0, "prometheus": 1, "grafana": 2}[service] == len(paths)
    assert [] == [path for path in paths if not any((ROOT / path).iterdir())]


def test_the_console_answers_where_its_port_is_published(compose: dict[str, Any]) -> None:
    """The console's port, the published one and that of its check are one."""
    given = of_service(compose, "console")
    port = given.console_port
    console = compose["services"]["console"]
    assert [f"127.0.0.1:{port}:{port}"] == console["ports"]
    assert f"127.0.0.1:{port}/" in console["healthcheck"]["test"][-1]
