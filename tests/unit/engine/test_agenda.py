"""The agenda gives keys in the order of time."""

from stream_app.engine.agenda import Agenda


def test_order() -> None:
    """What is due comes out in the order of time, then of bytes; the rest stays."""
    agenda = Agenda()
    for key, time in ((b"c", 5), (b"b", 3), (b"a", 3), (b"d", 9)):
        agenda.put(key, time)
    assert [(3, b"a"), (3, b"b"), (5, b"c")] == list(agenda.take(5))
    assert len(agenda) == 1
    assert [(9, b"d")] == list(agenda.take())


def test_one_entry() -> None:
    """A key has one entry, its earliest, however often it is put."""
    agenda = Agenda()
    for time in (5, 9, 3, 7):
        agenda.put(b"a", time)
    assert len(agenda) == 1
    assert [(3, b"a")] == list(agenda.take())
    assert [] == list(agenda.take())


def test_put_while_taking() -> None:
    """What is put in while others are taken comes out in its turn, if it is due."""
    agenda = Agenda()
    agenda.put(b"a", 1)
    taken = []
    for time, key in agenda.take(4):
        taken.append(time)
        agenda.put(key, time + 2)
    assert [1, 3] == taken
    assert [(5, b"a")] == list(agenda.take())


def test_known() -> None:
    """A key is known until it is taken out."""
    agenda = Agenda()
    agenda.put(b"a", 5)
    assert [True, False] == [key in agenda for key in (b"a", b"b")]
    assert [(5, b"a")] == list(agenda.take())
    assert b"a" not in agenda
