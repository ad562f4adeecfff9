"""A row of the leaderboard with the content of its card, for the templates."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trendbench.generators.recipes import unranked_families
from trendbench.leaderboard.board import Row, place
from trendbench.leaderboard.ranking import TIERS, TOLD
from trendbench.metrics.flags import RULES, verdict
from trendbench.metrics.metric import Score
from trendbench.numbers import plain, short
from trendbench.report.attached import Attached, Sheet, read_attached
from trendbench.report.columns import COLUMNS, MEANINGS, Column, with_minus, written
from trendbench.report.figures import curve_figures, log_figures
from trendbench.report.plot import Plot
from trendbench.report.trends import TrendMap, trend_map
from trendbench.report.truth import exact_of, fits
from trendbench.results.record import RunRecord
from trendbench.results.store import StoredRecord, row_key
from trendbench.results.task import task_of
from trendbench.spec import TaskSpec

Summaries = Mapping[tuple[str, str], str]  # what rows are, by family and name


@dataclass(frozen=True)
class Cell:
    """A number of the table: as text, and for sorting."""

    column: Column
    text: str
    value: str
    low: str
    high: str
    is_as_true: bool
    range: tuple[str, str] | None = None


@dataclass(frozen=True)
class ScoreLine:
    """A line of a card."""

    name: str
    meaning: str
    value: str
    interval: str
    truth: str
    range: str
    unit: str
    is_as_true: bool


@dataclass(frozen=True)
class FlagLine:
    """A flag in words: each value beyond its limit, and the reason for the limit."""

    name: str
    readings: list[tuple[str, str]]


@dataclass(frozen=True)
class Seed:
    """One run of a row."""

    record: RunRecord
    attached: Attached
    losses: list[Plot]
    validation: list[Plot]

    @property
    def trends(self) -> TrendMap | None:
        """The map of trends, where the task has several."""
        found = self.attached.trends
        return trend_map(found) if found else None

    @cached_property
    def run_id(self) -> str:
        """The record's own name, a hash of its content."""
        return self.record.run_id

    @property
    def stem(self) -> str:
        """The path of its files in the report, without their endings."""
        return f"records/{self.record.task}/{self.record.arch}/{self.run_id}"

    @property
    def files(self) -> list[tuple[str, str]]:
        """Path in the report and name of every file that can be downloaded."""
        own = [(f"{self.stem}.json", "record"), (f"{self.stem}.npz", "scores image by image")]
        return own + [(f"{self.stem}/{name}", name) for name in self.attached.files]


