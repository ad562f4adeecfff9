"""The harness does not know the contestants: ours come in by the same door as a stranger's."""

import ast
from pathlib import Path

import pytest

import trendbench
from trendbench.generators.recipes import shipped_recipes, unranked_families

PACKAGE = Path(trendbench.__file__).parent
ROOMS = PACKAGE / "generators"
FAMILIES = sorted(
    path.name for path in ROOMS.iterdir() if path.is_dir() and (path / "__init__.py").exists()
)
HARNESS = sorted(
    path for path in PACKAGE.rglob("*.py")
    if path.parent == ROOMS or ROOMS not in path.parents
)  # fmt: skip
RECIPES = shipped_recipes()
# Rows, families and classes by name; "reference", "real" and the like are plain words too.
PLAIN_WORDS = {"reference", "real", "oracle", "classical", "gan", "vae"}
CONTESTANTS = (
    {r.arch for r in RECIPES}
    | {r.family for r in RECIPES if r.family not in unranked_families()}
    | {r.generator.rpartition(":")[2] for r in RECIPES}
)


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named(tree):
    """Whole strings and identifiers of a module: what code can compare or call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def test_the_rooms_of_the_families_are_known_to_this_test():
    rooms = {"classical", "geostatistics", "latent", "pix2pix", "reference", "study_2017"}
    assert rooms <= set(FAMILIES)
    assert len(HARNESS) > 80


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_in_the_harness_imports_or_names_a_contestant(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    rooms = tuple(f"trendbench.generators.{family}" for family in FAMILIES)
    assert [name for name in imported(tree) if name.startswith(rooms)] == []
    names = [name for name in named(tree) if name in CONTESTANTS - PLAIN_WORDS]
    assert names == []
    docstring = ast.get_docstring(tree) or ""
    assert "pix2pix" not in docstring.lower() or path.name == "main.py"
