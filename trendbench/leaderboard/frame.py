"""The leaderboard as a pandas table."""

from pathlib import Path

import pandas as pd

from trendbench.leaderboard.board import COLUMNS, rows
from trendbench.results.store import read_all


def load_results(results: str | Path = "results") -> pd.DataFrame:
    """The rows of the leaderboard, published ones included, in its order.

    Args:
        results: folder of local records; it need not exist.

    Returns:
        One row per (task, data, recipe, origin) with the columns of ``leaderboard.csv``.

    Raises:
        ResultError: a record that cannot be read.
    """
    return pd.DataFrame(rows(read_all(Path(results))), columns=list(COLUMNS))
