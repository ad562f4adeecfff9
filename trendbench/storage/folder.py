"""Atomic folders: a folder appears under its name complete and on disk, or not at all."""

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trendbench.errors import InputError
from trendbench.storage.calls import NOT_OFFERED, sync_path

_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux's renameat2
_KINDS = {
    stat.S_IFREG: "a file", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


def kind_of(path: Path) -> str | None:
    """What stands at ``path``, links followed, in words; None where nothing does.

    Raises:
        OSError: the path cannot be followed, as a link to itself.
    """
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "of an unknown kind")
    except (FileNotFoundError, NotADirectoryError):
        return None


def must_take_files(path: Path, option: str, refused: type[InputError] = InputError) -> None:
    """Refuse, before any work, what is no folder and cannot become one with files in it.

    Raises:
        InputError: something else stands there, a ``refused``, or above it; ``option`` is where
            it was named.
        OSError: nothing can be written there.
    """
    kind = kind_of(path)
    if kind not in (None, "a folder"):
        raise refused(f"{option} names a folder, and {path} is {kind}")
    must_be_writable(path / "file", path)


def must_be_writable(path: Path, shown: Path | None = None) -> None:
    """Refuse, before any work, a file that cannot be written; a trial file comes and goes.

    Raises:
        InputError: above it stands something other than a folder.
        OSError: nothing can be written there; ``shown``, by default the path, is named.
    """
    with naming(shown or path):
        place = Path(os.path.realpath(path)).parent
        while kind_of(place) is None:
            place = place.parent
        tempfile.TemporaryFile(dir=place).close()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let a failure to begin writing name ``path`` as it was typed, and no temporary file.

    Raises:
        InputError: above it stands something other than a folder.
        OSError: of the same number, any other reason.
    """
    try:
        yield
    except OSError as error:
        for folder in path.parents:
            kind = kind_of(folder)
            if kind not in (None, "a folder"):
                raise InputError(f"{folder} is {kind}, not a folder") from None
        reason = f"nothing can be written there ({error.strerror})"
        raise OSError(error.errno, reason, str(path)) from None


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; on success it takes the name, durably.

    Whoever opens ``path`` finds the folder that was there or the new one, whole. On any error,
    Ctrl-C included, the new folder is removed and what stood at ``path`` still stands. Where the
    system cannot exchange two folders in one step, the old one is moved aside first. A link stays,
    and the folder that it points to is replaced.

    Args:
        path: the name that the folder gets; a folder that stands there is removed afterwards.

    Raises:
        InputError: above it stands something other than a folder.
        OSError: as the file system reports it; something other than a folder stands at ``path``.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    typed, path = path, Path(os.path.realpath(path))
    fresh = path.with_name(f".{path.name[:80]}.{secrets.token_hex(8)}.tmp")
    with naming(typed):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
    try:
        yield fresh
        for folder, _, names in os.walk(fresh, topdown=False):
            for part in (*names, ""):
                sync_path(Path(folder, part))
        if path.exists():
            _exchange(fresh, path)
        else:
            os.rename(fresh, path)
        sync_path(path.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)  # what was there before, or what was not finished


def _exchange(a: Path, b: Path) -> None:
    """Let two folders of one file system change names."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None:
        if rename(_HERE, os.fsencode(a), _HERE, os.fsencode(b), _EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in NOT_OFFERED:
            raise OSError(number, os.strerror(number), str(b))
    _exchange_by_steps(a, b)


def _exchange_by_steps(a: Path, b: Path) -> None:
    """The same in three renames, undone if one of them fails."""
    aside = a.with_name(f"{a.name}.old")
    os.rename(b, aside)
    try:
        os.rename(a, b)
    except BaseException:
        with contextlib.suppress(OSError):
            os.rename(aside, b)
        raise
    os.rename(aside, a)
