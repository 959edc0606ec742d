"""deploy/SOAR.md says what the code does."""

from pathlib import Path

from stream_app.handoff.formats import FORMATS
from stream_app.kafka.topics import HANDED, Names
from stream_app.service.settings import Settings
from tests.docs.soar import formats, mappings

TEXT = (Path(__file__).parents[2] / "deploy" / "SOAR.md").read_text()


def test_the_tables_are_those_of_the_code() -> None:
    """What each SOAR maps to what is printed from the declared rows."""
    assert f"\n\n{formats()}\n\n" in TEXT
    assert f"\n\n{mappings()}\n" in TEXT


def test_each_format_has_a_topic_a_setting_and_a_purpose() -> None:
    """The lists of formats in three rooms, which do not know one another, are one."""
    names = [form.name for form in FORMATS]
    assert names == list(HANDED)
    assert set(names) <= set(Names.__struct_fields__)
    assert {f"{name}_topic" for name in names} <= set(Settings.__struct_fields__)
