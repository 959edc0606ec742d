"""The Helm chart, linted and rendered, says what the code says. No cluster runs it here."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from stream_app.cli.main import COMMANDS
from stream_app.kafka.app import _faust_settings
from stream_app.kafka.connection import Connection
from stream_app.kafka.local import free_ports
from stream_app.service import parts
from stream_app.service.health import Health, HealthOptions
from stream_app.service.settings import FILE_SUFFIX, PREFIX, Settings, read_settings, settings_table
from tests.deploy.chart_files import ALERTS, CHART, values_schema, written

FULL = Path(__file__).parent / "values-full.yaml"
OLDEST, NEWEST = "1.29.0", "1.37.0"
"""Versions of Kubernetes: the first that the chart says it is for, and the newest whose schemas are at hand."""
CUSTOM = {"ScaledObject", "PodMonitor", "PrometheusRule"}
"""Kinds that are not Kubernetes' own."""

Document = dict[str, Any]
Rendered = dict[str, Document]
"""By kind; a chart of one application has one of each."""


@pytest.fixture(scope="module")
def helm() -> str:
    """Give the path of helm."""
    places = f"{CHART.parents[2] / '.tools' / 'bin'}:{os.environ['PATH']}"
    found = shutil.which("helm", path=places)
    if found is None:
        pytest.skip("helm is not here: .ci/tools builds it")
    return found


def run(helm: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run helm on the chart, for the newest Kubernetes."""
    words = [helm, *arguments, "--kube-version", NEWEST]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def render(helm: str, *arguments: str) -> Rendered:
    """Give every document that the chart makes."""
    done = run(helm, "template", "soc-stream-app", str(CHART), "--namespace", "soc", *arguments)
    assert 0 == done.returncode, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    by_kind = {document["kind"]: document for document in documents}
    assert len(by_kind) == len(documents) - sum(document["kind"] == "ConfigMap" for document in documents) + 1
    maps = [document for document in documents if document["kind"] == "ConfigMap"]
    return {**by_kind, **{f"ConfigMap {each['metadata']['name'].rpartition('-')[2]}": each for each in maps}}


@pytest.fixture(scope="module")
def default(helm: str) -> Rendered:
    """Give what the chart makes without values."""
    return render(helm)


@pytest.fixture(scope="module")
def full(helm: str) -> Rendered:
    """Give what it makes when everything is asked for; alerts as soon as there are some."""
    return render(helm, "--values", str(FULL), *(["--set", "prometheusRule.enabled=true"] if ALERTS.exists() else []))


@pytest.fixture(scope="module", params=["default", "full"])
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """Give each of the two in turn."""
    documents: Rendered = request.getfixturevalue(request.param)
    return documents


def pods(rendered: Rendered) -> Iterator[tuple[str, Document]]:
    """Give the kind and the specification of each pod."""
    for kind in ("StatefulSet", "Job"):
        yield kind, rendered[kind]["spec"]["template"]["spec"]


def container(rendered: Rendered, kind: str) -> Document:
    """Give the one container of a pod."""
    (only,) = dict(pods(rendered))[kind]["containers"]
    found: Document = only
    return found


def variables(rendered: Rendered, kind: str) -> dict[str, str]:
    """Give what a container's process finds in its environment; files of secrets are their paths, names the pod's."""
    declared = container(rendered, kind)
    maps = [each["configMapRef"]["name"] for each in declared.get("envFrom", [])]
    assert [rendered["ConfigMap settings"]["metadata"]["name"]] * len(maps) == maps
    from_map = rendered["ConfigMap settings"]["data"] if maps else {}
    pod = {"metadata.name": "soc-stream-app-0"}
    own = {
        each["name"]: each["value"] if "value" in each else pod[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in declared.get("env", [])
    }
    return {**from_map, **own}


def settings(rendered: Rendered, kind: str) -> Settings:
    """Give the settings that a container's process reads; a secret is said to be where its file is mounted."""
    paths = {f"{mount['mountPath']}/" for mount in container(rendered, kind)["volumeMounts"]}

    def read(path: Path) -> str:
        assert f"{path.parent}/" in paths
        return f"secret {path.name}"

    return read_settings(variables(rendered, kind), read)


@pytest.mark.parametrize("values", [[], ["--values", str(FULL)]])
def test_helm_finds_nothing_to_say(helm: str, values: list[str]) -> None:
    """`helm lint --strict` passes with and without values."""
    done = run(helm, "lint", "--strict", str(CHART), *values)
    assert (0, True) == (done.returncode, "1 chart(s) linted, 0 chart(s) failed" in done.stdout), done.stdout


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_document_is_one_of_kubernetes(rendered: Rendered, version: str) -> None:
    """Each document holds to the strict schema of its kind, in the oldest Kubernetes and the newest."""
    own = [document for document in rendered.values() if document["kind"] not in CUSTOM]
    for document in own:
        kubernetes_validate.validate(document, version, strict=True)
    assert f">={OLDEST}-0" == yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]


