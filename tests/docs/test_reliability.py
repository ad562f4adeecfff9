"""Each promise names tests that exist, and the campaign's table is that of the whole campaign."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.campaign.__main__ import PAGE, stored
from tests.campaign.seeds import seeds

TESTS = Path(__file__).parents[1]
TEXT = PAGE.read_text(encoding="utf-8")
PROMISES = [part for part in re.split(r"^- ", TEXT, flags=re.M)[1:] if part.startswith("**")]


@cache
def defined_in(path):
    """Every test of a file by name, and whether it is slow."""
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return {
        node.name: any("mark.slow" in ast.unparse(mark) for mark in node.decorator_list)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def named(text):
    """(file, test, starred) of each test that a promise names."""
    text = text.split("\n## ")[0]
    for path, listed in re.findall(r"- `(\w+/test_\w+\.py)`:(.*?)(?=\n +- |\n\n|\Z)", text, re.S):
        for name, star in re.findall(r"`(test_\w+)`(★?)", listed):
            yield path, name, bool(star)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda text: text.split("**")[1][:40])
def test_each_promise_names_tests_that_exist(promise):
    tests = list(named(promise))
    assert tests
    for path, name, starred in tests:
        assert name in defined_in(path), f"{path} has no {name}"
        assert defined_in(path)[name] == starred, f"{name}: a star marks what only test-all runs"


def test_there_are_promises():
    assert len(PROMISES) > 12


def test_the_table_is_that_of_a_whole_campaign_and_nothing_broke_a_parser():
    rows = stored(TEXT)
    assert rows.keys() == seeds().keys()
    for name, (inputs, broken) in rows.items():
        assert inputs >= 100_000, name
        assert not broken, name
