"""The page: templates that escape everything, filled with the board."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trendbench import __version__
from trendbench.citation import bibtex
from trendbench.generators.recipes import shipped_recipes
from trendbench.leaderboard.board import Row
from trendbench.plain_text import is_plain
from trendbench.report.attached import Sheet
from trendbench.report.columns import COLUMNS
from trendbench.report.entries import Cell, Entry, make_entry, truth_cell
from trendbench.report.studies import Study
from trendbench.results.store import StoredRecord

STYLE, SCRIPT = "report.css", "report.js"
_LONGEST = 600  # characters of any single text
_RANKED_TOGETHER = (("Rows that use the inputs", True), ("Rows that do not use the inputs", False))
_KEPT = "\n\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True)
class Group:
    """The rows of one task and data file.

    Attributes:
        anchor: its name for links.
        entries: its rows in the order of the board.
        truth: what true images score.
    """

    anchor: str
    entries: list[Entry]
    truth: list[Cell]

    @property
    def title(self) -> str:
        """Its task and data file, in words."""
        first = self.entries[0].first
        data = self.entries[0].row["data"]
        return f"{first.task}, {first.data.train} training triplets, data {data}"

    @property
    def parts(self) -> list[tuple[str, list[Entry]]]:
        """The rows that are ranked together, by name: those that use the inputs come first."""
        rows = [entry for entry in self.entries if entry.kind != "reference"]
        parts = [
            (name, [entry for entry in rows if entry.row["conditional"] == uses_inputs])
            for name, uses_inputs in _RANKED_TOGETHER
        ]
        return [part for part in parts if part[1]] or parts[:1]

    @property
    def reference(self) -> list[Entry]:
        """The reference rows."""
        return [entry for entry in self.entries if entry.kind == "reference"]

    @property
    def pictured(self) -> Entry | None:
        """A row whose profile stands over the exact one."""
        drawn = (entry for entry in self.entries if entry.curves)
        return next((e for e in drawn if any(p.kind == "band" for p in e.curves[0].paths)), None)

    @property
    def sheet(self) -> Sheet | None:
        """A reproduced row's contact sheet, for its true images."""
        ours = [entry for entry in self.entries if entry.row["status"] == "reproduced"]
        return next((entry.sheet for entry in ours if entry.sheet), None)

    @property
    def thumb(self) -> str:
        """Path in the report of a true image."""
        return f"thumbs/true-{self.anchor}.png"

    @property
    def thumbs(self) -> dict[str, bytes]:
        """The small pictures of its rows and of a true image, by path in the report."""
        found = {entry.thumb: entry.sheet.drawn for entry in self.entries if entry.sheet}
        return found | ({self.thumb: self.sheet.true} if self.sheet else {})


def make_groups(board: Sequence[tuple[Row, list[StoredRecord]]]) -> list[Group]:
    """The ranked rows, by task and data file, each with its card."""
    summaries = {(r.family, r.arch): r.summary for r in shipped_recipes()}
    groups: list[Group] = []
    for _, lines in groupby(board, key=lambda line: (line[0]["task"], line[0]["data"])):
        entries = [make_entry(row, records, summaries) for row, records in lines]
        truth = [truth_cell(column, entries) for column in COLUMNS]
        groups.append(Group(f"task-{len(groups) + 1}", entries, truth))
    return groups


def render(groups: Sequence[Group], studies: Sequence[Study] = ()) -> str:
    """The page as HTML; the same groups and studies give the same text."""
    entries = [entry for group in groups for entry in group.entries]
    runs = sorted(seed.run_id for entry in entries for seed in entry.seeds)
    return (
        _environment()
        .get_template("index.html.jinja")
        .render(
            groups=groups,
            entries=entries,
            studies=studies,
            columns=COLUMNS,
            families=sorted({entry.first.family for entry in entries}),
            flags=sorted({flag for entry in entries for flag in entry.flags}),
            statuses=sorted({entry.row["status"] for entry in entries}),
            runs=len(runs),
            fingerprint=hashlib.sha256("\n".join(runs).encode()).hexdigest(),
            version=__version__,
            bibtex=bibtex().splitlines(),
            style=STYLE,
            script=SCRIPT,
        )
    )


def render_study(study: Study) -> str:
    """A study's own page as HTML."""
    template = _environment().get_template("study.html.jinja")
    return template.render(study=study, version=__version__, style=STYLE)


def asset(name: str) -> bytes:
    """The style sheet or the script."""
    return (files("trendbench.report") / "assets" / name).read_bytes()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("trendbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    """What a template prints: absent values as nothing, texts without what hides in them.

    Control and formatting characters (line breaks, zero widths, changes of direction) give way
    to a visible mark, and what is endless is cut. Jinja escapes the result.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if len(value) > _LONGEST:
        value = f"{value[:_LONGEST]} …"
    return "".join(c if c in _KEPT or is_plain(c) else "\N{REPLACEMENT CHARACTER}" for c in value)