def test_all_kinds_are_made_when_asked_for(default: Rendered, full: Rendered) -> None:
    """Nothing that has a value of its own is made without being asked for, and nothing is forgotten when it is."""
    always = {"ConfigMap", "Service", "StatefulSet", "Job", "PodDisruptionBudget"}
    asked = {"NetworkPolicy", *CUSTOM} - (set() if ALERTS.exists() else {"PrometheusRule"})
    assert always == {document["kind"] for document in default.values()}
    assert always | asked == {document["kind"] for document in full.values()}


def test_the_schema_of_the_values_is_that_of_the_settings() -> None:
    """The file is what `python -m tests.deploy.chart_files` writes."""
    assert written(values_schema()) == (CHART / "values.schema.json").read_text()


def test_the_alerts_of_the_chart_are_those_of_prometheus(full: Rendered) -> None:
    """The chart's copy is equal, and stands whole in the rule, its templates untouched."""
    if not ALERTS.exists():
        pytest.skip("there is no deploy/prometheus/alerts.yml yet")
    assert ALERTS.read_text() == (CHART / "files" / "alerts.yml").read_text()
    assert yaml.safe_load(ALERTS.read_text()) == full["PrometheusRule"]["spec"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("settings.partition=3", "additional properties 'partition' not allowed"),
        ("settings.partitions=0", "minimum: got 0, want 1"),
        ("settings.sasl_password=x", "additional properties 'sasl_password' not allowed"),
        ("settings.store=disk", "value must be one of 'memory', 'rocksdb'"),
        ("settings.health_port=0", "minimum: got 0, want 1"),
        ("secrets.app_id.name=x", "additional properties 'app_id' not allowed"),
        ("secrets.sasl_password.name=x", "missing property 'key'"),
        ("keda.minReplicas=0", "minimum: got 0, want 1"),
        ("livenessProbe.httpGet.path=/", "false schema"),
        ("replica=3", "additional properties 'replica' not allowed"),
    ],
)
def test_a_value_that_cannot_be_is_refused(helm: str, value: str, said: str) -> None:
    """Helm names what is wrong before anything is sent to a cluster."""
    done = run(helm, "template", "soc", str(CHART), "--set", value)
    assert (1, True) == (done.returncode, said in done.stderr), done.stderr


def test_keda_is_not_sent_to_a_cluster_that_it_could_not_log_in_to(helm: str) -> None:
    """Where the workers log in or use TLS, KEDA needs an authentication of its own."""
    arguments = ["--values", str(FULL), "--set", "keda.authenticationRef="]
    done = run(helm, "template", "soc", str(CHART), *arguments)
    assert (1, True) == (done.returncode, "keda.authenticationRef must name a TriggerAuthentication" in done.stderr)


def test_every_process_reads_settings_that_hold(rendered: Rendered) -> None:
    """What stands in the environment of each container is read without a mistake, large numbers too."""
    for kind, _ in pods(rendered):
        assert settings(rendered, kind).app_id in {"stream-app", "soc"}


