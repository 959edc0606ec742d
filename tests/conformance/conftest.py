"""What the language's conformance tests share: the environment of the tables and the interpreter."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import pytest

from stream_app.language.compile import Environment
from stream_app.language.tables import parse_table
from stream_app.language.values import AttributeType

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def environment() -> dict[bool, Environment]:
    """Give the attributes, groups and tables that ``environment.toml`` declares, by the case option."""
    data = tomllib.loads((HERE / "environment.toml").read_text("utf-8"))
    vocabulary = {name: AttributeType(kind) for name, kind in data["vocabulary"].items()}
    groups = {name: tuple(members) for name, members in data["groups"].items()}
    tables = {name: parse_table(text) for name, text in data["tables"].items()}
    return {option: Environment(vocabulary, groups, tables, ignore_case=option) for option in (True, False)}


@pytest.fixture(scope="session")
def interpreter() -> type:
    """Give the class of the second opinion."""
    specification = importlib.util.spec_from_file_location("conformance_interpreter", HERE / "interpreter.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Interpreter
