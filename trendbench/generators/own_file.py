"""A generator in a file of its own, loaded with what lies beside it as ``python file.py`` would.

``import nets`` in such a file, or in a file beside it, is ``nets.py`` or ``nets/`` of its own
folder, in ``fit`` as on loading, and whatever else is called ``nets``. No other import is changed:
two folders may each have a ``nets.py``, and a ``statistics.py`` there is not what a library gets.
"""

import ast
import builtins
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from trendbench.errors import RecipeError

_NEVER = "trendbench"  # is the one that runs, also in a folder that holds another


def load_file(path: Path) -> ModuleType:
    """The module of a file, executed again where the file or one beside it has changed.

    Raises:
        RecipeError: there is no such file.
        Exception: whatever the file raises.
    """
    if not path.is_file():
        raise RecipeError(f"no file {path}")
    path = path.resolve()
    folder = _folder(path.parent)
    folder.forget_changed()
    name = folder.name_of(path.stem)
    if name is not None:
        return importlib.import_module(name)
    name = f"{folder.package}.{path.stem.replace('.', '_')}"  # no statement can import it
    if name not in sys.modules:
        module = sys.modules[name] = ModuleType(name)
        module.__file__ = str(path)
        try:
            folder.loader(name, path).exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def lie_together(one: str, other: str) -> bool:
    """Whether two modules, by their names, have been loaded from one folder here."""
    return any({one, other} <= folder.loaded.keys() for folder in _FOLDERS.values())


def sources_sha256(path: Path) -> str:
    """SHA-256 of a file; with the files beside it that it imports, of all their hashes.

    Raises:
        OSError: it cannot be read.
    """
    files: dict[Path, str] = {}
    _add(path.resolve(), files)
    if len(files) == 1:
        return next(iter(files.values()))
    root = path.resolve().parent
    lines = sorted(f"{file.relative_to(root).as_posix()} {sha}\n" for file, sha in files.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _add(path: Path, files: dict[Path, str]) -> None:
    """Hashes of a file and, in turn, of what it imports from its folder."""
    content = path.read_bytes()
    files[path] = hashlib.sha256(content).hexdigest()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # said when it is loaded
        return
    for name in {name.partition(".")[0] for name in _imported(tree)} - {_NEVER}:
        package = path.parent / name
        whole = sorted(package.rglob("*.py")) if package.is_dir() else []
        for file in (*whole, package.with_name(f"{name}.py")):
            if file.is_file() and file not in files:
                _add(file, files)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


class _Loader(SourceFileLoader):
    """Executes a file so that its import statements look into its folder first."""

    folder: "_Folder"

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file as it is now, and no compiled copy of it."""
        content = self.get_data(self.path)
        self.folder.loaded[fullname] = (self.path, content)
        return compile(content, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self.folder.builtins
        super().exec_module(module)


class _Folder:
    """A folder with generators, and the modules that have been loaded from it.

    A module bears its plain name where nothing else does, so that a process that is started by
    ``fit`` finds it too; else a name in ``package``, which is this folder's alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.package = f"trendbench_own_{hashlib.sha256(self.path.encode()).hexdigest()[:8]}"
        self.builtins = {**vars(builtins), "__import__": self._import}
        self.loaded: dict[str, tuple[str, bytes]] = {}
        self.names: dict[str, str | None] = {}
        holder = ModuleType(self.package)
        holder.__path__ = [self.path]
        sys.modules[self.package] = holder
        sys.path.append(self.path)

    def loader(self, name: str, path: Path | str) -> _Loader:
        """Of a file in the folder or below it."""
        loader = _Loader(name, str(path))
        loader.folder = self
        return loader

    def find(self, name: str, place: str) -> ModuleSpec | None:
        """The spec of a module or package that lies in ``place``, the folder or one below it."""
        kinds: Any = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (self.loader, SOURCE_SUFFIXES))
        spec = FileFinder(place, *kinds).find_spec(name)
        return spec if spec is not None and spec.loader is not None else None

    def name_of(self, top: str) -> str | None:
        """What the module ``top`` of this folder is called; None where the folder has none."""
        if top not in self.names:
            own = None if top == _NEVER else self.find(top, self.path)
            free = own is None or _is_free(top, own.origin)
            self.names[top] = None if own is None else top if free else f"{self.package}.{top}"
        return self.names[top]

    def forget_changed(self) -> None:
        """Forget all modules of the folder where the file of one has changed or gone."""
        self.names.clear()
        if any(_content(path) != content for path, content in self.loaded.values()):
            for name in self.loaded:
                sys.modules.pop(name, None)
            self.loaded.clear()

    def _import(
        self,
        name: str,
        globals: Any = None,  # noqa: A002  # the names of the built-in function's arguments
        locals: Any = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """``__import__`` for the code of this folder."""
        top = name.partition(".")[0]
        own = None if level else self.name_of(top)
        if own is None or own == top:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        full = f"{self.package}.{name}"
        if fromlist:
            return builtins.__import__(full, globals, locals, fromlist, 0)
        importlib.import_module(full)
        return sys.modules[own]


class _Finder:
    """Finds modules of such folders for Python's import system."""

    @staticmethod
    def find_spec(
        fullname: str, path: Iterable[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """The spec of a module that a folder's code has asked for, or of a package's part."""
        del target
        if path is None:
            known = (f for f in _FOLDERS.values() if f.names.get(fullname) == fullname)
            return next((folder.find(fullname, folder.path) for folder in known), None)
        for place in path:
            for folder in _FOLDERS.values():
                if Path(place).is_relative_to(folder.path):
                    return folder.find(fullname, place)
        return None


_FOLDERS: dict[Path, _Folder] = {}


def _folder(path: Path) -> _Folder:
    if not _FOLDERS:
        sys.meta_path.insert(0, _Finder)
    if path not in _FOLDERS:
        _FOLDERS[path] = _Folder(path)
    return _FOLDERS[path]


def _is_free(top: str, origin: str | None) -> bool:
    """Whether no other module is called so."""
    known: Any = sys.modules.get(top)
    if known is not None:
        return getattr(known, "__file__", None) == origin
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    return found is None or found.origin == origin


def _content(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except OSError:
        return None
