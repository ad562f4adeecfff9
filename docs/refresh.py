"""Run the commands that the pages quote, and put their output into the pages.

A block in a page says which command its text came from:

    <!-- output of: trendbench leaderboard --family pix2pix --markdown arch,xi -->
    …
    <!-- end of output -->

``python docs/refresh.py`` fills every block anew; ``--check`` changes nothing and fails if a block
differs. A command followed by ``(slow)`` is run with ``--slow`` only.
"""

import os
import re
import shlex
import sys
from pathlib import Path

import click
from click.testing import CliRunner

from trendbench.cli.main import group

DOCS = Path(__file__).parent
ROOT = DOCS.parent
_BLOCK = re.compile(
    r"(?P<head><!-- output of: trendbench (?P<command>.+?)(?P<slow> \(slow\))? -->\n)"
    r"(?P<text>.*?)(?P<tail><!-- end of output -->)",
    re.DOTALL,
)


def pages() -> list[Path]:
    """Every page that may quote a command."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def refreshed(page: str, *, slow: bool = False) -> str:
    """The text of a page with its blocks filled anew."""

    def fill(block: re.Match[str]) -> str:
        if block["slow"] and not slow:
            return block[0]
        return f"{block['head']}\n{output(block['command'])}\n{block['tail']}"

    return _BLOCK.sub(fill, page)


def output(command: str) -> str:
    """What ``trendbench <command>`` prints on stdout."""
    result = CliRunner().invoke(group, shlex.split(command))
    if result.exit_code:
        raise click.ClickException(f"trendbench {command}: {result.output}")
    return result.stdout


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail where a page is out of date.")
@click.option("--slow", is_flag=True, help="Run the slow commands too.")
def main(check: bool, slow: bool) -> None:
    """Fill the pages of the documentation from the commands that they quote."""
    os.chdir(ROOT)  # the commands speak of results/ and datasets/ from there
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = refreshed(before, slow=slow)
        if after != before:
            if check:
                raise click.ClickException(f"{page} is out of date: python docs/refresh.py")
            page.write_text(after, encoding="utf-8")
            click.echo(f"filled {page}")


if __name__ == "__main__":
    sys.exit(main())
