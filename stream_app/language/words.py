"""The words that the language keeps for itself."""

KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN", "CONTAIN", "REGEXP", "IS", "NULL"})
"""Reserved in any case; no attribute and no function is named like one."""
