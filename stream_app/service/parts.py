"""The settings, cut into the values that the rooms below take. Decision: seconds become milliseconds here, once."""

from contextlib import suppress
from pathlib import Path

import msgspec

from stream_app.engine.process_context import Joining
from stream_app.handoff.formats import FORMATS, NATIVE, Format
from stream_app.kafka.acls import Right, of_role, rights
from stream_app.kafka.app import WorkerOptions
from stream_app.kafka.compacted import PATIENCE
from stream_app.kafka.connection import Connection
from stream_app.kafka.outlets import Outlet, Outlets
from stream_app.kafka.reader import Limits
from stream_app.kafka.sources import Rules, from_folder, from_topic
from stream_app.kafka.topics import TOOLS, Names, Topic, declare
from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.editions import Editions
from stream_app.rulebook.load import load_rulebook, load_set
from stream_app.rulebook.rule import Rulebook
from stream_app.rulebook.rulefile import Defaults
from stream_app.service.health import HealthOptions
from stream_app.service.logs import worker_name
from stream_app.service.settings import Settings, SettingsError

PUBLISHED = "rules"
"""The folder that published rules are said to lie in: the same one for every worker."""


def connection(settings: Settings) -> Connection:
    """Give how to reach the brokers; every field of a connection but the client's name is a setting of that name."""
    return Connection(
        **{
            field.name: getattr(settings, field.name)
            for field in msgspec.structs.fields(Connection)
            if field.name in settings.__struct_fields__
        }
    )


def names(settings: Settings) -> Names:
    """Give what the topics are called."""
    return Names(
        app_id=settings.app_id,
        sysmon=settings.sysmon_topic,
        incidents=settings.incidents_topic,
        rejected=settings.rejected_topic,
        shadow=settings.shadow_topic,
        **{form.name: getattr(settings, f"{form.name}_topic") for form in FORMATS},
    )


def outlets(names: Names) -> Outlets:
    """Give what incidents are written as, and on which topics: FortiSIEM's words first, then each format that is on."""
    forms = {form.name: form for form in FORMATS}
    told = [(names.incidents, NATIVE), *((topic, forms[name]) for name, topic in names.handed.items())]
    first, *others = [_outlet(topic, form) for topic, form in told]
    return Outlets((first, *others), _outlet(names.shadow, NATIVE))


def _outlet(topic: str, form: Format) -> Outlet:
    return Outlet(topic=topic, schema=form.name, version=form.version, to_bytes=form.to_bytes)


def topics(settings: Settings, sysmon_partitions: int = 0) -> tuple[Topic, ...]:
    """Give the topics as these settings declare them; ``sysmon_partitions`` of the sysmon topic, if it is there."""
    return declare(
        names(settings),
        partitions=settings.partitions,
        replication=settings.replication,
        min_insync=settings.min_insync,
        processes=(sysmon_partitions or settings.partitions) if settings.process_context else 0,
    )


def needed_rights(settings: Settings, role: str, *, lists: bool) -> tuple[Right, ...]:
    """Give what a role must be allowed to do; what counts needs watch lists and published rules where they are used."""
    named = names(settings)
    unused = {*(() if lists else (named.watchlists,)), *(() if settings.rules_from == "topic" else (named.rules,))}
    declared = [topic for topic in topics(settings) if role == TOOLS or topic.name not in unused]
    return of_role(rights(declared, settings.app_id), role)


def defaults(settings: Settings) -> Defaults:
    """Give what holds for a rule that does not say otherwise."""
    return Defaults(
        ignore_case=settings.ignore_case,
        event_clock=settings.clock == "event",
        lateness=settings.lateness_s * 1000,
        clear_after=settings.clear_after_s * 1000,
        evidence=settings.evidence,
        update_interval=settings.update_interval_s * 1000,
        row_limit=settings.row_limit_bytes,
    )


def rules(settings: Settings, patience: float = PATIENCE) -> Rules:
    """Give what a worker begins with, and where it hears of other rules; a topic may say nothing for ``patience`` s.

    Raises LanguageError with every mistake in a folder; TopicUnread, NoRules where the topic has none that can run.
    """
    options = defaults(settings)
    if settings.rules_from == "topic":
        return from_topic(
            connection(settings), names(settings).rules, lambda found: load_set(found, PUBLISHED, options), patience
        )
    shown = Path(settings.rules).as_posix()
    try:
        return from_folder(Path(settings.rules), lambda found: load_set(found, shown, options))
    except OSError:
        load_rulebook(Path(settings.rules), options)  # it says what is wrong with which file
        raise


def editions(settings: Settings) -> Editions:
    """Give every edition of a rule that is known where workers have their rules from. Raises as :func:`rules`."""
    ours = rules(settings)
    found = Editions(ours.rulebook)
    for each in ours.source.others():
        with suppress(LanguageError):  # a set that never ran
            found.keep(ours.load(each))
    ours.source.close()
    return found


def rulebook(settings: Settings) -> Rulebook:
    """Load the rules. Raises LanguageError with every mistake in them."""
    return load_rulebook(Path(settings.rules), defaults(settings))


def joining(settings: Settings) -> Joining | None:
    """Give how connections are joined with their processes; None where they are not."""
    if not settings.process_context:
        return None
    return Joining(age=settings.process_age_s * 1000, wait=settings.process_wait_ms)


def worker_options(settings: Settings) -> WorkerOptions:
    """Give what a worker is started with. It says four times in a session that it lives.

    A batch that is not settled ends a worker, but not before it was reported dead and had time to come back. Raises
    SettingsError for what only a replay can do.
    """
    if settings.process_wait_ms:
        said = (
            f"STREAM_APP_PROCESS_WAIT_MS is {settings.process_wait_ms}: a worker does not wait for the event 1 of a "
            "process, since all records behind a connection of an older process would wait too; set 0"
        )
        raise SettingsError((said,))
    return WorkerOptions(
        connection=connection(settings),
        names=names(settings),
        partitions=settings.partitions,
        max_record_bytes=settings.max_record_bytes,
        record_budget_ms=settings.record_budget_ms,
        rejected_value_bytes=settings.rejected_value_bytes,
        drained=settings.drained,
        session_timeout_s=settings.session_timeout_s,
        heartbeat_interval_s=settings.session_timeout_s / 4,
        commit_interval_s=settings.commit_interval_s,
        instance_id=settings.instance_id,
        name=worker_name(settings.instance_id),
        data_dir=Path(settings.data_dir),
        store=settings.store,
        limits=Limits(go_on=settings.on_gap == "continue", stall=settings.stall_s * 2),
        reject_streak=settings.reject_streak,
        stop_at_streak=settings.on_reject_streak == "stop",
        joining=joining(settings),
    )


def health_options(settings: Settings) -> HealthOptions:
    """Give how a worker's health is judged, and where it is said."""
    return HealthOptions(
        connection=connection(settings),
        stall_s=settings.stall_s,
        file=settings.health_file,
        host=settings.health_host,
        port=settings.health_port,
        token=settings.web_token,
    )
