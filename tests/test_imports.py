"""The rooms of the package import one another in one direction."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import trendbench

ROOT = Path(trendbench.__file__).parent
_ENTRIES = {"__init__", "__main__"}  # they name everything


def imported(path):
    """The rooms that a file imports from, also within functions and for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, *inner = node.module.split(".")
            if package == ROOT.name:
                yield from inner[:1] or (alias.name for alias in node.names)


def test_no_room_imports_what_imports_it():
    rooms = {}
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if room not in _ENTRIES:
            rooms.setdefault(room, set()).update(set(imported(path)) - {room})
    TopologicalSorter(rooms).prepare()  # raises CycleError with the circle
    assert rooms["runner"] >= {"generators", "metrics", "data", "training"}
    assert "training" in rooms["generators"]
    assert "cli" not in set().union(*rooms.values())
