"""``stream-app console`` on the command line: what it says, and how it ends."""

import socket
from pathlib import Path

import pytest

from tests.consoles import ConsoleProcess
from tests.unit.cli.test_main import CLOSED, run


def test_a_port_that_is_taken_is_a_line() -> None:
    """The address is named, with status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("console", console_port=port, bootstrap_servers=CLOSED)
    assert (1, b"") == (done.returncode, done.stdout)
    assert done.stderr.decode().startswith(f"stream-app: cannot listen on 127.0.0.1:{port}: ")
    assert 1 == done.stderr.count(b"\n")


def test_rules_that_are_wrong_are_a_line(folder: Path) -> None:
    """As everywhere: the file, the place and status 2."""
    (folder / "bad").mkdir()
    (folder / "bad" / "bad.toml").write_text("id = 1\n")
    done = run("console", rules=str(folder), console_port="0", bootstrap_servers=CLOSED)
    assert (2, True) == (done.returncode, b"rules that cannot run" in done.stderr)


@pytest.mark.parametrize(("host", "token", "warns"), [("0.0.0.0", "", True), ("0.0.0.0", "a-token", False)])  # noqa: S104, RUF100 - a case
def test_an_address_that_others_reach_is_warned_of(folder: Path, host: str, token: str, warns: bool) -> None:  # noqa: FBT001 - a case
    """Unless a token is asked for; without brokers the page is there all the same, and the token in no log."""
    settings = {"console_host": host, "web_token": token, "bootstrap_servers": CLOSED}
    with ConsoleProcess(folder / "log", settings) as process:
        assert 0 == process.terminate()
        assert warns == ("set STREAM_APP_WEB_TOKEN" in process.said())
        assert "a-token" not in process.said()
