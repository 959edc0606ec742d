"""The pods that the chart makes: settings, secrets, mounts, probes and rights. No cluster runs them here."""

from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import yaml

from stream_app.kafka.connection import Connection
from stream_app.kafka.local import free_ports
from stream_app.rulebook.load import load_rulebook
from stream_app.service import parts
from stream_app.service.health import Health, HealthOptions
from stream_app.service.settings import FILE_SUFFIX, PREFIX, Settings, write_settings
from tests.deploy.chart_files import CHART, ROOT
from tests.deploy.commands import resolve
from tests.deploy.rendering import (
    FULL,
    Document,
    Rendered,
    container,
    pods,
    render,
    settings,
    variables,
)

RULES = ROOT / "rules"
USERS = ("StatefulSet", "Job rules", "Deployment tools")
"""Whose pods read the rules."""


def test_every_process_reads_settings_that_hold(rendered: Rendered) -> None:
    """What stands in the environment of each container is read without a mistake, large numbers too."""
    for kind, _ in pods(rendered):
        assert settings(rendered, kind).app_id in {"stream-app", "soc"}


def test_settings_arrive_as_they_were_written(full: Rendered) -> None:
    """Each value of the values file is the setting's value in the worker; tools log in as their own user."""
    wanted = yaml.safe_load(FULL.read_text())["settings"]
    worker = settings(full, "StatefulSet")
    assert wanted == {field: getattr(worker, field) for field in wanted}
    names, texts = {f"{PREFIX}{field.upper()}" for field in wanted}, variables(full, "StatefulSet")
    plainly = {name: text for name, text in write_settings(worker).items() if name in names}
    assert plainly == {name: texts[name] for name in names}
    for kind in ("Job topics", "Job rules", "Deployment tools"):
        tool = settings(full, kind)
        assert {**wanted, "sasl_username": "tools"} == {field: getattr(tool, field) for field in wanted}


def test_secrets_are_files_and_nothing_else(full: Rendered) -> None:
    """A password is read from a key of a Secret, mounted for the group of the process; no variable holds one."""
    for kind, secret in (("StatefulSet", "kafka-login"), ("Job topics", "tools-login"), ("Job rules", "tools-login")):
        given = variables(full, kind)
        assert "secret sasl_password" == settings(full, kind).sasl_password
        assert "/etc/stream-app/secrets/sasl_password" == given[f"{PREFIX}SASL_PASSWORD{FILE_SUFFIX}"]
        volumes = {volume["name"]: volume for volume in dict(pods(full))[kind]["volumes"]}
        (source,) = volumes["secrets"]["projected"]["sources"]
        assert {"name": secret, "items": [{"key": "password", "path": "sasl_password"}]} == source["secret"]
        assert 0o440 == volumes["secrets"]["projected"]["defaultMode"] == volumes["tls"]["secret"]["defaultMode"]
        assert "kafka-tls" == volumes["tls"]["secret"]["secretName"]


def test_every_pod_is_locked_down(rendered: Rendered) -> None:
    """Not root but the image's user, nothing to write to but volumes, no capability, no token, bounded resources."""
    image = (CHART.parents[1] / "Dockerfile").read_text()
    for kind, pod in pods(rendered):
        security = pod["securityContext"]
        assert f"USER {security['runAsUser']}:{security['runAsGroup']}\n" in image
        assert (True, {"type": "RuntimeDefault"}) == (security["runAsNonRoot"], security["seccompProfile"])
        assert (False, False) == (pod["automountServiceAccountToken"], pod["enableServiceLinks"])
        declared = container(rendered, kind)
        assert {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        } == declared["securityContext"]
        assert {"cpu", "memory"} == set(declared["resources"]["requests"])
        assert "memory" in declared["resources"]["limits"]


