"""Rows from records: one per (task, data, recipe, origin), over its seeds."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trendbench import catalog
from trendbench.errors import RecipeError, SpecError
from trendbench.generators.recipes import find_recipe, unranked_families
from trendbench.leaderboard.pooling import estimate, interval
from trendbench.leaderboard.ranking import (
    FEWEST_SEEDS,
    ranks,
    reason_without_rank,
    tier_of,
)
from trendbench.leaderboard.variants import variants
from trendbench.metrics.registry import METRICS, are_current
from trendbench.results.record import RunRecord
from trendbench.results.store import StoredRecord, newness, read_all, row_key
from trendbench.spec import canonical_file
from trendbench.storage.atomic import write_text
from trendbench.storage.bounded import read_file
from trendbench.storage.lock import waiting

CSV_NAME = "leaderboard.csv"
SCORES = tuple(METRICS)
PAPER_NAME = "paper.csv"  # the study's numbers, in folders that are published
_SHORT = 12
_FORMULA = ("=", "+", "-", "@", "\t")  # what a spreadsheet would compute; the ' stops it

_SCORE_COLUMNS = tuple(f"{name}{end}" for name in SCORES for end in ("", "_low", "_high"))
COLUMNS = (
    "rank", "task", "arch", "family", "status", "flags", "seeds", "intervals", "n_test",
    *_SCORE_COLUMNS[:3], "xi_floor", *_SCORE_COLUMNS[3:],
    "parameters", "conditional", "privileged", "epochs", "seconds", "device", "data", "recipe",
    "code", "origin", "paper_xi", "paper_data", "variant", "superseded",
    "tier", "provisional", "unranked", "told_by", "estimated", "stale_for",
)  # fmt: skip

Row = dict[str, Any]


def refresh(results: Path) -> Path:
    """Write ``results/leaderboard.csv`` again from all records; one process at a time."""
    path = results / CSV_NAME
    with waiting(results / ".leaderboard.lock"):
        write_text(path, to_csv(rows(read_all(results))))
    return path


def is_out_of_date(results: Path, records: Sequence[StoredRecord]) -> bool:
    """Whether ``results/leaderboard.csv`` is not what its records give, where there are any."""
    has_own = any(stored.path.is_relative_to(results) for stored in records)
    if not has_own and not (results / CSV_NAME).exists():
        return False
    current = to_csv(rows(records)).encode()
    try:
        return read_file(results / CSV_NAME, len(current)) != current
    except OSError:  # there is none, or it is larger
        return True


def to_csv(board: Iterable[Row]) -> str:
    """The board as CSV text: absent values empty, numbers to six digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in board:
        writer.writerow([_cell(row[column]) for column in COLUMNS])
    return buffer.getvalue()


def rows(records: Sequence[StoredRecord]) -> list[Row]:
    """The ordered, ranked rows of a set of records."""
    return [row for row, _ in placed(records)]


def placed(records: Sequence[StoredRecord]) -> list[tuple[Row, list[StoredRecord]]]:
    """The ordered, ranked rows, each with its records."""
    paper = paper_lines()
    groups = _groups(records)
    kept = [_newest_per_seed(group) for group in groups]
    told = variants([group[0] for group in kept])
    board = [
        (_row(group, paper) | {"variant": variant, "superseded": len(every) - len(group)}, group)
        for group, every, variant in zip(kept, groups, told, strict=True)
    ]
    _rank(board)
    board.sort(key=lambda line: _order(line[0]))
    return board


def entries(records: Iterable[StoredRecord]) -> list[list[StoredRecord]]:
    """The records of each row: the newest of each seed, in the order of seeds."""
    return [_newest_per_seed(group) for group in _groups(records)]


def superseded(records: Iterable[StoredRecord]) -> list[StoredRecord]:
    """The records that no row shows, since a newer one of the same row and seed exists."""
    found = []
    for group in _groups(records):
        kept = _newest_per_seed(group)
        found += [stored for stored in group if stored not in kept]
    return found


def label(row: Row) -> str:
    """A row's name with its difference from other rows of that name."""
    return f"{row['arch']} ({row['variant']})" if row["variant"] else str(row["arch"])


def place(row: Row) -> str:
    """A row's rank, with a star where it is provisional; empty where it has none."""
    return "" if row["rank"] is None else f"{row['rank']}{'*' if row['provisional'] else ''}"


def _groups(records: Iterable[StoredRecord]) -> list[list[StoredRecord]]:
    """The records of each row, all of them."""
    groups: dict[tuple[object, ...], list[StoredRecord]] = defaultdict(list)
    for stored in records:
        groups[(*row_key(stored.record), stored.origin)].append(stored)
    return list(groups.values())


def paper_lines() -> dict[str, dict[str, str]]:
    """The 2017 study's numbers by arch, as printed there, each with a remark on its data."""
    with (catalog.RESULTS / PAPER_NAME).open(newline="", encoding="utf-8") as file:
        return {line["arch"]: line for line in csv.DictReader(file)}


