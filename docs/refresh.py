"""Run the commands that the pages quote, and put their output into the pages.

A block in a page says which command its text came from:

    <!-- output of: trendbench leaderboard --family pix2pix --markdown arch,xi -->
    …
    <!-- end of output -->

Such a command is run in the repository's folder; followed by ``(slow)``, with ``--slow`` only.
Blocks of the language ``console`` are what the reader types: ``page_commands.py`` runs them in a
folder of their own. ``commands.md`` is filled with the ``--help`` of every command.

``python docs/refresh.py`` fills every page anew; ``--check`` changes nothing and fails if a page
differs.
"""

import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from click.testing import CliRunner

from trendbench.cli.main import group

sys.path.insert(0, str(Path(__file__).parent))
from page_commands import SMALL, make_small, with_commands_run

DOCS = Path(__file__).parent
ROOT = DOCS.parent
_BLOCK = re.compile(
    r"(?P<head><!-- output of: trendbench (?P<command>.+?)(?P<slow> \(slow\))? -->\n)"
    r"(?P<text>.*?)(?P<tail><!-- end of output -->)",
    re.DOTALL,
)
_REFERENCE = re.compile(
    r"(?P<head><!-- help of every command -->\n).*?(?P<tail><!-- end of help -->)", re.DOTALL
)


def pages() -> list[Path]:
    """Every page that may quote a command."""
    folders = ("datasets", "baselines", "results")
    readmes = [page for folder in folders for page in sorted((ROOT / folder).rglob("README.md"))]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")), *readmes]


def refreshed(page: str, *, slow: bool = False) -> str:
    """The text of a page with its quoted outputs and its command reference filled anew."""

    def fill(block: re.Match[str]) -> str:
        if block["slow"] and not slow:
            return block[0]
        return f"{block['head']}\n{output(block['command'])}\n{block['tail']}"

    page = _BLOCK.sub(fill, page)
    return _REFERENCE.sub(lambda block: f"{block['head']}\n{reference()}\n{block['tail']}", page)


def output(command: str) -> str:
    """What ``trendbench <command>`` prints on stdout."""
    runner = CliRunner(env={"COLUMNS": "80"})
    result = runner.invoke(group, shlex.split(command), prog_name="trendbench")
    if result.exit_code:
        raise click.ClickException(f"trendbench {command}: {result.output}")
    return result.stdout


def reference() -> str:
    """A section for each command: its ``--help``."""
    names = group.list_commands(click.Context(group))
    sections = [
        f"## trendbench {name}\n\n```text\n{output(f'{name} --help').rstrip()}\n```\n"
        for name in names
    ]
    return "\n".join(sections)


@contextmanager
def reader() -> Iterator[Path]:
    """A folder as a reader of the first steps has it."""
    with tempfile.TemporaryDirectory() as name:
        make_small(Path(name))
        yield Path(name)


def typed(page: str, small: Path, *, slow: bool = False) -> str:
    """The text of a page with what its reader types run, in a copy of the folder ``small``."""
    with tempfile.TemporaryDirectory() as name:
        for file in SMALL:
            shutil.copy(small / file, name)
        (Path(name) / DOCS.name).symlink_to(DOCS)
        return with_commands_run(page, Path(name), slow=slow)


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail where a page is out of date.")
@click.option("--slow", is_flag=True, help="Run the slow commands too.")
@click.argument("names", nargs=-1)
def main(check: bool, slow: bool, names: tuple[str, ...]) -> None:
    """Fill the pages of the documentation from the commands that they quote.

    NAMES are pages, e.g. docs/power.md; all of them by default.
    """
    chosen = [Path(name).resolve() for name in names] or pages()
    os.chdir(ROOT)  # the commands speak of results/ and datasets/ from there
    with reader() as small:
        for page in chosen:
            before = page.read_text(encoding="utf-8")
            after = typed(refreshed(before, slow=slow), small, slow=slow)
            if after != before:
                if check:
                    raise click.ClickException(f"{page} is out of date: python docs/refresh.py")
                page.write_text(after, encoding="utf-8")
                click.echo(f"filled {page}")


if __name__ == "__main__":
    sys.exit(main())
