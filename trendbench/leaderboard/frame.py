"""The leaderboard as a pandas table."""

from pathlib import Path

import pandas as pd

from trendbench.leaderboard.board import COLUMNS, rows
from trendbench.results.store import read_all, results_folder


def load_results(results: str | Path | None = None) -> pd.DataFrame:
    """The rows of the leaderboard, published ones included, in its order.

    Args:
        results: folder of local records; ``results`` if None, which need not exist.

    Returns:
        One row per (task, data, recipe, origin) with the columns of ``leaderboard.csv``.

    Raises:
        ResultError: the folder that is named does not exist.
    """
    return pd.DataFrame(rows(read_all(results_folder(results))), columns=list(COLUMNS))
