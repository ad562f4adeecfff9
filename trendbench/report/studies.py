"""A study's page: the history of the search, and the value against each parameter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trendbench.report.plot import Kind, Line, Plot, Values, draw
from trendbench.results.study import FOLDER, RangeEntry, StudySummary, TrialEntry

Place = Callable[[Sequence[TrialEntry]], Values]
_MOST_EPOCH_LINES = 100
_STATES = {"complete": "", "pruned": "cut short", "failed": "given up"}


@dataclass(frozen=True)
class SpaceLine:
    """A searched parameter as texts; ``share``: of the spread of values that it explains."""

    name: str
    range: str
    own: str
    best: str
    share: str


@dataclass(frozen=True)
class TrialLine:
    """A trial as texts, in the order of the columns."""

    number: int
    value: str
    xi_ratio: str
    parameters: list[str]
    epochs: int
    seconds: str
    flags: str
    end: str


@dataclass(frozen=True)
class Study:
    """The content of a study's page.

    Attributes:
        summary: the study.
        lead: it, in a sentence.
        plots: history, values by epoch, value against each parameter.
        space, trials, provenance: the tables' lines.
    """

    summary: StudySummary
    lead: str
    plots: list[Plot]
    space: list[SpaceLine]
    trials: list[TrialLine]
    provenance: list[tuple[str, str]]

    @property
    def page(self) -> str:
        """Path of the page in the report."""
        return f"{FOLDER}/{self.summary.name}.html"

    @property
    def file(self) -> str:
        """Path of the summary in the report, a folder that can be read as results."""
        return f"records/{FOLDER}/{self.summary.name}.json"


def make_study(summary: StudySummary) -> Study:
    """Lay out a summary."""
    best = next((trial for trial in summary.trials if trial.number == summary.best), None)
    valued = [trial for trial in summary.trials if trial.value is not None]
    plots = []
    if valued:
        plots = [_history(valued), *_by_epoch(valued)]
        plots += [_against(name, known, valued, best) for name, known in summary.space.items()]
    return Study(
        summary,
        _lead(summary, best),
        plots,
        [_space_line(name, known, summary, best) for name, known in summary.space.items()],
        [_trial_line(trial, list(summary.space)) for trial in summary.ranked()],
        [
            ("generator", summary.generator),
            ("data", f"sha256:{summary.data[:12]}, {summary.train} training triplets"),
            ("validation", f"{summary.val} triplets; the test split was not read"),
            ("seed", str(summary.seed)),
            ("precision", summary.precision),
            ("code", f"{summary.code.version}, sha256:{summary.code.sha256[:12]}"),
        ],
    )


def _lead(summary: StudySummary, best: TrialEntry | None) -> str:
    cut = sum(trial.state == "pruned" for trial in summary.trials)
    trials = f"{len(summary.trials)} trials"
    if summary.epochs is not None:
        trials += f" of {summary.epochs} epochs"
    text = f"{trials}, {cut} of them cut short"
    if best is None or best.value is None:
        return f"{text}."
    flags = ", ".join(best.flags) or "no flag"
    ratio = "–" if best.xi_ratio is None else f"{best.xi_ratio:.2f}"
    return f"{text}; the best has value {best.value:.2f}: ξ/floor {ratio}, {flags}."


def _space_line(
    name: str, known: RangeEntry, summary: StudySummary, best: TrialEntry | None
) -> SpaceLine:
    share = summary.importances.get(name)
    return SpaceLine(
        name,
        ", ".join(map(_text, known.choices))
        if known.choices is not None
        else f"{_text(known.low)} to {_text(known.high)}{', logarithmic' if known.log else ''}",
        _text(summary.recipe.get(name)),
        _text(best.parameters.get(name)) if best else "–",
        "–" if share is None else f"{100 * share:.0f} %",
    )


def _trial_line(trial: TrialEntry, names: Sequence[str]) -> TrialLine:
    return TrialLine(
        trial.number,
        _fixed(trial.value),
        _fixed(trial.xi_ratio),
        [_text(trial.parameters.get(name)) for name in names],
        len(trial.epochs),
        "–" if trial.seconds is None else f"{trial.seconds:.0f}",
        ", ".join(trial.flags),
        trial.ended or _STATES[trial.state],
    )


def _history(trials: Sequence[TrialEntry]) -> Plot:
    """Every trial's value, and the least of the complete ones so far."""
    complete = [trial for trial in trials if trial.state == "complete"]
    least = np.minimum.accumulate([_value(trial) for trial in complete])
    best = [Line("truth", _numbers(complete), least)] if complete else []
    so_far = f" The least so far falls from {least[0]:.2f} to {least[-1]:.2f}." if complete else ""
    return draw(
        [*best, *_dots(trials, _numbers)],
        title="History",
        description=f"The value of each of {len(trials)} trials in turn.{so_far}",
        x_label="trial",
        y_label="value",
        legend=[("points", "complete"), ("cut", "cut short"), ("truth", "least so far")],
    )


def _by_epoch(trials: Sequence[TrialEntry]) -> list[Plot]:
    """Each trial's value after each epoch, where there are two epochs to join."""
    joined = [trial for trial in trials if len(trial.epochs) == len(trial.values) > 1]
    if not joined:
        return []
    return [
        draw(
            [
                Line("model", np.array(trial.epochs, np.float64), np.array(trial.values))
                for trial in joined[:_MOST_EPOCH_LINES]
            ],
            title="Value by epoch",
            description=f"One line for each of {len(joined)} trials that saw a second epoch.",
            x_label="epoch",
            y_label="value",
        )
    ]


def _against(
    name: str, known: RangeEntry, trials: Sequence[TrialEntry], best: TrialEntry | None
) -> Plot:
    """The value of every trial against one parameter."""
    listed = [_text(choice) for choice in known.choices or []]

    def place(some: Sequence[TrialEntry]) -> Values:
        values = [trial.parameters.get(name) for trial in some]
        if listed:
            shown = [_text(value) for value in values]
            return np.array([listed.index(v) if v in listed else np.nan for v in shown])
        return np.array([v if isinstance(v, int | float) else np.nan for v in values], np.float64)

    marked = [Line("best", place([best]), np.array([_value(best)]))] if best else []
    ends = [Line("model", np.array([known.low, known.high], np.float64), np.full(2, np.nan))]
    at_best = f"; the best trial has {_text(best.parameters.get(name))}" if best else ""
    return draw(
        [*([] if listed else ends), *_dots(trials, place), *marked],
        title=name,
        description=f"The value of {len(trials)} trials against {name}{at_best}.",
        x_label=name,
        y_label="value",
        legend=[("points", "complete"), ("cut", "cut short"), ("best", "best")],
        is_log_across=known.log,
        names=listed,
    )


def _dots(trials: Sequence[TrialEntry], place: Place) -> list[Line]:
    kinds: dict[Kind, str] = {"cut": "pruned", "points": "complete"}
    chosen = {kind: [t for t in trials if t.state == state] for kind, state in kinds.items()}
    return [
        Line(kind, place(some), np.array([_value(trial) for trial in some]))
        for kind, some in chosen.items()
        if some
    ]


def _numbers(trials: Sequence[TrialEntry]) -> Values:
    return np.array([trial.number for trial in trials], np.float64)


def _value(trial: TrialEntry) -> float:
    return np.nan if trial.value is None else trial.value


def _fixed(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.3g}"
    return f"{value:g}" if isinstance(value, float) else str(value)