def test_every_mount_has_a_volume_and_every_volume_a_mount(rendered: Rendered) -> None:
    """Names of mounts and volumes meet, those of volumes that are claimed for each pod too."""
    for kind, pod in pods(rendered):
        claims = rendered[kind]["spec"].get("volumeClaimTemplates", [])
        volumes = [volume["name"] for volume in pod["volumes"]] + [claim["metadata"]["name"] for claim in claims]
        mounts = [mount["name"] for mount in container(rendered, kind)["volumeMounts"]]
        assert sorted(volumes) == sorted(mounts)


def test_a_worker_writes_and_reads_where_the_image_has_it(full: Rendered) -> None:
    """Data and rules are mounted where the settings look, from the image's working directory; so is /tmp."""
    given = settings(full, "StatefulSet")
    mounts = {mount["name"]: mount["mountPath"] for mount in container(full, "StatefulSet")["volumeMounts"]}
    assert (f"/app/{given.data_dir}", f"/app/{given.rules}") == (mounts["data"], mounts["rules"])
    assert "WORKDIR /app\n" in (CHART.parents[1] / "Dockerfile").read_text()
    assert "/tmp" == mounts["tmp"]  # noqa: S108 - of a container


def test_every_container_runs_a_command_that_there_is(rendered: Rendered) -> None:
    """The words after the image's entry point are a command of the code, and nothing is left over."""
    words = {kind: container(rendered, kind).get("args") for kind, _ in pods(rendered)}
    known = {"StatefulSet": ["worker"], "Job topics": ["topics", "create"], "Job rules": ["rules", "publish"]}
    assert words == {kind: known.get(kind) for kind in words}
    assert [] == [each for each in words.values() if each and resolve(each)[0] is None]


