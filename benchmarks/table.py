"""Rows of measurements, each with its limit and its verdict, as lines and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

OK, SHORT, REPORTED, ABSENT, LIMIT = "ok", "SHORT", "reported", "not measured", "limit"
_HEADS = ("what", "measured", "wanted", "verdict")


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        what: is measured, in a few words.
        measured: the figure, with its unit.
        wanted: the limit; empty where the figure is only reported.
        verdict: whether the limit is kept.
    """

    what: str
    measured: str
    wanted: str
    verdict: str


def at_least(what: str, value: float, limit: float, unit: str, form: str = ".1f") -> Row:
    """A figure that should reach a limit."""
    return _row(what, value, limit, unit, form, "at least", value >= limit)


def at_most(what: str, value: float, limit: float, unit: str, form: str = ".1f") -> Row:
    """A figure that should not pass a limit."""
    return _row(what, value, limit, unit, form, "at most", value <= limit)


def reported(what: str, measured: str) -> Row:
    """A figure without a limit."""
    return Row(what, measured, "", REPORTED)


def limit(what: str, measured: str) -> Row:
    """What stands in the way of the row above, measured by itself."""
    return Row(f"  limit: {what}", measured, "", LIMIT)


def absent(what: str, reason: str) -> Row:
    """A row that could not be measured here."""
    return Row(what, reason, "", ABSENT)


def line(row: Row) -> str:
    """A row for the terminal."""
    return f"{row.what:<58} {row.measured:<34} {row.wanted:<18} {row.verdict}".rstrip()


def markdown(rows: list[Row]) -> str:
    """Rows as a table."""
    return grid([_HEADS, *((row.what, row.measured, row.wanted, row.verdict) for row in rows)])


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Cells as a Markdown table, the first row being its head."""
    cells = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join("| " + " | ".join(words) + " |" for words in cells)


def _row(
    what: str, value: float, limit: float, unit: str, form: str, words: str, kept: bool
) -> Row:
    return Row(what, f"{value:{form}} {unit}", f"{words} {limit:g} {unit}", OK if kept else SHORT)
