"""The rows of two leaderboards compared: before and after."""

import csv
import io
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trendbench.errors import ResultError
from trendbench.leaderboard.board import CSV_NAME, PAPER_NAME, Row, placed
from trendbench.leaderboard.pairs import paired_difference, seeds_of
from trendbench.leaderboard.pooling import by_seed
from trendbench.leaderboard.variants import variants
from trendbench.plain_text import is_plain
from trendbench.results.store import StoredRecord, read_all, read_folder
from trendbench.storage.bounded import decoded, read_file

Side = Literal["both", "before", "after"]
Basis = Literal["same value", "same triplets", "both intervals", ""]
_LARGEST_CSV = 1 << 24
_CSV_PRECISION = 1e-5  # its numbers have six digits
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,70}")
_NAMES = ("task", "data", "arch", "family", "recipe")
_KEYS = (*_NAMES, "rank", "flags", "origin")
_ADDED = ("variant", "tier")  # columns that boards of older versions lack
_WHOLE = ("rank", "tier")
_Key = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Line:
    """One row of a leaderboard, with its records if they are at hand."""

    row: Row
    records: Sequence[StoredRecord] = ()

    @property
    def key(self) -> _Key:
        """What must agree for two rows to be compared: task, data, name, family, recipe."""
        return tuple(self.row[name] for name in _NAMES)

    @property
    def name(self) -> _Key:
        """Task, data and name, which several rows may share."""
        return self.key[:3]


@dataclass(frozen=True)
class Change:
    """One row on one data file, before and after.

    Attributes:
        task, data, arch, family, recipe: what is compared.
        variant: its difference from other rows of its name; empty if the name is unique.
        side: which leaderboards have it.
        is_ambiguous: whether it is absent on one side and others of its name stand there.
        rank_before, rank_after: None where unranked or absent.
        tier_before, tier_after: None where absent, or not stated by an older CSV.
        before, after: the score; None where the row or its score is absent.
        low, high: 95 % interval of after − before; None where either is absent.
        basis: ``same value`` where the two agree to the six digits of a CSV; ``same triplets``
            where images were paired, which cancels what is hard about a triplet; ``both
            intervals`` where only the two rows' own intervals were at hand.
    """

    task: str
    data: str
    arch: str
    family: str
    recipe: str
    variant: str
    side: Side
    is_ambiguous: bool
    rank_before: int | None
    rank_after: int | None
    tier_before: int | None
    tier_after: int | None
    before: float | None
    after: float | None
    low: float | None
    high: float | None
    basis: Basis

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def board_of(records: Iterable[StoredRecord]) -> list[Line]:
    """The rows of records, in order, each with its records."""
    return [Line(row, group) for row, group in placed(list(records))]


def read_board(path: Path, score: str) -> list[Line]:
    """A leaderboard from a folder of records or from a ``leaderboard.csv``.

    A folder's board has the published rows too, as ``trendbench leaderboard`` prints it there; one
    that was itself published, which its ``paper.csv`` shows, stands alone. Records that lie beside
    a CSV are used where they say the same as it.

    Args:
        path: file or folder.
        score: the score that will be compared, which a CSV must have.

    Raises:
        ResultError: it is neither, a folder without both, or a CSV with missing columns or broken
            cells.
    """
    if path.is_dir():
        found = read_folder(path, "local")
        if not found and not (path / CSV_NAME).is_file():
            raise ResultError(
                f"{path} holds neither records, <task>/<arch>/seed….json, nor a {CSV_NAME}"
            )
        if found:
            return board_of(found if (path / PAPER_NAME).is_file() else read_all(path))
        path = path / CSV_NAME
    beside = {line.key: line for line in board_of(read_folder(path.parent, "local"))}
    lines = []
    for row in _read_csv(path, score):
        line = Line(row)
        twin = beside.get(line.key)
        same = twin is not None and _close(twin.row[score], row[score])
        lines.append(Line(row, twin.records) if twin is not None and same else line)
    return lines


def compare(before: Iterable[Line], after: Iterable[Line], score: str) -> list[Change]:
    """Every row of either leaderboard once, those of the later one first and in its order.

    Rows are the same where task, data, name, family and recipe are. Where a side has such a row
    both of one's own and published, each goes with the one of its origin, if that is there.
    """
    old, new = list(before), list(after)
    pairs = _pairs(old, new)
    names = [{line.name for line in side} for side in (old, new)]
    told = _told_apart([line for a, b in pairs if (line := b or a) is not None])
    return [
        _change(a, b, score, variant, names) for (a, b), variant in zip(pairs, told, strict=True)
    ]


def _pairs(old: Sequence[Line], new: Sequence[Line]) -> list[tuple[Line | None, Line | None]]:
    """Each later row with its earlier one, then the earlier rows that are left."""
    left: dict[_Key, list[Line]] = defaultdict(list)
    for line in old:
        left[line.key].append(line)
    partner: dict[int, Line] = {}
    for columns in (("origin",), ()):  # the row of the same origin, then any
        for index, line in enumerate(new):
            fitting = [
                other
                for other in left[line.key]
                if all(other.row[column] == line.row[column] for column in columns)
            ]
            if fitting and index not in partner:
                partner[index] = fitting[0]
                left[line.key].remove(fitting[0])
    both = [(partner.get(index), line) for index, line in enumerate(new)]
    return [*both, *((line, None) for line in old if line in left[line.key])]


