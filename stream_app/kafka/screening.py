"""The screen: what the transport asks of every record of the sysmon topic. A record in, its matches or None out.

Decision: the screen does the whole detection, since a record that nobody wants (nearly all) must cost no Faust event;
what it finds is the matches, and what it raises is the reason for a rejection.
"""

from collections.abc import Callable

from confluent_kafka import Message

from stream_app.engine.detect import Detector, matches
from stream_app.engine.expense import TooExpensive
from stream_app.engine.match import encode_place
from stream_app.engine.rejection import EMPTY
from stream_app.kafka.contexts import Contexts
from stream_app.kafka.detecting import Found
from stream_app.kafka.streak import Streak
from stream_app.rulebook.rule import Rulebook
from stream_app.sysmon.lazy import Admitted
from stream_app.sysmon.parts import Unreadable


def screen_of(
    rulebook: Rulebook, topic_id: str, max_bytes: int, streak: Streak, contexts: Contexts | None = None
) -> Callable[[Message], Found | None]:
    """Give the screen of one topic: (key, match) pairs, or None where no rule wants the record. It raises Unreadable.

    It sees every record, each in its turn, so that it is the one that can count a streak of rejected ones exactly.
    Where there are ``contexts``, connections are joined with their processes before rules see them.
    """
    read, before = Detector(rulebook, max_bytes, context=contexts is not None).read, _before(rulebook, contexts)
    places: dict[int, bytes] = {}

    def screen(message: Message) -> Found | None:
        event = None
        try:
            value = message.value()
            if value is None:
                raise Unreadable(EMPTY, "a record without a value")  # noqa: TRY301 - a call more for each record is dear
            event = read(value)
            found = None
            if event is not None:
                if before is not None:
                    found = before(message, event)
                asked = event.wanted.wanting(event)
                if asked:
                    found = matches(asked, event, *_where(message, topic_id, places))
        except TooExpensive as expense:
            if expense.wanting and event is not None:
                expense.found = matches(expense.wanting, event, *_where(message, topic_id, places))
            streak.rejected(message, expense)
            raise
        except Exception as error:
            streak.rejected(message, error)
            raise
        if streak.length:
            streak.end()
        return found

    return screen


def _before(rulebook: Rulebook, contexts: Contexts | None) -> Callable[[Message, Admitted], Found | None] | None:
    """Give what is done with an event before rules see it: watch lists are told its time, connections are joined."""
    lists = rulebook.lists
    if lists is None:
        return None if contexts is None else contexts.take

    def told(message: Message, event: Admitted) -> Found | None:
        lists.timestamp = message.timestamp()[1]
        return None if contexts is None else contexts.take(message, event)

    return told


def _where(message: Message, topic_id: str, places: dict[int, bytes]) -> tuple[int, bytes, int]:
    """Give a record's timestamp, its partition as matches name it (kept in ``places``), and its offset."""
    number = message.partition() or 0
    place = places.get(number)
    if place is None:
        place = places[number] = encode_place(message.topic() or "", topic_id, number)
    return message.timestamp()[1], place, message.offset() or 0
