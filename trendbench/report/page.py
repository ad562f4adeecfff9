"""The page: templates that escape everything, filled with the board."""

import hashlib
import unicodedata
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
from trendbench.report.columns import COLUMNS
from trendbench.report.entries import Cell, Entry, make_entry, truth_cell
from trendbench.report.studies import Study
from trendbench.results.store import StoredRecord

STYLE, SCRIPT = "report.css", "report.js"
_LONGEST = 600  # characters of any single text
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # categories that show nothing, or reorder
_KEPT = "\n\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True)
class Group:
    """The rows of one task and data file, below what true images score."""

    entries: list[Entry]
    truth: list[Cell]


def make_groups(board: Sequence[tuple[Row, list[StoredRecord]]]) -> list[Group]:
    """The ranked rows, by task and data file, each with its card."""
    summaries = {(r.family, r.arch): r.summary for r in shipped_recipes()}
    groups = []
    for _, lines in groupby(board, key=lambda line: (line[0]["task"], line[0]["data"])):
        entries = [make_entry(row, records, summaries) for row, records in lines]
        groups.append(Group(entries, [truth_cell(column, entries) for column in COLUMNS]))
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
    """The style sheet or the script, as it is shipped."""
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
    return "".join(
        c if c in _KEPT or unicodedata.category(c) not in _HIDDEN else "\N{REPLACEMENT CHARACTER}"
        for c in value
    )
