"""The console in the chart: for who has the token, at one port, with no more rights than a worker's pod."""

import kubernetes_validate
import pytest

from tests.deploy.chart_files import CHART
from tests.deploy.commands import resolve
from tests.deploy.rendering import FULL, NEWEST, Rendered, container, pods, render, run, settings

TOKEN = ["--set", "secrets.web_token.name=web,secrets.web_token.key=token"]


@pytest.fixture(scope="module", params=["default", "full"])
def rendered(helm: str, request: pytest.FixtureRequest) -> Rendered:
    """Give what the chart makes with a console; the fixture of that name is about what it makes without."""
    values = ["--values", str(FULL)] if request.param == "full" else []
    return render(helm, *values, *TOKEN, "--set", "console.enabled=true")


def test_there_is_none_without_a_token(helm: str) -> None:
    """Helm refuses a console that would show incidents to whoever reaches it."""
    done = run(helm, "template", "soc", str(CHART), "--set", "console.enabled=true")
    assert (1, True) == (done.returncode, "console.enabled needs secrets.web_token" in done.stderr)


def test_the_console_listens_where_the_service_sends(rendered: Rendered) -> None:
    """Container, probes and service are at the port of the setting; the service means this pod and no other."""
    declared, given = container(rendered, "Deployment console"), settings(rendered, "Deployment console")
    port = given.console_port
    assert ([port], port) == (
        [each["containerPort"] for each in declared["ports"]],
        rendered["Service console"]["spec"]["ports"][0]["port"],
    )
    assert "secret web_token" == given.web_token
    probes = [declared[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    assert [{"path": "/", "port": "http"}] * 3 == probes
    selector = rendered["Service console"]["spec"]["selector"]
    meant = [
        kind
        for kind, _ in pods(rendered)
        if selector.items() <= rendered[kind]["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert ["Deployment console"] == meant
    assert resolve(declared["args"])[0] is not None


def test_the_console_is_as_locked_down_as_a_worker(rendered: Rendered) -> None:
    """Its pod and its container have the rights of a worker's, and a bound on memory."""
    console, worker = (dict(pods(rendered))[kind] for kind in ("Deployment console", "StatefulSet"))
    shared = ("securityContext", "automountServiceAccountToken", "enableServiceLinks")
    assert [worker[key] for key in shared] == [console[key] for key in shared]
    ours, theirs = (container(rendered, kind) for kind in ("Deployment console", "StatefulSet"))
    assert theirs["securityContext"] == ours["securityContext"]
    assert "memory" in ours["resources"]["limits"]


@pytest.mark.parametrize("kind", ["Deployment console", "Service console"])
def test_what_it_adds_is_kubernetes(rendered: Rendered, kind: str) -> None:
    """Both documents hold to the strict schema of their kind."""
    assert NEWEST.rpartition(".")[0] == kubernetes_validate.validate(rendered[kind], NEWEST, strict=True)
