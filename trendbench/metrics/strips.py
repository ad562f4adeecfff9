"""Where black is: strips of about one length across the frame, along x and along y.

The coverage changes along x alone. Each band of rows therefore has the mean coverage of the frame,
and each strip of columns its own. Faults near a border and any change along y raise these scores.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import MANY_SOURCES, Need
from trendbench.metrics.texture import TextureMetric
from trendbench.metrics.truth import COVERAGE, Truth
from trendbench.process.family import Law, Process


class _StripError(TextureMetric):
    """Root mean square over strips of (black share − exact)/exact.

    Trends are taken together, as faults at a border are the same in all of them.
    """

    by_trend: ClassVar[bool] = False

    needs: ClassVar[frozenset[Need]] = frozenset({"black"})
    laws: ClassVar[frozenset[Law]] = COVERAGE


class RowError(_StripError):
    """Relative error of the coverage of bands of rows, each about one length high."""

    name = "row_error"
    meaning = "relative error of the coverage of bands of rows, one length high"

    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        return _strip_means(batch.black.mean(axis=2), truth.spec)

    def exact(self, process: Process) -> NDArray[np.float64]:
        return np.full(_strips(process.height, process), theory.column_coverage(process).mean())


class ColumnError(_StripError):
    """Relative error of the coverage of strips of columns, each about one length wide."""

    name = "column_error"
    meaning = "relative error of the coverage of strips of columns, one length wide"
    fewest_sources: ClassVar[int] = MANY_SOURCES

    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        return _strip_means(batch.density, truth.spec)

    def exact(self, process: Process) -> NDArray[np.float64]:
        return _strip_means(theory.column_coverage(process), process)


def _strips(side: int, process: Process) -> int:
    """Number of strips on a side of the frame."""
    return max(1, min(side, round(side / process.length)))


def _strip_means(values: NDArray[np.float64], process: Process) -> NDArray[np.float64]:
    """Means of lines (…, m) over nearly equal strips of about one length."""
    m = values.shape[-1]
    ends = np.linspace(0, m, _strips(m, process) + 1).round().astype(int)
    means: NDArray[np.float64] = np.add.reduceat(values, ends[:-1], axis=-1) / np.diff(ends)
    return means
