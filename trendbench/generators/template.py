"""A generator to start from: the file that ``trendbench new`` writes."""

import importlib.util
import keyword
import re
import sys
from pathlib import Path

from trendbench.errors import RecipeError
from trendbench.generators.recipes import is_reserved
from trendbench.storage.atomic import write_text

_TEMPLATE = Path(__file__).with_name("template.txt")
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_LONGEST = 40


def write_template(name: str, folder: Path) -> tuple[Path, str]:
    """Write ``my_model.py`` with the class ``MyModel`` for the name ``my-model``.

    Args:
        name: lower-case words joined by ``-`` or ``_``.
        folder: where the file goes.

    Returns:
        The file and the name of its class.

    Raises:
        RecipeError: the name is no such name, is taken by a row or a module, or the file exists.
        OSError: the folder cannot be written.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise RecipeError(
            f"'{name[:_LONGEST]}' does not name a generator: a lower-case letter, then such "
            f"letters and digits, words joined by -, up to {_LONGEST} characters, e.g. my-model"
        )
    module = name.replace("-", "_")
    title = "".join(word.capitalize() for word in module.split("_"))
    path = folder / f"{module}.py"
    if path.exists() or path.is_symlink():
        raise RecipeError(f"{path} exists: choose another name, or move it away")
    if is_reserved(name) or is_reserved(title):
        raise RecipeError(f"'{name}' is a name of trendbench's own rows: choose another")
    if keyword.iskeyword(module) or _is_module(module):
        raise RecipeError(
            f"'{name}' would hide the Python module or word '{module}': choose another name"
        )
    text = _TEMPLATE.read_text(encoding="utf-8")
    for sample, own in (("my-model", name), ("my_model", module), ("MyModel", title)):
        text = text.replace(sample, own)
    write_text(path, text)
    return path, title


def _is_module(name: str) -> bool:
    if name in sys.stdlib_module_names:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
