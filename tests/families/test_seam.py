"""The harness does not know the families: it asks a process for its laws, whichever it is."""

import ast

import pytest

from tests.generators.test_one_door import PACKAGE, imported, named
from trendbench.families.registry import family, family_names

ROOM = PACKAGE / "families"
ESTIMATORS = {PACKAGE / "generators" / "classical", PACKAGE / "fitting"}  # of the Boolean model
MAKER = PACKAGE / "importing" / "make.py"  # of data of one family, which nothing simulates
HARNESS = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if not ({ROOM} | ESTIMATORS) & set(path.parents) and path != MAKER
)
PLAIN_WORDS = {"columns", "images"}  # of pandas, of HDF5, of everything too
NAMES = {name for own in family_names() for name in (own, family(own).__name__)} - PLAIN_WORDS


def test_the_families_are_known_to_this_test():
    assert {"disks", "growing-disks", "excursion", "Disks", "Columns"} <= NAMES
    assert len(HARNESS) > 150


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_in_the_harness_imports_or_names_a_family(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    rooms = tuple(f"trendbench.families.{own.replace('-', '_')}" for own in family_names())
    assert [name for name in imported(tree) if name.startswith(rooms)] == []
    assert [name for name in named(tree) if name in NAMES] == []


def test_the_maker_of_pictures_asks_their_family_and_names_none():
    tree = ast.parse(MAKER.read_text(encoding="utf-8"))
    assert [name for name in named(tree) if name in NAMES] == []
    assert NAMES.isdisjoint(name.rpartition(".")[2] for name in imported(tree))
