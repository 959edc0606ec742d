"""Settings: a mapping of environment variables goes in, one frozen value or every mistake in it comes out.

Decision: the struct *is* the table. A field's annotation holds its type, its bounds and its description; its default
stands beside it; its variable is the prefix and the field's name in capitals. The help text, the README's table and the
deployment files are all held to :func:`settings_table`, so nothing is said twice. A variable with the prefix that is no
setting is refused, since a misspelt one would otherwise be silence; only the names that Kubernetes sets for a service
called ``stream-app`` are passed over.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from stream_app.service.contradictions import PREFIX as PREFIX  # noqa: PLC0414 - it is this table's too
from stream_app.service.contradictions import contradictions

FILE_SUFFIX = "_FILE"
"""A secret may be read from a file: the variable's name with this suffix gives the path."""

_SECRET = {"secret": True}
_KUBERNETES = re.compile(r"(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)\Z")

OtherTopic = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{0,200}$", title="a topic's name, or empty")]
TopicName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,200}$", title="a name of letters, digits, '.', '_', '-'")]
"""What Kafka takes as a topic's name, short enough for what Faust hangs on it (at most 249 characters in all)."""


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that a deployment decides. Seconds are called ``_s``, sizes are bytes."""

    bootstrap_servers: Annotated[
        str,
        Meta(
            pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$",
            title="host:port, or several with commas between",
            description="Kafka brokers to begin with",
        ),
    ] = "127.0.0.1:9092"
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
        Meta(description="how the brokers are spoken to"),
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[
        Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"],
        Meta(description="how to log in, with a SASL protocol"),
    ] = ""
    sasl_username: Annotated[str, Meta(description="who logs in")] = ""
    sasl_password: Annotated[str, Meta(description="the password of that user", extra=_SECRET)] = ""
    oauth_token_url: Annotated[
        str,
        Meta(
            pattern=r"^https?://[^\s/]+(/\S*)?$",
            title="an https URL",
            description="with OAUTHBEARER: where tokens are had, for client credentials",
        ),
    ] = ""
    oauth_client_id: Annotated[str, Meta(description="who asks for a token")] = ""
    oauth_client_secret: Annotated[str, Meta(description="the secret of that client", extra=_SECRET)] = ""
    oauth_scope: Annotated[str, Meta(description="scopes that are asked for, blanks between; empty: none")] = ""
    oauth_ca_location: Annotated[
        str, Meta(description="PEM file of the authorities that the token's server is trusted by; empty: the system's")
    ] = ""
    ssl_ca_location: Annotated[
        str, Meta(description="PEM file of the authorities that are trusted; empty: the system's")
    ] = ""
    ssl_certificate_location: Annotated[str, Meta(description="PEM file of this client's certificate")] = ""
    ssl_key_location: Annotated[str, Meta(description="PEM file of this client's private key")] = ""
    ssl_key_password: Annotated[str, Meta(description="the password of that key", extra=_SECRET)] = ""
    app_id: Annotated[
        TopicName, Meta(description="name of the consumer group; matches and the changelog are named for it")
    ] = "stream-app"
    sysmon_topic: Annotated[TopicName, Meta(description="topic that Sysmon records are read from")] = "sysmon"
    incidents_topic: Annotated[TopicName, Meta(description="topic that incidents are written to")] = "incidents"
    rejected_topic: Annotated[TopicName, Meta(description="topic for what could not be read, or came too late")] = (
        "rejected"
    )
    shadow_topic: Annotated[TopicName, Meta(description="topic for the incidents of rules in shadow")] = (
        "incidents-shadow"
    )
    ocsf_topic: Annotated[OtherTopic, Meta(description="topic for incidents as OCSF findings; empty: none")] = ""
    ecs_topic: Annotated[OtherTopic, Meta(description="topic for incidents as ECS documents; empty: none")] = ""
    thehive_topic: Annotated[OtherTopic, Meta(description="topic for TheHive alerts; empty: none")] = ""
    fortisoar_topic: Annotated[OtherTopic, Meta(description="topic for FortiSOAR alerts; empty: none")] = ""
    cef_topic: Annotated[OtherTopic, Meta(description="topic for incidents as lines of CEF; empty: none")] = ""
    partitions: Annotated[int, Meta(ge=1, le=1000, description="partitions of each topic that is created")] = 4
    replication: Annotated[int, Meta(ge=1, le=15, description="copies of each partition that is created")] = 1
    min_insync: Annotated[
        int, Meta(ge=1, le=15, description="copies that must be written before a record counts as sent")
    ] = 1
    rules: Annotated[str, Meta(min_length=1, description="folder of the rules")] = "rules"
    rules_from: Annotated[
        Literal["folder", "topic"],
        Meta(description="where workers have rules from, and hear of changes: that folder, or what was published"),
    ] = "folder"
    ignore_case: Annotated[
        bool, Meta(description="whether filters compare without regard to case, unless a rule says")
    ] = True
    clock: Annotated[
        Literal["receive", "event"],
        Meta(description="a rule's time, unless it says: when a record was received, or when its event was created"),
    ] = "receive"
    lateness_s: Annotated[
        int, Meta(ge=0, le=31_536_000, description="seconds that a record may be behind the stream and still count")
    ] = 600
    clear_after_s: Annotated[
        int, Meta(ge=1, le=31_536_000, description="seconds without a trigger after which an incident is over")
    ] = 86_400
    update_interval_s: Annotated[
        int,
        Meta(ge=0, le=31_536_000, description="seconds between records of one incident, unless a rule says; 0: all"),
    ] = 60
    row_limit_bytes: Annotated[
        int,
        Meta(
            ge=100_000,
            le=700_000,
            description="bytes of a group's row; a match that would make it larger is rejected",
        ),
    ] = 700_000
    evidence: Annotated[int, Meta(ge=1, le=100, description="triggering records that an incident names")] = 5
    max_record_bytes: Annotated[
        int,
        Meta(
            ge=1_000, le=100_000_000, description="bytes of the largest record that is read; larger ones are rejected"
        ),
    ] = 1_000_000
    record_budget_ms: Annotated[
        int,
        Meta(
            ge=0, le=60_000, description="CPU milliseconds after which a record is rejected as too expensive; 0: never"
        ),
    ] = 500
    rejected_value_bytes: Annotated[
        int, Meta(ge=0, le=700_000, description="bytes of a rejected record that are kept with it")
    ] = 65_536
    process_context: Annotated[
        bool, Meta(description="whether a connection gets command and parentProcName of its process, from its event 1")
    ] = False
    process_age_s: Annotated[
        int,
        Meta(ge=60, le=31_536_000, description="seconds after which a process whose end was never heard of is over"),
    ] = 2_592_000
    process_wait_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=3_600_000,
            description="milliseconds that a connection may wait for its event 1, in replay only; 0: not at all",
        ),
    ] = 0
    store: Annotated[
        Literal["memory", "rocksdb"],
        Meta(description="where a worker keeps its rows; on disk (extra rocksdb) for more keys than memory"),
    ] = "memory"
    data_dir: Annotated[str, Meta(min_length=1, description="folder for what a worker keeps on disk")] = "data"
    drained: Annotated[
        Literal["follow", "hold"],
        Meta(description="time of a source partition read to its end: it follows the wall clock, or holds"),
    ] = "follow"
    session_timeout_s: Annotated[
        int,
        Meta(ge=2, le=300, description="seconds without a sign of life after which a worker's partitions go to others"),
    ] = 10
    commit_interval_s: Annotated[float, Meta(ge=0.05, le=60, description="seconds between commits of offsets")] = 1.0
    on_gap: Annotated[
        Literal["stop", "continue"],
        Meta(description="what a worker does where retention removed records unread: stop, or count them and go on"),
    ] = "stop"
    reject_streak: Annotated[
        int, Meta(ge=1, le=1_000_000_000, description="records rejected one after another that are logged as an error")
    ] = 1000
    on_reject_streak: Annotated[
        Literal["continue", "stop"],
        Meta(description="what a worker does at such a streak: reject what follows too, or stop"),
    ] = "continue"
    stall_s: Annotated[
        int,
        Meta(ge=1, le=86_400, description="seconds without a commit, with lag, after which a worker is reported dead"),
    ] = 60
    health_file: Annotated[
        str, Meta(description="file for the worker's health, written each second; its age is a probe too; empty: none")
    ] = ""
    health_host: Annotated[
        str, Meta(min_length=1, title="a host name or address", description="address for the health probes")
    ] = "127.0.0.1"
    health_port: Annotated[
        int, Meta(ge=0, le=65_535, description="port for GET /live, GET /ready and GET /metrics; 0: none")
    ] = 0
    console_host: Annotated[
        str, Meta(min_length=1, title="a host name or address", description="address for the page of `console`")
    ] = "127.0.0.1"
    console_port: Annotated[int, Meta(ge=0, le=65_535, description="port for the page of `console`; 0: a free one")] = (
        8080
    )
    web_token: Annotated[
        str,
        Meta(
            description="token that web ports ask for (Authorization: Bearer); without, /live and /ready give a status",
            extra=_SECRET,
        ),
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="least level that is logged")
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"], Meta(description="one line of text, or one JSON object, per log record")
    ] = "text"
    instance_id: Annotated[
        str, Meta(description="fixed name of this worker, if it has one: restarts then move no partitions")
    ] = ""

    def __repr__(self) -> str:
        """Show every setting but the secrets, which show only whether they are set."""
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.shown().items())})"

    def shown(self) -> dict[str, str | int | float]:
        """Give each field's value, in order, a secret that is set being ``***``."""
        return {
            row.field: "***" if row.secret and getattr(self, row.field) else getattr(self, row.field)
            for row in settings_table()
        }