@dataclass(frozen=True)
class Entry:
    """One row of the board.

    Attributes:
        row: as the board has it.
        seeds: the runs behind it.
        summary: what the recipe says it is; empty where it is none of ours.
        curves: figures of all seeds together.
        problems: what could not be shown, a line each.
        task: its spec, where it is a shipped one or lies beside the record.
    """

    row: Row
    seeds: list[Seed]
    summary: str
    curves: list[Plot]
    problems: list[str]
    task: TaskSpec | None

    @property
    def first(self) -> RunRecord:
        """The record with the facts that all seeds share."""
        return self.seeds[0].record

    @cached_property
    def anchor(self) -> str:
        """A name for links: the row's, and a hash unique to the row."""
        first = self.first
        key = (*row_key(first), self.row["origin"])
        return f"{first.arch}-{hashlib.sha256(repr(key).encode()).hexdigest()[:12]}"

    @property
    def sampled(self) -> Seed | None:
        """The first of its runs that has a contact sheet."""
        return next((seed for seed in self.seeds if seed.attached.sheet), None)

    @property
    def sheet(self) -> Sheet | None:
        """That contact sheet."""
        return self.sampled.attached.sheet if self.sampled else None

    def lack(self, name: str) -> str:
        """Why an attachment is not shown."""
        return next((p for p in self.problems if name in p), f"no {name.split('.')[0]} recorded")

    @property
    def thumb(self) -> str:
        """Path in the report of its small picture."""
        return f"thumbs/{self.anchor}.png"

    @property
    def flags(self) -> list[str]:
        """Names of its flags."""
        return [flag for flag in self.row["flags"].split(";") if flag]

    @property
    def remarks(self) -> list[str]:
        """Status and privilege, unless usual."""
        row = self.row
        return [
            *([row["status"]] if row["status"] != "reproduced" else []),
            *(["local"] if row["origin"] == "local" else []),
            *(["privileged"] if row["privileged"] else []),
            *(["unconditional"] if not row["conditional"] else []),
        ]

    @property
    def place(self) -> str:
        """Its rank, with a star where it is provisional."""
        return place(self.row)

    @property
    def standing(self) -> str:
        """Its tier, and why it has no rank, in words."""
        row = self.row
        reason = f"; no rank: {row['unranked']}" if row["unranked"] else ""
        provisional = "; provisional rank, of fewer than three seeds" if row["provisional"] else ""
        return (
            f"Tier {row['tier']}: {_tier_in_words(row['tier'], self.seeds)}{reason}{provisional}."
        )

    @property
    def variant(self) -> str:
        """The hyper-parameters in which rows of its name differ."""
        return str(self.row.get("variant") or "")

    @cached_property
    def kind(self) -> str:
        """Ranked, flagged, or for reference."""
        if self.row["family"] in unranked_families():
            return "reference"
        return "flagged" if self.flags else "clean"

    @property
    def runs(self) -> str:
        """Seeds and epochs."""
        return f"{self.row['seeds']}×{plain(self.row['epochs'])}"

    @property
    def words(self) -> str:
        """The text that a search covers."""
        first = self.first
        about = [first.family, first.task, first.recipe.preset or "", first.hardware.device]
        said = [first.arch, self.variant, *about, self.summary, self.row["status"]]
        return " ".join([*said, *self.flags, *self.remarks]).lower()

    @cached_property
    def cells(self) -> list[Cell]:
        """Its numbers, in the order of the columns."""
        return [self._cell(column) for column in COLUMNS]

    def _cell(self, column: Column) -> Cell:
        value = self.row[column.name]
        low, high = (self.row.get(f"{column.name}_{end}") for end in ("low", "high"))
        truth = self._score(column.name) if column.is_score else None
        return Cell(
            column,
            written(column, self.row),
            _raw(value),
            _raw(low),
            _raw(high),
            value is not None and truth is not None and _is_within(value, truth),
        )

    def _score(self, name: str) -> Score | None:
        return next((s for seed in self.seeds if (s := seed.record.scores.get(name))), None)

    @property
    def scores(self) -> list[ScoreLine]:
        """The lines of its card; with several seeds, intervals over seeds and images."""
        lines = []
        for name, meaning in MEANINGS.items():
            truth, value = self._score(name), self.row[name]
            if truth is None or value is None:
                continue
            lines.append(
                ScoreLine(
                    name,
                    meaning,
                    with_minus(short(value, 4)),
                    _span(self.row[f"{name}_low"], self.row[f"{name}_high"]),
                    with_minus(short(truth.truth)) + " estimated" * truth.estimated,
                    _span(truth.truth_low, truth.truth_high),
                    "" if truth.unit == "1" else truth.unit,
                    _is_within(value, truth),
                )
            )
        return lines

    @property
    def missing(self) -> list[str]:
        """Its absent scores."""
        return [name for name in MEANINGS if self.row[name] is None]

    @property
    def flag_lines(self) -> list[FlagLine]:
        """Its flags in words."""
        readings: dict[str, list[tuple[str, str]]] = {name: [] for name in self.flags}
        known = self.task is not None and self.task.is_known  # else limits are with its data file
        for rule in RULES if known else ():
            for seed in self.seeds:
                score, n = seed.record.scores.get(rule.score), seed.record.n_test
                if score is None or self.task is None or rule.flag not in readings:
                    continue
                if rule.broken(seed.record.scores, self.task, n):
                    limit = short(rule.threshold(score, self.task, n))
                    reading = f"{rule.score} {short(score.value)}, limit {limit}"
                    if len(self.seeds) > 1:
                        reading = f"seed {seed.record.seed}: {reading}"
                    readings[rule.flag].append((with_minus(reading), rule.reason))
        return [FlagLine(name, found) for name, found in readings.items()]

    @property
    def verdict(self) -> str:
        """The text for a row without flags."""
        return "" if self.flags or len(self.seeds) > 1 else verdict(self.first.scores, [])

    @property
    def recipe(self) -> list[tuple[str, Any]]:
        """The origin of the row: the recipe and the data."""
        first = self.first
        parameters = ", ".join(f"{k} = {_value(v)}" for k, v in first.recipe.parameters.items())
        return [
            ("generator", first.recipe.generator),
            ("numbers", parameters or "none"),
            ("preset", first.recipe.preset),
            ("recipe", f"sha256:{first.recipe.sha256}"),
            ("source file", first.recipe.source and f"sha256:{first.recipe.source}"),
            ("task", first.task),
            ("data", f"sha256:{first.data.sha256}"),
            ("training", f"{first.data.train} triplets, data seed {first.data.seed}"),
            ("test", f"{first.n_test} images"),
            ("uses inputs", "yes" if first.conditional else "no"),
            ("privileged", "yes: uses germs or targets" if first.privileged else "no"),
            ("size", _parameters(first.parameters)),
        ]


