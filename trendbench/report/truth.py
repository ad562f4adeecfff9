"""The exact curves that a record's are drawn over."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics.coupling import inner_columns
from trendbench.metrics.curves import Curves, exact_curves
from trendbench.metrics.truth import PAIRS, true_values
from trendbench.results.store import StoredRecord
from trendbench.results.task import task_of
from trendbench.spec import TaskSpec

_WIDEST = 4096  # px, so that its theory takes seconds
_SAME = 1e-6  # relative difference of two floors of one task: rounding
_ABOUT_SAME = 0.25  # the same of floors that are estimated


@dataclass(frozen=True)
class Exact:
    """The curves of true images of a task.

    Attributes:
        spec: the task.
        curves: exact, or estimated where a law is absent.
        reach: half-width of the 95 % envelope of one image's ξ_k, global over k.
        inner: x of the columns of the survival curve [px].
    """

    spec: TaskSpec
    curves: Curves
    reach: NDArray[np.float64]
    inner: NDArray[np.float64]


def exact_of(stored: StoredRecord) -> Exact | None:
    """The exact curves of a record's task, which is a shipped one or lies beside the record.

    None where it is neither, where true images are known with a data file alone, or where its floor
    is not the record's: such a task only bears the name.
    """
    record = stored.record
    spec = task_of(stored)
    if spec is None or spec.width > _WIDEST or not spec.is_known:
        return None
    floor = true_values(spec).xi_floor(spec.xi0_images)
    same = _SAME if spec.laws >= PAIRS else _ABOUT_SAME
    return _exact(spec) if math.isclose(floor, record.xi_floor, rel_tol=same) else None


def fits(curves: Curves, reference: Curves) -> bool:
    """Whether curves have the lengths of others; survival may be absent."""
    pairs = zip(curves.__dict__.values(), reference.__dict__.values(), strict=True)
    return all(v is None or (w is not None and v.shape == w.shape) for v, w in pairs)


@cache
def _exact(spec: TaskSpec) -> Exact:
    return Exact(
        spec,
        exact_curves(spec),
        true_values(spec).envelope,
        theory.pixel_centres(spec.width)[inner_columns(spec)],
    )
