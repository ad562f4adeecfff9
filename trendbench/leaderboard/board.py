"""Rows from records: one per (task, data, recipe, origin), over its seeds."""

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench import catalog
from trendbench.errors import RecipeError, SpecError
from trendbench.generators.recipes import find_recipe, unranked_families
from trendbench.leaderboard.variants import variants
from trendbench.metrics.registry import METRICS, are_current
from trendbench.metrics.resampling import CONFIDENCE, REPLICATES
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
_SEED = 20170602
_FORMULA = ("=", "+", "-", "@", "\t")  # what a spreadsheet would compute; the ' stops it

_SCORE_COLUMNS = tuple(f"{name}{end}" for name in SCORES for end in ("", "_low", "_high"))
COLUMNS = (
    "rank", "task", "arch", "family", "status", "flags", "seeds", "intervals", "n_test",
    *_SCORE_COLUMNS[:3], "xi_floor", *_SCORE_COLUMNS[3:],
    "parameters", "conditional", "privileged", "epochs", "seconds", "device", "data", "recipe",
    "code", "origin", "paper_xi", "paper_data", "variant", "superseded",
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
    board.sort(key=lambda line: _order(line[0]))
    _rank([row for row, _ in board])
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


@dataclass(frozen=True)
class _Pooled:
    value: float | None
    low: float | None
    high: float | None


def _row(group: Sequence[StoredRecord], paper: dict[str, dict[str, str]]) -> Row:
    records = [stored.record for stored in group]
    first = records[0]
    row: Row = {
        "rank": None,
        "task": first.task,
        "arch": first.arch,
        "family": first.family,
        "status": _status(records),
        "flags": ";".join(sorted({flag for record in records for flag in record.flags})),
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
    for name, pooled in _pool(group).items():
        row[name], row[f"{name}_low"], row[f"{name}_high"] = pooled.value, pooled.low, pooled.high
    return row


def _pool(group: Sequence[StoredRecord]) -> dict[str, _Pooled]:
    """Each score over the seeds: mean, and the interval from resampling seeds and images."""
    if len(group) == 1:
        entries = {name: group[0].record.scores.get(name) for name in SCORES}
        return {
            name: _Pooled(entry.value, entry.low, entry.high)
            if entry
            else _Pooled(None, None, None)
            for name, entry in entries.items()
        }
    images = [stored.per_image() for stored in group]
    lengths = {stored.record.n_test for stored in group}
    pooled = {}
    for name in SCORES:
        entries_of = [stored.record.scores.get(name) for stored in group]
        values = [entry.value for entry in entries_of if entry]
        if len(values) < len(group):
            pooled[name] = _Pooled(None, None, None)
            continue
        if any(name not in series for series in images) or len(lengths) > 1:
            # Not a score of single images, or seeds that were not scored on the same ones.
            low, high = min(e.low for e in entries_of if e), max(e.high for e in entries_of if e)
            pooled[name] = _Pooled(float(np.mean(values)), low, high)
            continue
        table = np.stack([series[name] for series in images])
        value = float(np.mean(values))
        low, high = _crossed_interval(table)
        shift = value - float(table.mean())
        pooled[name] = _Pooled(value, low + shift, high + shift)
    return pooled


def _crossed_interval(table: NDArray[np.float64]) -> tuple[float, float]:
    """Interval of the grand mean of (seeds, images), both resampled, each on its own."""
    rng = np.random.default_rng(_SEED)
    seeds, n = table.shape
    by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=REPLICATES) / seeds
    by_image = rng.multinomial(n, np.full(n, 1 / n), size=REPLICATES) / n
    means = np.einsum("bs,sn,bn->b", by_seed, table, by_image, optimize=True)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _newest_per_seed(group: Sequence[StoredRecord]) -> list[StoredRecord]:
    newest: dict[int, StoredRecord] = {}
    for stored in sorted(group, key=newness):
        newest[stored.record.seed] = stored
    return [newest[seed] for seed in sorted(newest)]


def _status(records: Sequence[RunRecord]) -> str:
    """``stale`` if a record's data, recipe or metric is outdated."""
    if any(_is_stale(record) for record in records):
        return "stale"
    return "self-reported" if any(r.status == "self-reported" for r in records) else "reproduced"


def _is_stale(record: RunRecord) -> bool:
    if not are_current(record.scores):
        return True
    try:
        canonical = canonical_file(record.task)
    except SpecError:
        canonical = None
    same_file = canonical and (canonical.train, canonical.seed) == (
        record.data.train,
        record.data.seed,
    )
    if canonical and same_file and canonical.sha256 != record.data.sha256:
        return True
    if record.status == "self-reported" or record.family == "own":
        return False
    try:
        today = find_recipe(record.arch, preset=record.recipe.preset)
    except RecipeError:
        return True
    # The length of the schedule is the run's own choice; everything else is the recipe's.
    parameters = dict(record.recipe.parameters)
    if "epochs" in today.parameters and "epochs" in parameters:
        parameters["epochs"] = today.parameters["epochs"]
    return (today.generator, today.parameters) != (record.recipe.generator, parameters)


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


def _distance(row: Row) -> float:
    ratio = row["xi_ratio"]
    return abs(ratio - 1) if ratio is not None else float("inf")


def _competes(row: Row, unranked: Collection[str]) -> bool:
    ranked_by = (row["xi_ratio"], row["xi_ratio_low"], row["xi_ratio_high"])
    if None in ranked_by:
        return False
    return not row["flags"] and row["status"] != "stale" and row["family"] not in unranked


def _order(row: Row) -> tuple[Any, ...]:
    out = bool(row["flags"]) or row["status"] == "stale"
    return (
        row["task"],
        row["data"],
        out,
        _distance(row),
        row["arch"],
        row["recipe"],
        row["origin"],
    )


def _rank(board: Sequence[Row]) -> None:
    """Rank within each task and data file; a row whose interval meets its leader's shares it."""
    unranked = unranked_families()
    for _, group in groupby(board, key=lambda row: (row["task"], row["data"])):
        leader: Row | None = None
        competing = [row for row in group if _competes(row, unranked)]
        for place, row in enumerate(competing, start=1):
            if leader is None or not _overlap(leader, row):
                row["rank"], leader = place, row
            else:
                row["rank"] = leader["rank"]


def _overlap(a: Row, b: Row) -> bool:
    return bool(a["xi_ratio_low"] <= b["xi_ratio_high"] and b["xi_ratio_low"] <= a["xi_ratio_high"])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value).replace("\r", " ")  # csv leaves it bare, and its reader ends the line there
    return f"'{text}" if text.startswith(_FORMULA) else text
