"""What a filter may name and how it compares: everything that its meaning needs beside its own text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_app.language.tables import LookupTable
    from stream_app.language.values import AttributeType


class Environment(Struct, frozen=True):
    """The attributes with their types, and the sets and tables beside the rules.

    ``groups`` maps the name after ``Group@`` to its members as text, addresses and networks among them; ``ignore_case``
    says that no comparison and no pattern distinguishes case.
    """

    vocabulary: Mapping[str, AttributeType]
    groups: Mapping[str, tuple[str, ...]] = {}
    tables: Mapping[str, LookupTable] = {}
    ignore_case: bool = True
