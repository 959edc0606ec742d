"""What the chart puts around its pods: selectors, scaling, a monitor, a network policy."""

import re

from stream_app.kafka.app import _faust_settings
from stream_app.service import parts
from stream_app.service.settings import Settings
from tests.deploy.chart_files import ALERTS, CHART
from tests.deploy.rendering import FULL, Rendered, pods, render, run, settings


def test_keda_is_not_sent_to_a_cluster_that_it_could_not_log_in_to(helm: str) -> None:
    """Where the workers log in or use TLS, KEDA needs an authentication of its own."""
    arguments = ["--values", str(FULL), "--set", "keda.authenticationRef="]
    done = run(helm, "template", "soc", str(CHART), *arguments)
    assert (1, True) == (done.returncode, "keda.authenticationRef must name a TriggerAuthentication" in done.stderr)


def test_selectors_select_the_workers_and_nothing_else(rendered: Rendered) -> None:
    """Service, budget, policy, monitor and spread mean the labels of the workers' pods; other pods have others."""
    labels = rendered["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        rendered["StatefulSet"]["spec"]["selector"]["matchLabels"],
        rendered["Service app"]["spec"]["selector"],
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
    for kind, _ in pods(rendered):
        given = rendered[kind]["spec"]["template"]["metadata"]["labels"]
        assert (kind == "StatefulSet") == (selectors[0].items() <= given.items())


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
    jobs = set(re.findall(r'job="([^"]*)"', ALERTS.read_text()))
    assert {full["StatefulSet"]["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]} == jobs
    assert "app.kubernetes.io/name" == full["PodMonitor"]["spec"]["jobLabel"]
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
