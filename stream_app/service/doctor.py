"""Everything that must be so before the first run, looked at in the order in which one thing needs another.

Goes in: the environment; comes out: findings, one by one as they are made. Decision: nothing is changed on the Kafka
unless records may be written (brokerclock.py), and every question has a time-out, so that an examination ends.
"""

from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stream_app.kafka.acls import TRANSACTIONS, Right
from stream_app.kafka.admin import KafkaUnavailable, describe_topics, partitions_of
from stream_app.kafka.brokerclock import clock
from stream_app.kafka.compacted import TopicUnread
from stream_app.kafka.connection import Connection
from stream_app.kafka.finding import Finding, good, warning, wrong
from stream_app.kafka.groupfindings import group
from stream_app.kafka.reachability import brokers, certificates, cluster, servers
from stream_app.kafka.rights import missing_rights
from stream_app.kafka.sources import NoRules
from stream_app.kafka.topicfindings import topics
from stream_app.kafka.topics import WORKER
from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.rule import Rulebook
from stream_app.service import parts
from stream_app.service.settings import Settings, SettingsError, read_settings
from stream_app.service.surroundings import surroundings


def examine(
    environ: Mapping[str, str], *, write: bool, step: Callable[[str], None], role: str = WORKER
) -> Iterator[Finding]:
    """Give findings; ``step`` is told what is looked at next. ``write``: two harmless records may be written.

    ``role`` is whose rights the user that logs in must have.
    """
    step("settings")
    try:
        settings = read_settings(environ)
        parts.worker_options(settings)
    except SettingsError as error:
        yield from (wrong("settings", problem, "see `stream-app worker --help`") for problem in error.problems)
        return
    yield good("settings", "they can be read")
    rules: list[Rulebook] = []
    if settings.rules_from == "folder":
        step("rules")
        yield from _rules(settings, rules)
    step("this machine")
    yield from surroundings(settings)
    step(f"servers {settings.bootstrap_servers}")
    connection, clients = parts.connection(settings), list[AdminClient]()
    found = list(servers(connection))
    yield from found
    if all(each.level == "error" for each in found):
        return
    yield from certificates(connection)
    step("log in")
    yield from cluster(connection, clients)
    for client in clients:
        yield from _kafka(settings, connection, client, rules, write=write, step=step, role=role)


def _rules(settings: Settings, rules: list[Rulebook]) -> Iterator[Finding]:
    """Look at the rules that a worker would begin with; a rulebook that can be loaded is put into ``rules``."""
    try:
        ours = parts.rules(settings)
    except LanguageError as error:
        yield wrong("rules", str(error), "no worker starts with a rule that is wrong")
        return
    except (NoRules, TopicUnread) as error:
        yield wrong("rules", str(error), "no worker starts without rules")
        return
    ours.source.close()
    rules.append(ours.rulebook)
    for each in ours.refused:
        said = f"what was published last cannot run: {each.set_id}: {each.problems[0]}"
        yield wrong("rules", said, "`stream-app rules publish` a set that can")
    enabled = len(ours.rulebook.enabled)
    if enabled:
        yield good("rules", f"{enabled} of {len(ours.rulebook.rules)} are enabled")
    else:
        yield warning(
            "rules", f"none in {ours.source.name} is enabled: there will be no incident", "see STREAM_APP_RULES"
        )


def _kafka(  # noqa: PLR0913 - what was found before, and how to go on
    settings: Settings,
    connection: Connection,
    client: AdminClient,
    rules: list[Rulebook],
    *,
    write: bool,
    step: Callable[[str], None],
    role: str,
) -> Iterator[Finding]:
    """Ask a Kafka that answers. What one question cannot be told does not keep the others from being asked."""
    names = parts.names(settings)
    published = settings.rules_from == "topic"
    lists = published or any(rulebook.lists is not None for rulebook in rules)  # as a worker asks for its rights
    counts: dict[str, int] = {}
    steps: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        *([("rules", lambda: _rules(settings, rules))] if published else []),
        ("brokers", lambda: brokers(client, settings.replication, settings.session_timeout_s)),
        ("topics", lambda: _topics(settings, connection, client, rules, counts)),
        ("group", lambda: group(client, names, connection.client_id, _read(counts, names.sysmon, names.matches))),
        ("rights", lambda: _rights(connection, role, parts.needed_rights(settings, role, lists=lists))),
        ("clock", lambda: clock(connection, client, names.matches, counts.get(names.matches, 0), write=write)),
    )
    for about, ask in steps:
        step(about)
        if about == "clock" and not counts.get(names.matches):
            yield warning(about, f"not looked at: it needs the topic {names.matches}", "stream-app topics create")
            continue
        try:
            yield from ask()
        except (KafkaUnavailable, KafkaException) as error:
            said = error.args[0].str() if isinstance(error, KafkaException) else str(error)
            yield wrong(about, said, "is it a right that is missing? see `stream-app topics acls`")


def _read(counts: Mapping[str, int], *topics_read: str) -> dict[str, int]:
    return {name: counts[name] for name in topics_read if counts.get(name)}


def _topics(
    settings: Settings, connection: Connection, client: AdminClient, rules: list[Rulebook], counts: dict[str, int]
) -> Iterator[Finding]:
    declared = parts.topics(settings, partitions_of(connection, settings.sysmon_topic))
    states = describe_topics(connection, declared)
    counts.update({state.name: state.partitions for state in states})
    enabled = [rule for rulebook in rules for rule in rulebook.enabled]
    needed = max((rule.window + rule.lateness for rule in enabled), default=settings.lateness_s * 1000)
    yield from topics(client, declared, states, parts.names(settings), needed)


def _rights(connection: Connection, role: str, needed: tuple[Right, ...]) -> Iterator[Finding]:
    """Look for those that a broker tells of: of a transactional id it does not."""
    wanted = [right for right in needed if right.resource != TRANSACTIONS]
    missing = missing_rights(connection, wanted)
    for right in missing:
        says = f"no right to {right.operation} {right.resource} {right.name} ({right.why})"
        yield wrong("rights", says, f"stream-app topics acls --role {right.role}")
    if not missing:
        yield good("rights", f"all {len(wanted)} that the role {role} needs{_untold(needed)}")


def _untold(needed: tuple[Right, ...]) -> str:
    untold = [f"{right.operation} {right.resource} {right.name}" for right in needed if right.resource == TRANSACTIONS]
    return f"; a broker does not say whether it may {', '.join(untold)}" if untold else ""
