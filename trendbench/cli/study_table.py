"""A study's best trials as text for a terminal of 80 columns."""

import io

from trendbench.results.study import StudySummary, TrialEntry

_WIDTH = 80
_SHOWN = 10


def study_table(summary: StudySummary) -> str:
    """The best trials, how many were cut short, and which parameters weigh most."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        padding=(0, 1),
    )
    for head in ("#", "value", "ξ/floor", *summary.space):
        table.add_column(head, justify="right", overflow="fold")
    table.add_column("flags", min_width=13)
    for trial in summary.ranked()[:_SHOWN]:
        table.add_row(
            str(trial.number),
            _number(trial.value),
            _number(trial.xi_ratio),
            *(_short(trial.parameters.get(name)) for name in summary.space),
            ", ".join(_remarks(trial)),
        )
    console = Console(file=io.StringIO(), width=_WIDTH, no_color=True)
    console.print(table)
    file = console.file
    assert isinstance(file, io.StringIO)
    lines = [line.rstrip() for line in file.getvalue().splitlines()]
    title = f"{summary.arch} on {summary.task}, {len(summary.trials)} trials, validation images"
    return "\n".join([title, *lines, *_footnotes(summary)])


def _footnotes(summary: StudySummary) -> list[str]:
    lines = ["value: |ξ/floor − 1| of thresholded images, plus 1 a flag; 0 for true images."]
    pruned = sum(trial.state == "pruned" for trial in summary.trials)
    lines.append(f"{pruned} of {len(summary.trials)} trials were cut short.")
    if summary.importances:
        shares = (f"{name} {100 * v:.0f} %" for name, v in summary.importances.items())
        lines.append(f"Share in the spread of values: {', '.join(shares)}.")
    return lines


def _remarks(trial: TrialEntry) -> list[str]:
    return [*trial.flags, *([] if trial.state == "complete" else [f"({trial.state})"])]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
