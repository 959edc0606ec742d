"""Settings: what an environment may say, and what is said about one that is wrong."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.kafka.connection import Connection
from stream_app.kafka.topics import Names
from stream_app.rulebook.rulefile import Defaults
from stream_app.service import parts
from stream_app.service.settings import Settings, SettingsError, read_settings, settings_table, write_settings

ALLOWED = st.characters(min_codepoint=33, max_codepoint=126)


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    """Give what is wrong with an environment."""
    with pytest.raises(SettingsError) as caught:
        read_settings(environ)
    return caught.value.problems


def test_an_empty_environment_gives_the_defaults() -> None:
    """Nothing has to be set."""
    assert Settings() == read_settings({"PATH": "/bin", "STREAM_APP_RULES": " "})


def test_texts_become_the_values_of_their_types() -> None:
    """Numbers, truth values and texts are read as such, blanks around them left out."""
    settings = read_settings(
        {
            "STREAM_APP_PARTITIONS": " 12 ",
            "STREAM_APP_IGNORE_CASE": "false",
            "STREAM_APP_COMMIT_INTERVAL_S": "0.25",
            "STREAM_APP_BOOTSTRAP_SERVERS": "one:9092,[::1]:9093",
        }
    )
    assert (12, False, 0.25) == (settings.partitions, settings.ignore_case, settings.commit_interval_s)
    assert "one:9092,[::1]:9093" == settings.bootstrap_servers


def test_every_mistake_is_named_with_what_is_allowed() -> None:
    """All bad variables are said at once, in the table's order, then what is no setting."""
    assert (
        (
            "STREAM_APP_BOOTSTRAP_SERVERS is 'kafka': it must be host:port, or several with commas between "
            "(Kafka brokers to begin with)"
        ),
        (
            "STREAM_APP_SECURITY_PROTOCOL is 'TLS': it must be one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL "
            "(how the brokers are spoken to)"
        ),
        (
            "STREAM_APP_APP_ID is 'my app': it must be a name of letters, digits, '.', '_', '-' "
            "(name of the consumer group; matches and the changelog are named for it)"
        ),
        (
            "STREAM_APP_PARTITIONS is '0': it must be a whole number from 1 to 1000 "
            "(partitions of each topic that is created)"
        ),
        (
            "STREAM_APP_IGNORE_CASE is 'yes': it must be true or false "
            "(whether filters compare without regard to case, unless a rule says)"
        ),
        (
            "STREAM_APP_COMMIT_INTERVAL_S is 'nan': it must be a number from 0.05 to 60 "
            "(seconds between commits of offsets)"
        ),
        "STREAM_APP_LATNESS_S is no setting: did you mean STREAM_APP_LATENESS_S?",
        "STREAM_APP_ZZZ is no setting",
    ) == problems(
        {
            "STREAM_APP_ZZZ": "1",
            "STREAM_APP_LATNESS_S": "1",
            "STREAM_APP_PARTITIONS": "0",
            "STREAM_APP_COMMIT_INTERVAL_S": "nan",
            "STREAM_APP_IGNORE_CASE": "yes",
            "STREAM_APP_APP_ID": "my app",
            "STREAM_APP_BOOTSTRAP_SERVERS": "kafka",
            "STREAM_APP_SECURITY_PROTOCOL": "TLS",
        }
    )


def test_what_kubernetes_sets_for_a_service_of_our_name_is_passed_over() -> None:
    """A service called stream-app puts variables with our prefix into every container beside it."""
    assert Settings() == read_settings(
        {
            "STREAM_APP_SERVICE_HOST": "10.0.0.1",
            "STREAM_APP_SERVICE_PORT": "8080",
            "STREAM_APP_SERVICE_PORT_HTTP": "8080",
            "STREAM_APP_PORT": "tcp://10.0.0.1:8080",
            "STREAM_APP_PORT_8080_TCP": "tcp://10.0.0.1:8080",
            "STREAM_APP_PORT_8080_TCP_PROTO": "tcp",
            "STREAM_APP_PORT_8080_TCP_ADDR": "10.0.0.1",
        }
    )


def test_logging_in_needs_all_of_its_settings() -> None:
    """A SASL protocol without a mechanism, a name or a password is refused."""
    assert (
        "STREAM_APP_SASL_MECHANISM must be set with STREAM_APP_SECURITY_PROTOCOL=SASL_SSL",
        "STREAM_APP_SASL_PASSWORD must be set with STREAM_APP_SECURITY_PROTOCOL=SASL_SSL",
    ) == problems({"STREAM_APP_SECURITY_PROTOCOL": "SASL_SSL", "STREAM_APP_SASL_USERNAME": "worker"})


