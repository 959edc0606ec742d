"""The token of the web port: who does not bear it learns whether, and nothing else."""

import http.client

import pytest

from stream_app.kafka.connection import Connection
from stream_app.service.health import HealthOptions
from stream_app.service.probes import Probes
from stream_app.service.settings import Settings

ANSWERS = {
    "live": lambda: (True, b'{"lag":1}'),
    "ready": lambda: (False, b'{"lag":2}'),
    "metrics": lambda: (True, b"records 7"),
}


def ask(address: tuple[str, int], path: str, authorization: str | None = None) -> tuple[int, bytes, str | None]:
    """Give status, body and how to prove oneself."""
    asked = http.client.HTTPConnection(*address, timeout=5)
    asked.request("GET", path, headers={"Authorization": authorization} if authorization else {})
    answer = asked.getresponse()
    return answer.status, answer.read(), answer.getheader("WWW-Authenticate")


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic c2VjcmV0", "secret"])
def test_without_the_token_there_is_a_status_and_nothing_else(authorization: str | None) -> None:
    """A kubelet learns whether; every other path, there or not, is closed."""
    with Probes("127.0.0.1", 0, ANSWERS, "secret") as probes:
        assert (200, b"", None) == ask(probes.address, "/live", authorization)
        assert (503, b"", None) == ask(probes.address, "/ready", authorization)
        for path in ("/metrics", "/metrics?x=/live", "/live/../metrics", "/nothing"):
            assert (401, b"", "Bearer") == ask(probes.address, path, authorization)


def test_with_the_token_everything_is_said() -> None:
    """As it is where no token is asked for."""
    with Probes("127.0.0.1", 0, ANSWERS, "secret") as probes:
        assert (200, b'{"lag":1}', None) == ask(probes.address, "/live", "Bearer secret")
        assert (503, b'{"lag":2}', None) == ask(probes.address, "/ready", "Bearer secret")
        assert (200, b"records 7", None) == ask(probes.address, "/metrics", "Bearer secret")
        assert 404 == ask(probes.address, "/nothing", "Bearer secret")[0]


def test_the_port_is_this_machines_own_and_the_token_is_not_shown() -> None:
    """By default it listens on the loopback address; the options' repr holds no token."""
    assert "127.0.0.1" == Settings().health_host
    assert "hunter2" not in repr(HealthOptions(connection=Connection(), token="hunter2"))  # noqa: S106 - made up