def make_entry(row: Row, group: Sequence[StoredRecord], summaries: Summaries) -> Entry:
    """Read the records of a row and lay out its figures; ``summaries`` are of published rows."""
    first = group[0].record
    read = [(stored.record, read_attached(stored)) for stored in group]
    curves = [found.curves for _, found in read if found.curves is not None]
    is_drawn = curves or any(found.validation for _, found in read)
    exact = exact_of(group[0]) if is_drawn else None
    problems = [f"seed {record.seed}: {p}" for record, found in read for p in found.problems]
    reference = exact.curves if exact else curves[0] if curves else None
    if reference is not None:
        usable = [c for c in curves if fits(c, reference)]
        if len(usable) < len(curves):
            problems.append("curves.json is not shown: its curves do not have the task's lengths")
        curves = usable
    seeds = [
        Seed(
            record,
            found,
            log_figures(found.losses, {}) if found.losses else [],
            log_figures(found.validation, {"xi": record.xi_floor} if exact else {})
            if found.validation
            else [],
        )
        for record, found in read
    ]
    figures = curve_figures(first.arch, curves, exact) if curves else []
    summary = summaries.get((first.family, first.arch), "") if _is_ours(first) else ""
    return Entry(row, seeds, summary, figures, problems, task_of(group[0]))


def truth_of_group(entries: Sequence[Entry], name: str) -> Score | None:
    """A score's value for true images, from the first row that states it; reproduced rows first."""
    ours = sorted(entries, key=lambda entry: entry.row["status"] != "reproduced")
    return next((s for entry in ours if (s := entry._score(name)) is not None), None)


def truth_cell(column: Column, entries: Sequence[Entry]) -> Cell:
    """The same as a cell of the table."""
    score = truth_of_group(entries, column.name) if column.is_score else None
    if score is None:
        return Cell(column, "", "", "", "", is_as_true=False)
    row = {column.name: score.truth, "xi_ratio_low": score.truth_low,
           "xi_ratio_high": score.truth_high}  # fmt: skip
    ends = (_raw(score.truth_low), _raw(score.truth_high))
    span = (with_minus(short(score.truth_low)), with_minus(short(score.truth_high)))
    text = score.marked(written(column, row))
    return Cell(column, text, _raw(score.truth), *ends, is_as_true=True, range=span)


def _tier_in_words(tier: int, seeds: Sequence[Seed]) -> str:
    """The meaning of a tier for these runs; in tier 2, the scores that tell them."""
    if tier != TOLD:
        return TIERS[tier]
    names = [name for seed in seeds for name in seed.record.told_by or ()]
    if names:
        return f"told from true images by {', '.join(dict.fromkeys(names))}"
    return "not known whether told from true images"


def _is_ours(record: RunRecord) -> bool:
    return record.status == "reproduced"


def _is_within(value: float, truth: Score) -> bool:
    return truth.truth_low <= value <= truth.truth_high


def _span(low: float, high: float) -> str:
    return with_minus(f"[{short(low)}, {short(high)}]")


def _raw(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _value(value: bool | float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _parameters(count: int | None) -> str | None:
    return None if count is None else f"{count:,} parameters".replace(",", "\u202f")
