"""Run what a page tells its reader to type, in a folder of the page's own.

A page is read from top to bottom. Every ``console`` block's commands are run, one after another;
lines under a command are its output, and are put right where they differ, unless they are a lone
``…``. Comments in front of a block say what else is to be done:

    <!-- file: NAME -->          the next block is written to NAME; entry points of a pyproject.toml
                                 are made known, as pip install does
    <!-- run -->                 the next block is Python, and is run; <!-- run: slow --> likewise
    <!-- console: slow -->       only with --slow
    <!-- console: with OPTIONS -->      OPTIONS are added to each command, to make it short
    <!-- console: needs COMMAND, COMMAND --OPTION -->   only where the program has them
    <!-- console: not run, REASON -->   for what installs or serves

Several notes on a console block are separated by semicolons.
Commands that begin with ``make`` are looked up in the Makefile without being run (``make -n``).
The folder holds ``mine.toml`` and ``small.h5``, as the page of first steps makes them, and
``docs/`` as a checkout does.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from trendbench.cli.main import group

DOCS = Path(__file__).parent
ROOT = DOCS.parent
FIRST_STEPS = DOCS / "index.md"
SMALL = ("mine.toml", "small.h5")
_ELLIPSIS = "…"
_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>(?:file|run|console)\b[^\n]*?) -->\n\n?)?"
    r"^(?P<open>```(?P<language>[a-z]*)[^\n]*\n)(?P<text>.*?)(?P<close>^```$)",
    re.DOTALL | re.MULTILINE,
)
_FOR_A_SHELL = set("|&;<>$`*?()~")


class PageError(Exception):
    """A page tells its reader something that does not work."""


@dataclass
class Line:
    """A command of a block, with the output that the page shows beneath it."""

    command: str
    output: list[str] = field(default_factory=list)


def with_commands_run(page: str, folder: Path, *, slow: bool = False) -> str:
    """The page with its commands run in ``folder`` and their outputs put right.

    Raises:
        PageError: a command, a Python block or a note that does not work.
    """
    names: dict[str, Any] = {"__name__": "__page__"}

    def done(block: re.Match[str]) -> str:
        note, text = block["note"] or "", block["text"]
        kind, _, rest = note.partition(":")
        rest = rest.strip()
        if kind == "file":
            (folder / rest).write_text(text, encoding="utf-8")
            if rest == "pyproject.toml":
                install(folder)
        elif kind == "run":
            if slow or rest != "slow":
                _run_python(text, folder, names)
        elif block["language"] == "console":
            text = _console(text, rest, folder, slow=slow)
        before = block[0][: block.start("open") - block.start()]
        return f"{before}{block['open']}{text}{block['close']}"

    return _BLOCK.sub(done, page)


def commands(text: str) -> list[Line]:
    """The commands of a block, each with the lines beneath it."""
    lines: list[Line] = []
    for row in text.splitlines():
        if row.startswith("$ "):
            lines.append(Line(row[2:]))
        elif lines and not lines[-1].output and lines[-1].command.endswith("\\"):
            lines[-1].command += f"\n{row}"
        elif lines:
            lines[-1].output.append(row)
        else:
            raise PageError(f"a console block begins with a command, not with {row!r}")
    return lines


def make_small(folder: Path) -> None:
    """Put into ``folder`` what the page of first steps leaves in its reader's."""
    for block in _BLOCK.finditer(FIRST_STEPS.read_text(encoding="utf-8")):
        if block["note"] == f"file: {SMALL[0]}":
            (folder / SMALL[0]).write_text(block["text"], encoding="utf-8")
    _output(f"trendbench make-data --spec small --out {SMALL[1]}", folder)


def install(folder: Path) -> None:
    """What ``pip install`` makes of the folder's ``pyproject.toml``: its entry points."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    lines = []
    for group_name, entries in project["entry-points"].items():
        lines += [f"[{group_name}]", *(f"{name} = {place}" for name, place in entries.items())]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(about, encoding="utf-8")
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _console(text: str, note: str, folder: Path, *, slow: bool) -> str:
    added = ""
    for part in filter(None, map(str.strip, note.split(";"))):
        what, _, rest = part.partition(" ")
        if what == "not" and rest.startswith("run, "):
            return text
        if what == "slow" and not rest:
            if not slow:
                return text
        elif what == "needs":
            if not all(map(_exists, rest.split(","))):
                return text
        elif what == "with":
            added = rest
        else:
            raise PageError(f"no such note: console: {note}")
    rows = []
    for line in commands(text):
        command = f"{line.command.partition('  #')[0]} {added}" if added else line.command
        output = _output(command.strip(), folder)
        rows += [f"$ {row}" if i == 0 else row for i, row in enumerate(line.command.split("\n"))]
        shown = [row for row in line.output if row.strip()]
        if shown and shown != [_ELLIPSIS]:
            rows += output.rstrip("\n").split("\n")
        else:
            rows += line.output
    return "\n".join(rows) + "\n"


def _exists(need: str) -> bool:
    """Whether the program has a command, and the option named after it if one is."""
    name, *options = need.split()
    context = click.Context(group)
    found = group.get_command(context, name)
    return found is not None and all(
        any(option in parameter.opts for parameter in found.params) for option in options
    )


def _output(command: str, folder: Path) -> str:
    """What a command prints on stdout."""
    if command.startswith("make "):
        return _shell(f"make -n {command.removeprefix('make ')}", ROOT)
    if command.startswith("trendbench ") and not _FOR_A_SHELL & set(command):
        return _in_process(command, folder)
    return _shell(command, folder)


def _in_process(command: str, folder: Path) -> str:
    arguments = shlex.split(command.replace("\\\n", " "), comments=True)[1:]
    with contextlib.chdir(folder), _seen_from(folder):
        result = CliRunner(env={"COLUMNS": "80"}).invoke(group, arguments, prog_name="trendbench")
    if result.exit_code:
        raise PageError(f"{command}: {result.output.strip()} {result.exception!r}")
    return result.stdout


def _shell(command: str, folder: Path) -> str:
    """The same through a shell, ``trendbench`` and ``python`` being those at work."""
    functions = (
        f'trendbench() {{ {shlex.quote(sys.executable)} -m trendbench "$@"; }}\n'
        f'python() {{ {shlex.quote(sys.executable)} "$@"; }}\n'
    )
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", functions + command],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "COLUMNS": "80"},
    )  # fmt: skip
    if result.returncode:
        raise PageError(f"{command}: {result.stderr.strip()}")
    return result.stdout


def _run_python(text: str, folder: Path, names: dict[str, Any]) -> None:
    with contextlib.chdir(folder), _seen_from(folder):
        try:
            exec(compile(text, "<page>", "exec"), names)
        except Exception as error:
            raise PageError(f"Python of the page: {type(error).__name__}: {error}") from error


@contextlib.contextmanager
def _seen_from(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
