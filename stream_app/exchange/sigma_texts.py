"""The text of a YAML file goes in; whether it may be Sigma's comes out, without pySigma.

Decision: told by the keys that begin its lines. What is no mapping with other keys is taken for a rule that is broken,
so that it is named: an empty file, one that was cut off, one that is no YAML.
"""

import re

_OURS = re.compile(r"^(?:title|logsource|detection|correlation|filter|action)\s*:", re.MULTILINE)
_OTHER = re.compile(r"^(?:\"[^\"\n]*\"|'[^'\n]*'|[A-Za-z_][\w.\- ]*)\s*:(?:\s|$)", re.MULTILINE)
_DETECTS = re.compile(r"^(?:detection|correlation)\s*:", re.MULTILINE)


def has_detection(text: str) -> bool:
    """Tell whether a text can be nothing but Sigma's."""
    return _DETECTS.search(text) is not None


def may_be_sigma(text: str) -> bool:
    """Tell whether a text is to be read as Sigma's."""
    return _OURS.search(text) is not None or _OTHER.search(text) is None