def test_the_probes_ask_what_the_worker_answers(rendered: Rendered) -> None:
    """Paths are those of the health server, at the port of the settings, which listens outside of the pod."""
    declared, given = container(rendered, "StatefulSet"), settings(rendered, "StatefulSet")
    ports = {port["name"]: port["containerPort"] for port in declared["ports"]}
    assert {"health": given.health_port} == ports
    assert "0.0.0.0" == given.health_host  # noqa: S104 - of a pod
    asked = {name: declared[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    live, ready = {"path": "/live", "port": "health"}, {"path": "/ready", "port": "health"}
    assert {"startup": live, "liveness": live, "readiness": ready} == asked


def test_what_kubernetes_and_prometheus_ask_for_is_answered(full: Rendered) -> None:
    """A worker's server has a page at each path that the chart names: alive at once, ready not before it has read."""
    declared = container(full, "StatefulSet")
    paths = {declared[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    (port,) = free_ports(1)
    with Health(HealthOptions(connection=Connection(), port=port)):
        answers = {path: asked(port, path) for path in sorted(paths)}
        answers["/metrics"] = asked(port, full["PodMonitor"]["spec"]["podMetricsEndpoints"][0]["path"])
    assert {"/live": HTTPStatus.OK, "/ready": HTTPStatus.SERVICE_UNAVAILABLE, "/metrics": HTTPStatus.OK} == answers


def asked(port: int, path: str) -> int:
    """Give the status of a page."""
    client = HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("GET", path)
    return client.getresponse().status


def test_there_is_a_place_for_an_operators_commands_while_no_worker_runs(full: Rendered) -> None:
    """It has no pod until it is scaled to one, then waits, with the workers' rules and settings at hand."""
    assert 0 == full["Deployment tools"]["spec"]["replicas"]
    assert ["sleep", "infinity"] == container(full, "Deployment tools")["command"]


def test_a_pod_is_a_member_of_the_group_by_its_name(rendered: Rendered) -> None:
    """Names that stay make members that stay: a restarted pod has its partitions back without a rebalance."""
    assert "soc-stream-app-0" == settings(rendered, "StatefulSet").instance_id
    assert rendered["Service app"]["metadata"]["name"] == rendered["StatefulSet"]["spec"]["serviceName"]
    assert "None" == rendered["Service app"]["spec"]["clusterIP"]


def test_a_pod_has_time_to_stop_and_time_to_come_back(rendered: Rendered) -> None:
    """The grace period covers the wait for acknowledgements; the session outlasts an ordinary restart."""
    given, pod = settings(rendered, "StatefulSet"), dict(pods(rendered))["StatefulSet"]
    assert pod["terminationGracePeriodSeconds"] >= 5 + given.session_timeout_s
    assert given.session_timeout_s >= 3 * Settings().session_timeout_s


def test_changed_settings_roll_the_workers_and_changed_rules_do_not(helm: str, default: Rendered) -> None:
    """The checksum that makes new pods is that of the settings; rules are followed while a worker runs."""

    def checksum(rendered: Rendered) -> str:
        annotations = rendered["StatefulSet"]["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/settings"])

    assert checksum(default) != checksum(render(helm, "--set", "settings.lateness_s=900"))
    assert checksum(default) == checksum(render(helm, "--set", r"rules.files.a/a\.toml=id"))


def test_topics_are_made_and_rules_published_before_workers_start(full: Rendered) -> None:
    """Both jobs are hooks in that order, and need nothing of the chart that is made only after them."""
    steps = ("Job topics", "ConfigMap rules", "Job rules")
    hooks = {step: full[step]["metadata"]["annotations"] for step in steps}
    assert {"pre-install,pre-upgrade"} == {hook["helm.sh/hook"] for hook in hooks.values()}
    weights = {step: int(hook.get("helm.sh/hook-weight", "0")) for step, hook in hooks.items()}
    assert weights["Job topics"] < weights["Job rules"] > weights["ConfigMap rules"]
    assert "hook-succeeded" not in hooks["ConfigMap rules"]["helm.sh/hook-delete-policy"]  # workers mount it too
    assert not any("envFrom" in container(full, kind) for kind in ("Job topics", "Job rules"))
    made, used = (parts.topics(settings(full, kind)) for kind in ("Job topics", "StatefulSet"))
    assert made == used
    mounts = [next(each for each in container(full, kind)["volumeMounts"] if each["name"] == "rules") for kind in USERS]
    assert 1 == len({str(mount) for mount in mounts})


def test_rules_are_read_as_kubernetes_mounts_them(helm: str, tmp_path: Path) -> None:
    """The rules of the project, given as values, make the same rulebook out of the folder that a kubelet makes."""
    files = {path.relative_to(RULES).as_posix(): path.read_text() for path in RULES.glob("*/*") if path.is_file()}
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"rules": {"files": files}}))
    rendered = render(helm, "--values", str(values))
    (source,) = volume(rendered, "rules")["projected"]["sources"]
    assert rendered["ConfigMap rules"]["metadata"]["name"] == source["configMap"]["name"]
    folder = tmp_path / "rules"
    content = folder / "..2026_11_28_00_00_00.1"  # a folder of the time, a link to it, and links through that link
    for item in source["configMap"]["items"]:
        path = content / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered["ConfigMap rules"]["data"][item["key"]])
    (folder / "..data").symlink_to(content.name)
    for path in content.iterdir():
        (folder / path.name).symlink_to(f"..data/{path.name}")
    here, there = load_rulebook(RULES), load_rulebook(folder)
    assert len(here.rules) >= 6
    assert list(here.rules) == list(there.rules)


def test_config_maps_that_are_there_are_mounted_too(full: Rendered) -> None:
    """What another made stands beside what the chart made, in one folder."""
    ours, others = (source["configMap"] for source in volume(full, "rules")["projected"]["sources"])
    assert full["ConfigMap rules"]["metadata"]["name"] == ours["name"]
    assert {"name": "more-rules", "items": [{"key": "other.toml", "path": "other/other.toml"}]} == others


def volume(rendered: Rendered, name: str) -> Document:
    """Give a volume of the workers' pods."""
    found: Document = next(each for each in dict(pods(rendered))["StatefulSet"]["volumes"] if each["name"] == name)
    return found
