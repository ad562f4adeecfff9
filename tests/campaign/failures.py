"""Let each write, sync and rename of a command fail in turn, and look at what is left."""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.campaign.jobs import SEED, TINY, Tally, left_by, tally
from tests.campaign.moments import FAILED, count, failing, in_child, spread

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)


def command(*arguments: object) -> None:
    """The command line, in the current process and folder; leaves with its exit code."""
    from trendbench.cli.main import main

    sys.argv = ["trendbench", *map(str, arguments)]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        main()


def spec_file(folder: Path) -> Path:
    """The tiny task as a TOML file."""
    path = folder / "tiny.toml"
    lines = (f"{k} = {v!r}" for k, v in TINY.model_dump().items())
    path.write_text("[task]\n" + "\n".join(lines) + "\n")
    return path


def make_data_command(folder: Path) -> tuple[object, ...]:
    """``make-data`` of the tiny task into ``made.h5`` of the current folder."""
    return ("make-data", "--spec", spec_file(folder), "--seed", SEED, "--out", "made.h5",
            "--workers", 1)  # fmt: skip


def fail_and_repeat(
    arguments: Sequence[object],
    place: Path,
    tries: int | None = None,
    kinds: Sequence[str] = ("write", "half", "sync", "rename"),
    before: Path | None = None,
) -> Tally:
    """Let one system call of a command fail; look; run it again; hold it against the undisturbed.

    Args:
        arguments: of the command line, run in a folder of its own.
        place: an empty folder.
        tries: so many moments, spread over the work; every one, with every error, if None.
        kinds: which moments.
        before: a folder whose files are there when the command begins.
    """
    place.mkdir(parents=True, exist_ok=True)
    start = place / "start"
    shutil.copytree(before, start) if before else start.mkdir()

    def job(folder: Path) -> None:
        os.chdir(folder)
        command(*arguments)

    whole = place / "whole"
    shutil.copytree(start, whole)
    moments = count(lambda: job(whole), place / "moments.txt")
    wanted = left_by(whole)
    chosen = [i for i, kind in enumerate(moments) if kind in kinds]
    if tries is None:
        cases = [(at, error) for at in chosen for error in ERRORS]
    else:
        some = spread([moments[at] for at in chosen], tries)
        cases = [(chosen[i], ERRORS[n % len(ERRORS)]) for n, i in enumerate(some)]
    outcomes = []
    for at, error in cases:
        folder = place / "try"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start, folder)
        what = f"{errno.errorcode[error]} at moment {at}, {moments[at]}"
        said = place / "stderr.txt"
        code = in_child(lambda f=folder: job(f), failing(at, error), said)  # type: ignore[misc]
        wrong = _wrong(code, said.read_text(), folder, left_by(start), wanted)
        if wrong is None and in_child(lambda f=folder: job(f), errors=said):  # type: ignore[misc]
            wrong = f"the same command failed afterwards: {said.read_text()[-200:]}"
        if wrong is None and left_by(folder) != wanted:
            wrong = "the same command left something else afterwards"
        outcomes.append(None if wrong is None else f"{what}: {wrong}")
    return tally(outcomes)


def _wrong(
    code: int, said: str, folder: Path, before: dict[str, object], after: dict[str, object]
) -> str | None:
    """What is amiss after a failure: the exit code, the line, or the files."""
    if code not in (1, 2):
        return f"it ended with {code}: {said[-300:]}"
    lines = [line for line in said.splitlines() if line.startswith("trendbench: ")]
    if len(lines) != 1 or "Traceback" in said or "internal error" in said or code == FAILED:
        return f"it said {said[-300:]!r}"
    for name, content in left_by(folder).items():
        if "/runs/" in f"/{name}":  # working state, for the same command
            continue
        if name.endswith(".tmp"):
            return f"{name} was left behind"
        if content not in (before.get(name), after.get(name)):
            return f"{name} is neither the old nor the new one"
    return None