def _row(group: Sequence[StoredRecord], paper: dict[str, dict[str, str]]) -> Row:
    records = [stored.record for stored in group]
    first = records[0]
    stale_for = "; ".join(dict.fromkeys(filter(None, map(_outdated, records))))
    row: Row = {
        "rank": None,
        "task": first.task,
        "arch": first.arch,
        "family": first.family,
        "status": _status(records, stale_for),
        "stale_for": stale_for,
        "flags": ";".join(sorted({flag for record in records for flag in record.flags})),
        "told_by": ";".join(dict.fromkeys(n for record in records for n in record.told_by or ())),
        "estimated": ";".join(n for n, s in first.scores.items() if s is not None and s.estimated),
        "seeds": len(records),
        "intervals": "images only" if len(records) == 1 else "seeds and images",
        "n_test": first.n_test,
        "xi_floor": first.xi_floor,
        "parameters": first.parameters,
        "conditional": first.conditional,
        "privileged": any(record.privileged for record in records),
        "epochs": first.training.epochs,
        "seconds": _mean_seconds(records),
        "device": _each_once(record.hardware.device for record in records),
        "data": _short(first.data.sha256),
        "recipe": _short(first.recipe.sha256),
        "code": _each_once(f"{r.code.version}+{r.code.sha256[:_SHORT]}" for r in records),
        "origin": group[0].origin,
        "paper_xi": paper.get(first.arch, {}).get("xi"),
        "paper_data": paper.get(first.arch, {}).get("data"),
    }
    for name in SCORES:
        pooled = interval(group, name) or (None, None, None)
        row[name], row[f"{name}_low"], row[f"{name}_high"] = pooled
    is_disqualified = bool(row["flags"]) or row["status"] == "stale"
    row["tier"] = tier_of(records, is_disqualified=is_disqualified)
    return row


def _newest_per_seed(group: Sequence[StoredRecord]) -> list[StoredRecord]:
    newest: dict[int, StoredRecord] = {}
    for stored in sorted(group, key=newness):
        newest[stored.record.seed] = stored
    return [newest[seed] for seed in sorted(newest)]


def _status(records: Sequence[RunRecord], stale_for: str) -> str:
    if stale_for:
        return "stale"
    return "self-reported" if any(r.status == "self-reported" for r in records) else "reproduced"


def _outdated(record: RunRecord) -> str:
    """Why a record is stale; empty if it is not."""
    if not are_current(record.scores):
        return "earlier versions of scores"
    try:
        canonical = canonical_file(record.task)
    except SpecError:
        canonical = None
    same_file = canonical and (canonical.train, canonical.seed) == (
        record.data.train,
        record.data.seed,
    )
    if canonical and same_file and canonical.sha256 != record.data.sha256:
        return "other data than the task's"
    if record.status == "self-reported" or record.family == "own":
        return ""
    try:
        today = find_recipe(record.arch, preset=record.recipe.preset)
    except RecipeError:
        return "a recipe that was removed"
    # The length of the schedule is the run's own choice; everything else is the recipe's.
    parameters = dict(record.recipe.parameters)
    if "epochs" in today.parameters and "epochs" in parameters:
        parameters["epochs"] = today.parameters["epochs"]
    is_same = (today.generator, today.parameters) == (record.recipe.generator, parameters)
    return "" if is_same else "an earlier recipe"


def _each_once(texts: Iterable[str]) -> str:
    """The texts of the row's records, each once."""
    return "; ".join(dict.fromkeys(texts))


def _mean_seconds(records: Sequence[RunRecord]) -> float | None:
    """Training time, over the seeds; None if a record does not state it."""
    seconds = [record.training.seconds for record in records]
    known = [s for s in seconds if s is not None]
    return round(float(np.mean(known)), 1) if len(known) == len(seconds) else None


def _short(digest: str) -> str:
    """A digest as the board shows it; the prefix keeps readers from taking it for a number."""
    return f"sha256:{digest[:_SHORT]}"


def _order(row: Row) -> tuple[Any, ...]:
    """By task, data file, use of the inputs, tier and rank; then by ``_farthest``."""
    return (
        row["task"],
        row["data"],
        not row["conditional"],
        row["tier"],
        np.inf if row["rank"] is None else row["rank"],
        _farthest(row),
        row["arch"],
        row["recipe"],
        row["origin"],
    )


def _farthest(row: Row) -> float:
    """The largest |ξ/floor − 1| in the row's interval, so that a wide interval does not lead."""
    ends = (row["xi_ratio_low"], row["xi_ratio_high"])
    return np.inf if None in ends else max(abs(end - 1) for end in ends)


def _rank(board: Sequence[tuple[Row, list[StoredRecord]]]) -> None:
    """Fill in the ranks, within each task, data file and use of the inputs."""
    unranked = unranked_families()
    competing = defaultdict(list)
    for row, group in board:
        row |= {"unranked": reason_without_rank(row, unranked), "provisional": False}
        ratio = None if row["unranked"] else estimate(group, "xi_ratio")
        if ratio is not None:
            key = (row["task"], row["data"], row["conditional"])
            competing[key].append((row, ratio))
    for lines in competing.values():
        placed = ranks([row["tier"] for row, _ in lines], [ratio for _, ratio in lines])
        for (row, _), rank in zip(lines, placed, strict=True):
            row |= {"rank": rank, "provisional": row["seeds"] < FEWEST_SEEDS}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value).replace("\r", " ")  # csv leaves it bare, and its reader ends the line there
    return f"'{text}" if text.startswith(_FORMULA) else text
