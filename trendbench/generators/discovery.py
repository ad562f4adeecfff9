"""Which class of a file is the generator, told without importing it."""

import ast
from importlib.util import decode_source
from pathlib import Path

from trendbench.errors import RecipeError

_METHODS = {"fit", "sample", "save", "load"}


def only_class(path: Path) -> str:
    """The name of a file's one generator class.

    That is the one class with every method of the protocol, its own or inherited within the
    file, that no other class of the file inherits from; else the one with any of them; else the
    one class there is.

    Raises:
        RecipeError: no such file, no Python, no class, or more than one that it could be.
    """
    try:
        tree = ast.parse(decode_source(path.read_bytes()), filename=str(path))
    except OSError as error:
        raise RecipeError(f"no file {path} ({error.strerror})") from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else str(path)
        raise RecipeError(f"{where} is not Python ({getattr(error, 'msg', error)})") from None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    bases = {base for node in classes.values() for base in _bases(node)}
    methods = {name: _methods(name, classes) for name in classes if name not in bases}
    whole = [name for name, own in methods.items() if own == _METHODS]
    part = [name for name, own in methods.items() if own]
    for candidates in (whole, part, list(methods)):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            named = " or ".join(f"{path}:{name}" for name in candidates[:4])
            raise RecipeError(f"{path} has {len(candidates)} classes: say {named}")
    raise RecipeError(f"{path} has no class: trendbench new my-model writes a file to start from")


def _bases(node: ast.ClassDef) -> list[str]:
    named = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
    return [base.id for base in named if isinstance(base, ast.Name)]


def _methods(name: str, classes: dict[str, ast.ClassDef], depth: int = 0) -> set[str]:
    """The protocol's methods of a class and of its bases in the same file."""
    node = classes.get(name)
    if node is None or depth > len(classes):
        return set()
    own = {
        part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    inherited = (_methods(base, classes, depth + 1) for base in _bases(node))
    return (own & _METHODS).union(*inherited)
