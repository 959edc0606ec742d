"""The table of rights: every topic has its writers and readers, and every right has one."""

from stream_app.kafka.acls import commands, grouped, of_role, rights
from stream_app.kafka.topics import FORWARDER, OPERATOR, ROLES, SOAR, TOOLS, WORKER, Names, declare

TOPICS = declare(processes=4)
FOUND = rights(TOPICS, Names().app_id)


def test_every_topic_says_who_writes_and_who_reads() -> None:
    """A topic that nobody writes or nobody reads is a mistake, and so is a role that there is not."""
    assert [] == [topic.name for topic in TOPICS if not topic.writers or not topic.readers]
    assert set(ROLES) >= {role for topic in TOPICS for role in (*topic.writers, *topic.readers)}
    assert all(why for topic in TOPICS for why in (*topic.writers.values(), *topic.readers.values()))


def test_every_reader_and_writer_has_the_right_and_nobody_else() -> None:
    """Of each topic: READ for its readers, WRITE for its writers."""
    for operation, of in (("READ", "readers"), ("WRITE", "writers")):
        expected = {(role, topic.name) for topic in TOPICS for role in getattr(topic, of)}
        found = {(each.role, each.name) for each in FOUND if each.operation == operation and each.resource == "topic"}
        assert expected == found


def test_nobody_has_more_than_is_said_here() -> None:
    """Workers make and change no topic; what is not ours touches one topic; nothing is deleted, and little altered."""
    assert {"READ", "WRITE", "DESCRIBE_CONFIGS"} == {each.operation for each in of_role(FOUND, WORKER)}
    assert {"READ", "WRITE", "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS"} == {
        each.operation for each in of_role(FOUND, TOOLS)
    }
    assert ["sysmon", "stream-app-matches", "stream-app-windows-changelog"] == [
        each.name for each in FOUND if each.operation == "ALTER" and each.role == OPERATOR
    ]
    assert 3 == sum(each.operation.startswith("ALTER") for each in FOUND)
    assert [("sysmon", "WRITE")] == [(each.name, each.operation) for each in of_role(FOUND, FORWARDER)]
    assert [("incidents", "READ")] == [(each.name, each.operation) for each in of_role(FOUND, SOAR)]
    assert len(FOUND) == len({(each.role, each.resource, each.name, each.operation) for each in FOUND})


def test_rights_are_written_as_the_tool_of_kafka_takes_them() -> None:
    """A call for each resource, with all of its operations; a name with a blank is quoted."""
    soar = [each for each in FOUND if each.role in {SOAR, FORWARDER}]
    assert [
        "kafka-acls.sh --bootstrap-server k:1 --add --allow-principal 'User:CN=a b' --operation Write --topic sysmon",
        "kafka-acls.sh --bootstrap-server k:1 --add --allow-principal 'User:CN=a b' --operation Read --topic incidents",
    ] == list(commands(soar, "User:CN=a b", "k:1"))
    (*_, line) = commands(of_role(FOUND, OPERATOR), "User:o", "k:1")
    assert line.endswith(" --operation Write --transactional-id stream-app-replay")
    (line, *_) = (each for each in commands(of_role(FOUND, TOOLS), "User:t", "k:1") if "changelog" in each)
    assert "--operation Create --operation Describe --operation DescribeConfigs --topic " in line


def test_a_row_says_all_of_a_resource() -> None:
    """By role and resource: the operations and what they are for."""
    rows = [row for row in grouped(FOUND) if row[:3] == (WORKER, "topic", "stream-app-matches")]
    assert [
        (
            WORKER,
            "topic",
            "stream-app-matches",
            "READ, WRITE",
            "windows: matches and progress; detect: matches and progress",
        )
    ] == rows