def test_settings_arrive_as_they_were_written(full: Rendered) -> None:
    """Each value of the values file is the setting's value in the worker; the job logs in with its own user."""
    wanted = yaml.safe_load(FULL.read_text())["settings"]
    worker, job = settings(full, "StatefulSet"), settings(full, "Job")
    assert wanted == {field: getattr(worker, field) for field in wanted}
    assert {**wanted, "sasl_username": "tools"} == {field: getattr(job, field) for field in wanted}


def test_what_the_defaults_say_is_either_the_codes_or_has_a_reason() -> None:
    """The chart's own defaults differ from the code's in these settings only."""
    given = yaml.safe_load((CHART / "values.yaml").read_text())["settings"]
    code = Settings()
    differ = {field for field, value in given.items() if value != getattr(code, field)}
    expected = {"bootstrap_servers", "replication", "min_insync", "session_timeout_s"}
    assert expected | {"health_host", "health_port", "log_format"} == differ


def test_secrets_are_files_and_nothing_else(full: Rendered) -> None:
    """A password is read from a key of a Secret, mounted for the group of the process; no variable holds one."""
    for kind, secret in (("StatefulSet", "kafka-login"), ("Job", "tools-login")):
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
    """The words after the image's entry point are a command of the code."""
    words = {kind: container(rendered, kind)["args"] for kind, _ in pods(rendered)}
    assert {"StatefulSet": ["worker"], "Job": ["topics", "create"]} == words
    assert {each[0] for each in words.values()} <= set(COMMANDS)


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
        metrics = asked(port, full["PodMonitor"]["spec"]["podMetricsEndpoints"][0]["path"])
    assert {"/live": 200, "/ready": 503} == answers
    if metrics == HTTPStatus.NOT_FOUND:
        pytest.skip("there is no page /metrics yet")
    assert HTTPStatus.OK == metrics


def asked(port: int, path: str) -> int:
    """Give the status of a page."""
    client = HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("GET", path)
    return client.getresponse().status


