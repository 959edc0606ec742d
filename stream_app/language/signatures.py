"""Which functions there are, and what stands at each place of their arguments.

Decision: the parser reads arguments by this table, since the same text means different things there: a bare word is an
attribute in ``LEN(user)`` and the name of a table in ``LookupTableHas(user, …)``, and the quotes of ``EXTRACT`` hold a
raw regular expression. Syntax is Fortinet's (https://docs.fortinet.com/document/fortisiem/7.5.0/user-guide/909482).
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Parameter(Enum):
    """What an argument is."""

    VALUE = "a value of any type"
    TEXT = "a value, read as text"
    NUMBER = "a number"
    CONDITION = "a condition"
    PATTERN = "a quoted regular expression"
    NAME = "the name of a table, a column or a CMDB attribute"


class Signature(Struct, frozen=True):
    """A function's name as Fortinet spells it and its parameters; the last ``optional`` of them may be left out.

    ``repeated`` says that the second parameter may stand more than once: a table's keys.
    """

    name: str
    parameters: tuple[Parameter, ...]
    optional: int = 0
    repeated: bool = False

    @property
    def fewest(self) -> int:
        """The least number of arguments."""
        return len(self.parameters) - self.optional

    @property
    def most(self) -> int | None:
        """The largest number of arguments; ``None`` if there is none."""
        return None if self.repeated else len(self.parameters)

    def at(self, index: int, count: int) -> Parameter:
        """Give the parameter of argument ``index`` of ``count``: a name that ends the list ends it at every length."""
        last = self.parameters[-1]
        if index == count - 1 and last is Parameter.NAME:
            return last
        return self.parameters[min(index, 1)] if self.repeated else self.parameters[index]


_VALUE, _TEXT, _NUMBER, _NAME = Parameter.VALUE, Parameter.TEXT, Parameter.NUMBER, Parameter.NAME

_SIGNATURES = (
    Signature("LEN", (_TEXT,)),
    Signature("TO_LOWER", (_TEXT,)),
    Signature("TO_UPPER", (_TEXT,)),
    Signature("TRIM", (_TEXT,)),
    Signature("LTRIM", (_TEXT,)),
    Signature("RTRIM", (_TEXT,)),
    Signature("SUB_STR", (_TEXT, _NUMBER, _NUMBER), optional=1),
    Signature("REPLACE", (_TEXT, _TEXT, _TEXT)),
    Signature("EXTRACT", (_TEXT, Parameter.PATTERN)),
    Signature("TO_INTEGER", (_VALUE,)),
    Signature("TO_DOUBLE", (_VALUE,)),
    Signature("TO_STRING", (_TEXT,)),
    Signature("HourOfDay", (_NUMBER,)),
    Signature("DayOfWeek", (_NUMBER,)),
    Signature("IF", (Parameter.CONDITION, _VALUE, _VALUE)),
    Signature("LOG", (_NUMBER, _VALUE), optional=1),
    Signature("DeviceToCMDBAttr", (_VALUE, _VALUE, _NAME), optional=1),
    Signature("LookupTableHas", (_NAME, _VALUE), repeated=True),
    Signature("LookupTableGet", (_NAME, _VALUE, _NAME), repeated=True),
)

SIGNATURES = {signature.name.upper(): signature for signature in _SIGNATURES}
"""The functions by their names in capitals; a call may spell them in any case."""

NOT_BUILT = frozenset({"EMA", "SMA", "URL_DECODE"})
"""Functions that FortiSIEM has for its searches and this product has not."""

_OF_ANYTHING = ("COUNT", "FIRST", "LAST", "MODE")
_OF_NUMBERS = ("AVG", "MAX", "MEDIAN", "MIN", "PctChange", "PCTILE", "Pctile95", "STDDEV", "SUM", "VARIANCE")

AGGREGATES = {name.upper(): name for name in (*_OF_ANYTHING, *_OF_NUMBERS)}
"""Functions of many events, by their names in capitals, as Fortinet spells them; a filter sees one event."""

DISTINCT = "COUNT DISTINCT"
"""What Fortinet calls ``COUNT(DISTINCT attribute)``; with a blank in its name, no author can spell it."""

COUNTS = frozenset({"COUNT", DISTINCT})
"""Aggregates that have a value in every window, a whole number."""

AGGREGATE_NAMES = frozenset({*AGGREGATES.values(), DISTINCT})

NUMBERS_ONLY = frozenset(_OF_NUMBERS)
"""Aggregates of attributes that are numbers: strings and addresses have no order and no sum in this language."""