def test_security_that_would_not_be_used_is_refused() -> None:
    """A password, a certificate or a key that the protocol ignores is a mistake, and half a pair is one too."""
    assert (
        "STREAM_APP_SASL_PASSWORD is set, but STREAM_APP_SECURITY_PROTOCOL=PLAINTEXT does not log in",
        "STREAM_APP_SSL_CERTIFICATE_LOCATION is set, but STREAM_APP_SECURITY_PROTOCOL=PLAINTEXT has no TLS",
        "STREAM_APP_SSL_CERTIFICATE_LOCATION and STREAM_APP_SSL_KEY_LOCATION go together",
    ) == problems({"STREAM_APP_SASL_PASSWORD": "hunter2", "STREAM_APP_SSL_CERTIFICATE_LOCATION": "client.pem"})


def token(**others: str) -> dict[str, str]:
    """Give an environment that logs in with a token, but for the secret."""
    return {
        "STREAM_APP_SECURITY_PROTOCOL": "SASL_SSL",
        "STREAM_APP_SASL_MECHANISM": "OAUTHBEARER",
        "STREAM_APP_OAUTH_TOKEN_URL": "https://login.example/token",
        "STREAM_APP_OAUTH_CLIENT_ID": "worker",
        **others,
    }


def test_a_token_needs_its_own_settings_and_no_password() -> None:
    """OAUTHBEARER without a secret, or with a user's name, is refused; so are its settings with another mechanism."""
    assert (
        "STREAM_APP_OAUTH_CLIENT_SECRET must be set with STREAM_APP_SASL_MECHANISM=OAUTHBEARER",
        "STREAM_APP_SASL_USERNAME is set, but STREAM_APP_SASL_MECHANISM=OAUTHBEARER does not use it",
    ) == problems(token(STREAM_APP_SASL_USERNAME="worker"))
    assert ("STREAM_APP_OAUTH_SCOPE is set, but STREAM_APP_SASL_MECHANISM=PLAIN does not use it",) == problems(
        login(STREAM_APP_SASL_PASSWORD="hunter2", STREAM_APP_OAUTH_SCOPE="kafka")  # noqa: S106 - made up
    )


def test_a_client_secret_travels_in_tls_only() -> None:
    """A token endpoint without TLS is refused, but on this machine; what is no URL is refused too."""
    secret = {"STREAM_APP_OAUTH_CLIENT_SECRET": "hunter2"}
    url = "STREAM_APP_OAUTH_TOKEN_URL"
    assert (f"{url} must be an https URL: the client's secret is sent there",) == problems(
        token(**secret, **{url: "http://login.example/token"})
    )
    assert read_settings(token(**secret, **{url: "http://127.0.0.1:8080/token"})).oauth_token_url
    assert (f"{url} must hold no name or password: STREAM_APP_OAUTH_CLIENT_ID is for it",) == problems(
        token(**secret, **{url: "https://worker:hunter2@login.example/token"})
    )
    assert (f"{url} is no URL: Invalid IPv6 URL",) == problems(token(**secret, **{url: "https://[login.example"}))
    (said,) = problems(token(**secret, **{url: "login.example"}))
    assert said.startswith(f"{url} is 'login.example': it must be an https URL (with OAUTHBEARER: ")


def test_the_password_of_no_key_is_refused() -> None:
    """A key's password without a key is a mistake."""
    assert ("STREAM_APP_SSL_KEY_PASSWORD is set, but STREAM_APP_SSL_KEY_LOCATION is not",) == problems(
        {"STREAM_APP_SECURITY_PROTOCOL": "SSL", "STREAM_APP_SSL_KEY_PASSWORD": "hunter2"}
    )


def test_topics_must_differ_and_copies_suffice() -> None:
    """One topic for two purposes, one of the app's own, or more written copies than there are, is refused."""
    assert (
        "STREAM_APP_SYSMON_TOPIC, STREAM_APP_REJECTED_TOPIC must differ from one another: each is 'sysmon'",
        "STREAM_APP_OCSF_TOPIC, STREAM_APP_CEF_TOPIC must differ from one another: each is 'soar'",
        "STREAM_APP_ECS_TOPIC must not be 'soc-matches': that topic is this app's own",
        "STREAM_APP_MIN_INSYNC must not be more than STREAM_APP_REPLICATION=1",
    ) == problems(
        {
            "STREAM_APP_APP_ID": "soc",
            "STREAM_APP_ECS_TOPIC": "soc-matches",
            "STREAM_APP_REJECTED_TOPIC": "sysmon",
            "STREAM_APP_OCSF_TOPIC": "soar",
            "STREAM_APP_CEF_TOPIC": "soar",
            "STREAM_APP_MIN_INSYNC": "2",
        }
    )


def login(**others: str) -> dict[str, str]:
    """Give an environment that logs in, but for the password."""
    return {
        "STREAM_APP_SECURITY_PROTOCOL": "SASL_SSL",
        "STREAM_APP_SASL_MECHANISM": "PLAIN",
        "STREAM_APP_SASL_USERNAME": "worker",
        **others,
    }


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    """The variable with _FILE names a file; the line's end is no part of the secret, blanks are."""
    secret = tmp_path / "password"
    secret.write_text(" hunter2 \n")
    assert " hunter2 " == read_settings(login(STREAM_APP_SASL_PASSWORD_FILE=str(secret))).sasl_password


