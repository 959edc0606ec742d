"""What the language's conformance tests share: the environment of the tables and the interpreter."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stream_app.language.compile import Environment
from stream_app.language.tables import parse_table
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from stream_app.language.environment import Read
    from stream_app.language.values import Event, Value

HERE = Path(__file__).parent


class Still:
    """A watch list that nobody changes."""

    def __init__(self, values: tuple[Value, ...]) -> None:
        self.values = values

    def reader(self, read: Read, *, event_clock: bool) -> Callable[[Hashable, Event], bool]:  # noqa: ARG002 - it has no times
        """Give the test of a filter."""
        keys = {read(value) for value in self.values} - {None}
        return lambda key, _: key in keys


@pytest.fixture(scope="session")
def environment() -> dict[bool, Environment]:
    """Give the attributes, groups and tables that ``environment.toml`` declares, by the case option."""
    data = tomllib.loads((HERE / "environment.toml").read_text("utf-8"))
    vocabulary = {name: AttributeType(kind) for name, kind in data["vocabulary"].items()}
    groups = {name: tuple(members) for name, members in data["groups"].items()}
    tables = {name: parse_table(text) for name, text in data["tables"].items()}
    lists = {name: Still(tuple(values)) for name, values in data["watch_lists"].items()}
    return {
        option: Environment(vocabulary, groups, tables, ignore_case=option, watch_lists=lists)
        for option in (True, False)
    }


@pytest.fixture(scope="session")
def interpreter() -> type:
    """Give the class of the second opinion."""
    specification = importlib.util.spec_from_file_location("conformance_interpreter", HERE / "interpreter.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Interpreter