def _told_apart(lines: Sequence[Line]) -> list[str]:
    """Each row's variant among these: from its record, else from its CSV, else its recipe."""
    known = [line for line in lines if line.records]
    told = {id(a): b for a, b in zip(known, variants([x.records[0] for x in known]), strict=True)}
    names = Counter(line.name for line in lines)
    return [
        told.get(id(line), line.row.get("variant"))
        or (f"recipe={line.row['recipe']}" if names[line.name] > 1 else "")
        for line in lines
    ]


def _change(
    old: Line | None, new: Line | None, score: str, variant: str, names: Sequence[set[_Key]]
) -> Change:
    """``names`` are those of the earlier and of the later leaderboard."""
    before, after = (line.row[score] if line else None for line in (old, new))
    low, high, basis = _interval(old, new, score)
    shown = new or old
    assert shown is not None
    side: Side = "after" if old is None else "before" if new is None else "both"
    elsewhere = {"after": names[0], "before": names[1], "both": set()}[side]
    task, data, arch, family, recipe = shown.key
    return Change(
        task=task, data=data, arch=arch, family=family, recipe=recipe,
        variant=variant,
        side=side,
        is_ambiguous=shown.name in elsewhere,
        rank_before=old.row["rank"] if old else None,
        rank_after=new.row["rank"] if new else None,
        tier_before=old.row.get("tier") if old else None,
        tier_after=new.row.get("tier") if new else None,
        before=before, after=after, low=low, high=high, basis=basis,
    )  # fmt: skip


def _interval(
    old: Line | None, new: Line | None, score: str
) -> tuple[float | None, float | None, Basis]:
    """Interval of new − old, by images where both sides have them, else from their own."""
    if old is None or new is None or old.row[score] is None or new.row[score] is None:
        return None, None, ""
    if _close(old.row[score], new.row[score]):
        return 0.0, 0.0, "same value"
    a, b = (by_seed(line.records, score) if line.records else None for line in (new, old))
    if a is not None and b is not None and a.shape[1] == b.shape[1]:
        same_seeds = seeds_of(new.records) == seeds_of(old.records)
        _, low, high = paired_difference(a, b, same_seeds=same_seeds)
        return low, high, "same triplets"
    half = math.hypot(_half_width(old.row, score), _half_width(new.row, score))
    centre = new.row[score] - old.row[score]
    return centre - half, centre + half, "both intervals"


def _half_width(row: Row, score: str) -> float:
    low, high = row[f"{score}_low"], row[f"{score}_high"]
    return float(high - low) / 2 if low is not None and high is not None else math.inf


def _close(a: float | None, b: float | None) -> bool:
    return (a is None and b is None) or (
        a is not None and b is not None and math.isclose(a, b, rel_tol=_CSV_PRECISION)
    )


def _read_csv(path: Path, score: str) -> list[Row]:
    """The columns of a leaderboard's CSV that a comparison needs, checked."""
    needed: tuple[str, ...] = (*_KEYS, score, f"{score}_low", f"{score}_high")
    try:
        if path.stat().st_size > _LARGEST_CSV:
            raise ResultError(f"{path} is larger than any leaderboard")
        content = decoded(read_file(path, _LARGEST_CSV, typed=True))
        table = list(csv.DictReader(io.StringIO(content), strict=True))
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, csv.Error) as error:
        raise ResultError(f"{path} is not a CSV in UTF-8 ({error})") from None
    if table and len(table[0]) == 1 and ";" in content.partition("\n")[0]:
        raise ResultError(f"{path} has ';' between its columns: save it with commas, as CSV UTF-8")
    missing = [name for name in needed if not table or name not in table[0]]
    if missing:
        raise ResultError(
            f"{path} is not a leaderboard.csv: it has no rows with '{missing[0]}'; trendbench "
            "leaderboard --results FOLDER writes one"
        )
    needed += tuple(name for name in _ADDED if name in table[0])
    return [_checked(row, needed, path, line) for line, row in enumerate(table, start=2)]


def _checked(cells: dict[str, str], needed: Sequence[str], path: Path, line: int) -> Row:
    row: Row = {}
    for name in needed:
        text = cells[name] or ""
        try:
            if name in _NAMES:
                if not _NAME.fullmatch(text):
                    raise ValueError
                row[name] = text
            elif name in ("flags", "origin", "variant"):
                if not is_plain(text):
                    raise ValueError
                row[name] = text
            else:
                value = float(text) if text else None
                if value is not None and not math.isfinite(value):
                    raise ValueError
                row[name] = int(value) if name in _WHOLE and value is not None else value
        except ValueError:
            raise ResultError(f"{path}, line {line}: {text[:40]!a} is no {name}") from None
    return row
