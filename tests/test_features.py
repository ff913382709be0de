"""The feature register tells the truth: every test that it names exists, and every id is one of the mission's."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
REGISTER = tomllib.loads((TESTS / "features.toml").read_text(encoding="utf-8"))
ID = re.compile(r"F([1-9]|[1-5]\d|6[01])|[A-E]\d{1,2}")


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def entries() -> list[tuple[str, str]]:
    return [(key, test) for key, entry in REGISTER.items() for test in entry["tests"]]


@pytest.mark.parametrize("key", sorted(REGISTER))
def test_an_entry_has_a_known_id_a_sentence_and_tests(key: str) -> None:
    assert ID.fullmatch(key)
    assert REGISTER[key]["is"].strip().endswith(".")
    assert REGISTER[key]["tests"]


@pytest.mark.parametrize(("key", "test"), entries())
def test_a_named_test_exists(key: str, test: str) -> None:
    file, _, name = test.partition("::")
    path = TESTS / file
    assert path.is_file(), f"{key} names {file}, which is not there"
    assert name in names_in(path), f"{key} names {name}, which {file} does not hold"