def test_a_secret_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    """A missing file, one that is no text, one that is empty, and a secret given twice are each named."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    gone = tmp_path / "gone"
    variable = "STREAM_APP_SASL_PASSWORD_FILE"
    assert (f"{variable}: cannot read '{gone}': No such file or directory",) == problems(login(**{variable: str(gone)}))
    assert (f"{variable}: cannot read '{binary}': it is not text",) == problems(login(**{variable: str(binary)}))
    (tmp_path / "empty").write_text(" \n")
    token = {"STREAM_APP_WEB_TOKEN_FILE": str(tmp_path / "empty")}
    assert (f"STREAM_APP_WEB_TOKEN_FILE: '{tmp_path / 'empty'}' is empty",) == problems(token)
    assert (f"STREAM_APP_SASL_PASSWORD and {variable} are both set: set one",) == problems(
        login(**{variable: str(binary), "STREAM_APP_SASL_PASSWORD": "hunter2"})
    )


def test_no_secret_is_ever_shown() -> None:
    """Neither the settings nor what is made of them, nor a complaint about them, holds a password."""
    secrets = {"STREAM_APP_SASL_PASSWORD": "hunter2", "STREAM_APP_SSL_KEY_PASSWORD": "hunter3"}
    files = {"STREAM_APP_SSL_CERTIFICATE_LOCATION": "a", "STREAM_APP_SSL_KEY_LOCATION": "b"}
    settings = read_settings(login(STREAM_APP_WEB_TOKEN="hunter4", **secrets, **files))  # noqa: S106 - made up
    options = parts.worker_options(settings), parts.health_options(settings)
    shown = f"{settings!r} {settings} {parts.connection(settings)!r} {settings.shown()!r} {options!r}"
    assert "hunter" not in shown
    assert "sasl_password='***'" in shown
    assert "ssl_key_password=''" in repr(Settings())


def test_every_setting_is_described() -> None:
    """Each row of the table has a variable, a meaning and what is allowed; only passwords and the token are secrets."""
    table = settings_table()
    assert len(Settings.__struct_fields__) == len(table) == len({row.variable for row in table})
    assert all(row.description and row.allowed for row in table)
    secrets = ["sasl_password", "oauth_client_secret", "ssl_key_password", "web_token"]
    assert secrets == [row.field for row in table if row.secret]


def test_every_default_is_allowed() -> None:
    """Writing each default out changes nothing."""
    assert Settings() == read_settings({row.variable: row.default for row in settings_table()})


@given(
    settings=st.builds(
        Settings,
        app_id=st.text(ALLOWED.filter(str.isalnum), min_size=1, max_size=20),
        rules=st.text(ALLOWED, min_size=1),
        instance_id=st.text(ALLOWED),
        partitions=st.integers(1, 1000),
        ignore_case=st.booleans(),
        commit_interval_s=st.floats(0.05, 60),
        clock=st.sampled_from(["receive", "event"]),
    )
)
def test_settings_that_are_written_are_read_again(settings: Settings) -> None:
    """A child process that is given the variables has the same settings."""
    assert settings == read_settings(write_settings(settings))


def test_the_defaults_are_those_of_the_rooms_below() -> None:
    """What a setting leaves as it is equals what the code below does by itself."""
    settings = Settings()
    assert Connection() == parts.connection(settings)
    assert Names() == parts.names(settings)
    assert Defaults() == parts.defaults(settings)


def test_every_security_setting_reaches_the_connection() -> None:
    """No field of a connection but the client's own name is left without a setting."""
    fields = {field.name for field in msgspec.structs.fields(Connection)}
    assert {"client_id"} == fields - set(Settings.__struct_fields__)


def test_seconds_become_milliseconds() -> None:
    """The rooms below count in milliseconds."""
    defaults = parts.defaults(Settings(lateness_s=7, clear_after_s=11, update_interval_s=3, clock="event"))
    times = defaults.lateness, defaults.clear_after, defaults.update_interval
    assert (7_000, 11_000, 3_000, True) == (*times, defaults.event_clock)


def test_topics_are_declared_as_set() -> None:
    """Names, partitions and copies of the topics are those of the settings."""
    settings = Settings(app_id="a", sysmon_topic="s", cef_topic="soar", partitions=7, replication=3, min_insync=2)
    declared = parts.topics(settings)
    ours = ["a-matches", "a-windows-changelog", "a-watchlists", "a-rules", "a-status"]
    assert ["s", *ours, "incidents", "incidents-shadow", "soar", "rejected"] == [topic.name for topic in declared]
    shared = [topic for topic in declared if topic.name not in {"a-watchlists", "a-rules", "a-status"}]
    assert {(7, 3, "2")} == {(each.partitions, each.replication, each.config["min.insync.replicas"]) for each in shared}
    wholes = [each for each in declared if each not in shared]  # every worker reads all of them
    assert {(1, 3, "2")} == {(each.partitions, each.replication, each.config["min.insync.replicas"]) for each in wholes}
