"""The [incident] table (what it refuses in a rule's file: test_rulefile)."""

from stream_app.handoff.native import FIELDS
from stream_app.rulebook.mapping import INCIDENT_FIELDS


def test_no_attribute_may_hide_a_field_that_goes_on_the_wire() -> None:
    """The names kept from mapping are those of the incident's own JSON, no more and no fewer."""
    assert {*FIELDS, "incidentClearedTime", "mergedInto", "cut"} == INCIDENT_FIELDS