def test_selectors_select_the_workers_and_nothing_else(rendered: Rendered) -> None:
    """Service, budget, policy, monitor and spread mean the labels of the workers' pods; the job's pods have others."""
    labels = rendered["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        rendered["StatefulSet"]["spec"]["selector"]["matchLabels"],
        rendered["Service"]["spec"]["selector"],
        rendered["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        *(rendered[kind]["spec"]["selector"]["matchLabels"] for kind in ("PodMonitor",) if kind in rendered),
        *(rendered[kind]["spec"]["podSelector"]["matchLabels"] for kind in ("NetworkPolicy",) if kind in rendered),
        *(
            spread["labelSelector"]["matchLabels"]
            for spread in rendered["StatefulSet"]["spec"]["template"]["spec"]["topologySpreadConstraints"]
        ),
    ]
    assert len(selectors) >= 5
    assert all(selector == selectors[0] and selector.items() <= labels.items() for selector in selectors)
    job = rendered["Job"]["spec"]["template"]["metadata"]["labels"]
    assert not selectors[0].items() <= job.items()


def test_a_pod_is_a_member_of_the_group_by_its_name(rendered: Rendered) -> None:
    """Names that stay make members that stay: a restarted pod has its partitions back without a rebalance."""
    assert "soc-stream-app-0" == settings(rendered, "StatefulSet").instance_id
    assert rendered["Service"]["metadata"]["name"] == rendered["StatefulSet"]["spec"]["serviceName"]
    assert "None" == rendered["Service"]["spec"]["clusterIP"]


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


def test_topics_are_made_before_workers_start(rendered: Rendered) -> None:
    """The job is a hook, which needs nothing of the chart that is made only after it."""
    annotations = rendered["Job"]["metadata"]["annotations"]
    assert "pre-install,pre-upgrade" == annotations["helm.sh/hook"]
    assert "envFrom" not in container(rendered, "Job")
    made, used = (parts.topics(settings(rendered, kind)) for kind in ("Job", "StatefulSet"))
    assert made == used


def test_rules_are_read_as_kubernetes_mounts_them(full: Rendered) -> None:
    """Each rule file stands in the map under a key of its own, and is mounted at its path in the folder of rules."""
    volumes = {volume["name"]: volume for volume in dict(pods(full))["StatefulSet"]["volumes"]}
    ours, others = (source["configMap"] for source in volumes["rules"]["projected"]["sources"])
    data = full["ConfigMap rules"]["data"]
    mounted = {item["path"]: data[item["key"]] for item in ours["items"]}
    assert yaml.safe_load(FULL.read_text())["rules"]["files"] == mounted
    assert full["ConfigMap rules"]["metadata"]["name"] == ours["name"]
    assert {"name": "more-rules", "items": [{"key": "other.toml", "path": "other/other.toml"}]} == others


def test_keda_scales_up_to_the_partitions_on_the_lag_of_both_topics(full: Rendered) -> None:
    """Each trigger is a topic that the group reads, from where a worker would; no worker is ever idle."""
    given, spec = settings(full, "StatefulSet"), full["ScaledObject"]["spec"]
    assert "replicas" not in full["StatefulSet"]["spec"]
    target = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": full["StatefulSet"]["metadata"]["name"]}
    assert target == spec["scaleTargetRef"]
    assert (2, given.partitions) == (spec["minReplicaCount"], spec["maxReplicaCount"])
    triggers = {trigger["metadata"]["topic"]: trigger for trigger in spec["triggers"]}
    names = parts.names(given)
    assert {names.sysmon: "50000", names.matches: "5000"} == {
        topic: trigger["metadata"]["lagThreshold"] for topic, trigger in triggers.items()
    }
    faust = _faust_settings(parts.worker_options(Settings()))
    for trigger in triggers.values():
        said = trigger["metadata"]
        assert all(isinstance(value, str) for value in said.values())
        assert (given.bootstrap_servers, given.app_id) == (said["bootstrapServers"], said["consumerGroup"])
        assert faust["consumer_auto_offset_reset"] == said["offsetResetPolicy"]
        assert ("false", "enable", "scram_sha512") == (said["allowIdleConsumers"], said["tls"], said["sasl"])
        assert ("kafka", {"name": "kafka-login"}) == (trigger["type"], trigger["authenticationRef"])


def test_keda_scales_down_one_worker_at_a_time_and_not_before_its_session_is_over(full: Rendered) -> None:
    """A worker that goes holds its partitions for a session; the next goes only long after that."""
    behaviour = full["ScaledObject"]["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    down = behaviour["scaleDown"]
    (policy,) = down["policies"]
    session = settings(full, "StatefulSet").session_timeout_s
    assert ("Pods", 1) == (policy["type"], policy["value"])
    assert policy["periodSeconds"] >= 5 * session
    assert down["stabilizationWindowSeconds"] > behaviour["scaleUp"]["stabilizationWindowSeconds"]


def test_the_monitor_asks_at_the_port_of_the_workers(full: Rendered, helm: str) -> None:
    """The endpoint is the health port by its name; a token, where one is asked for, comes from its Secret."""
    (endpoint,) = full["PodMonitor"]["spec"]["podMetricsEndpoints"]
    assert ("health", "/metrics") == (endpoint["port"], endpoint["path"])
    assert "stream-app" == full["StatefulSet"]["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
    assert "app.kubernetes.io/name" == full["PodMonitor"]["spec"]["jobLabel"]
    if not any(row.field == "web_token" for row in settings_table()):
        pytest.skip("there is no setting web_token yet")
    arguments = ["--set", "secrets.web_token.name=web,secrets.web_token.key=token"]
    (asking,) = render(helm, "--values", str(FULL), *arguments)["PodMonitor"]["spec"]["podMetricsEndpoints"]
    assert {"type": "Bearer", "credentials": {"name": "web", "key": "token"}} == asking["authorization"]


def test_the_policy_opens_what_a_worker_needs_and_nothing_else(full: Rendered) -> None:
    """In: the health port, for who may ask. Out: names, the brokers at their ports, and what was added."""
    spec = full["NetworkPolicy"]["spec"]
    (ingress,) = spec["ingress"]
    assert [{"protocol": "TCP", "port": "health"}] == ingress["ports"]
    assert "from" in ingress
    ports = [[port["port"] for port in rule["ports"]] for rule in spec["egress"]]
    assert [[53, 53], [9094, 9095, 9096], [443]] == ports