class Setting(Struct, frozen=True):
    """One row of the table: ``default`` and ``allowed`` as a person writes and reads them."""

    field: str
    variable: str
    default: str
    allowed: str
    description: str
    secret: bool


class SettingsError(Exception):
    """Settings that cannot be. ``problems`` holds one line for each, naming the variable; no secret is quoted."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def settings_table() -> tuple[Setting, ...]:
    """Give every setting in the order of declaration."""
    hints = get_type_hints(Settings, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(Settings):
        metas = _metas(hints[field.name])
        rows.append(
            Setting(
                field=field.name,
                variable=PREFIX + field.name.upper(),
                default=_written(field.default),
                allowed=_allowed(hints[field.name]),
                description=next(meta.description for meta in metas if meta.description),
                secret=any((meta.extra or {}).get("secret") for meta in metas),
            )
        )
    return tuple(rows)


def read_settings(environ: Mapping[str, str], read_file: Callable[[Path], str] = Path.read_text) -> Settings:
    """Read the settings among ``environ``; an empty variable is none, and blanks around a value are left out.

    Raises :class:`SettingsError` with all that is wrong. ``read_file`` is called for secrets given as files only.
    """
    hints = get_type_hints(Settings, include_extras=True)
    given = {
        name.removeprefix(PREFIX): text for name, text in environ.items() if name.startswith(PREFIX) and text.strip()
    }
    values: dict[str, Any] = {}
    problems: list[str] = []
    for row in settings_table():
        text = given.pop(row.field.upper(), None)
        if row.secret:
            text = _secret(row, text, given.pop(row.field.upper() + FILE_SUFFIX, None), read_file, problems)
        if text is None:
            continue
        text = text if row.secret else text.strip()
        try:
            values[row.field] = msgspec.convert(text, hints[row.field], strict=False)
        except msgspec.ValidationError:
            problems.append(f"{row.variable} is {text!r}: it must be {row.allowed} ({row.description})")
    problems.extend(_unknown(name) for name in sorted(given) if not _KUBERNETES.match(name))
    settings = Settings(**values)
    problems.extend(() if problems else contradictions(settings))
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def write_settings(settings: Settings) -> dict[str, str]:
    """Give the variables from which :func:`read_settings` makes these settings again; secrets are among them."""
    written = {row.variable: _written(getattr(settings, row.field)) for row in settings_table()}
    return {variable: text for variable, text in written.items() if text}


def _secret(
    row: Setting, text: str | None, path: str | None, read_file: Callable[[Path], str], problems: list[str]
) -> str | None:
    if path is None:
        return text
    variable = row.variable + FILE_SUFFIX
    if text is not None:
        problems.append(f"{row.variable} and {variable} are both set: set one")
        return None
    try:
        text = read_file(Path(path)).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        problems.append(f"{variable}: cannot read {path!r}: {reason}")
        return None
    if not text.strip():  # an empty token would open a port that was meant to be closed
        problems.append(f"{variable}: {path!r} is empty")
        return None
    return text


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, [row.field.upper() for row in settings_table()], n=1)
    return f"{PREFIX}{name} is no setting" + (f": did you mean {PREFIX}{near[0]}?" if near else "")


def _metas(hint: object) -> list[Meta]:
    return [part for part in get_args(hint) if isinstance(part, Meta)] if get_origin(hint) is Annotated else []


def _written(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _allowed(hint: object) -> str:
    """Say in words what a type and its bounds let through."""
    base = get_args(hint)[0]
    metas = _metas(hint)
    if get_origin(base) is Literal:
        return "one of " + ", ".join(choice or "(empty)" for choice in get_args(base))
    if base is bool:
        return "true or false"
    if base in (int, float):
        low = next(meta.ge for meta in metas if meta.ge is not None)
        high = next(meta.le for meta in metas if meta.le is not None)
        return f"a {'whole ' if base is int else ''}number from {low} to {high}"
    return next((meta.title for meta in metas if meta.title), "text")
