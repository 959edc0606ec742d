"""SECURITY.md says what the code says: the rights, the settings, the secrets and the messages."""

import re
from pathlib import Path

from stream_app.kafka.acls import grouped, rights
from stream_app.kafka.topics import Names, declare
from stream_app.service.settings import PREFIX, settings_table

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy" / "SECURITY.md").read_text()


def table(heading: str) -> list[str]:
    """Give the rows of the table under a heading, without its own head."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def test_the_rights_are_those_of_the_code() -> None:
    """A row for each role and resource, with the names that are the default."""
    found = grouped(rights(declare(processes=4), Names().app_id))
    expected = [
        f"| {role} | {resource} | `{name}` | {operations} | {why} |" for role, resource, name, operations, why in found
    ]
    assert expected == table("Least rights")


def test_every_setting_that_is_named_is_one() -> None:
    """Those with the prefix, and those of the table of ways, which leave it out; a secret may be a file."""
    secrets = {row.variable for row in settings_table() if row.secret}
    known = {row.variable for row in settings_table()} | {f"{name}_FILE" for name in secrets}
    named = set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", TEXT))
    short = {
        PREFIX + name
        for name in re.findall(r"`((?:SSL|SASL|OAUTH)_[A-Z_]+)(?:=[^`]*)?`", "\n".join(table("How a client comes in")))
    }
    assert short
    assert set() == (named | short) - known - {f"{PREFIX}SSL", f"{PREFIX}SASL_SSL"}  # two protocols


def test_every_secret_is_named() -> None:
    """The list of secrets is that of the settings."""
    sentence = TEXT.split("The four secrets are ")[1].split(".")[0]
    secrets = {row.variable.removeprefix(PREFIX) for row in settings_table() if row.secret}
    assert secrets == set(re.findall(r"`(\w+)`", sentence))
    assert 4 == len(secrets)


def test_what_a_client_is_told_is_what_the_code_says() -> None:
    """Each message of the table is in the module that makes it, or is one of librdkafka's."""
    code = "".join(
        re.sub(r"\{[^{}]*\}", "…", (ROOT / "stream_app" / "kafka" / name).read_text())
        for name in ("handshake.py", "certificates.py")
    )
    said = [row.split("`")[1] for row in table("When it does not come in")]
    ours = [each for each in said if not each.startswith(("SASL authentication", "Failed to acquire"))]
    assert len(said) - 2 == len(ours)
    for message in ours:
        for part in re.split(r"…|host:port|'host'", message):
            assert part.strip(" ':") in code, part
