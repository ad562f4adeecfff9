"""The columns of the table: heads, meanings, formats."""

from dataclasses import dataclass
from typing import Any

from trendbench.leaderboard.board import SCORES, Row
from trendbench.metrics.c2st import ACCURACY, LOGLOSS, P_VALUE
from trendbench.metrics.registry import METRICS
from trendbench.numbers import fixed, percent, short, with_half_width

MEANINGS = {name: metric.meaning for name, metric in METRICS.items()}
_HEADS = {
    "xi": "ξ",
    "xi_ratio": "ξ/floor",
    "xi_bias": "ξ bias²",
    "xi_variance_ratio": "variance",
    "xi_binary": "ξ binary",
    "xi_executed": "ξ executed",
    "grey_fraction": "grey",
    "s2_error": "S₂",
    "lineal_error": "lineal path",
    "perimeter_error": "perimeter",
    "euler_error": "Euler",
    "anisotropy_error": "anisotropy",
    "stray_error": "stray",
    "row_error": "rows",
    "column_error": "columns",
    "k_error": "slope k",
    "lambda0_error": "λ₀",
    "k_variance_ratio": "slope variance",
    "lambda_variance_ratio": "λ variance",
    "retention_error": "retention",
    "containment": "containment",
    "input_disagreement": "from input",
    "target_disagreement": "from target",
    "target_leakage": "leakage",
    "diversity": "diversity",
    "memorisation": "memory",
    "repeats": "repeats",
    LOGLOSS: "classifier",
    ACCURACY: "accuracy",
    P_VALUE: "classifier's p",
}
_FIRST = ("xi_ratio", "xi")
_ALWAYS = (
    "xi_ratio", "xi_variance_ratio", "grey_fraction", "s2_error", "stray_error", "k_error",
    "retention_error", "diversity", "memorisation", LOGLOSS,
)  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        name: its key in ``leaderboard.csv``.
        head: what stands above it.
        meaning: one line for people.
        is_extra: whether it is shown only where every column is asked for.
        is_score: whether it has an interval, and a value for true images.
    """

    name: str
    head: str
    meaning: str
    is_extra: bool
    is_score: bool = True

    @property
    def choice(self) -> str:
        """Its name in lists of columns."""
        return self.head if self.head == self.name else f"{self.head} ({self.name})"


COLUMNS = (
    *(
        Column(name, _HEADS.get(name, name), MEANINGS[name], name not in _ALWAYS)
        for name in [*_FIRST, *(name for name in SCORES if name not in _FIRST)]
    ),
    Column("parameters", "parameters", "trained numbers in the generator", True, False),
    Column("epochs", "epochs", "passes over the training images", True, False),
    Column("seconds", "seconds", "time of the fit, mean over seeds", True, False),
)


def written(column: Column, row: Row) -> str:
    """A row's value in a column, as text."""
    value: Any = row[column.name]
    if value is None:
        return ""
    match column.name:
        case "xi_ratio":
            text = with_half_width(value, row["xi_ratio_low"], row["xi_ratio_high"], 2)
        case "xi" | "xi_binary" | "xi_executed":
            text = fixed(value, 5)
        case "grey_fraction":
            text = percent(value)
        case "parameters":
            text = f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
        case "seconds":
            text = f"{value:.0f}" if value >= 10 else f"{value:g}"
        case _:
            text = short(value)
    return with_minus(text)


def with_minus(text: str) -> str:
    """A number with a true minus sign."""
    return text.replace("-", "−")
