"""Fresh true images, simulated from a seed of their own: what samples are measured against."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trendbench.process.conditional import redraw_r
from trendbench.rendering.triplets import Triplets, render_r, simulate
from trendbench.spec import TaskSpec

_POOL_SEED = 0x7472656E64  # apart from any seed a person would choose
_POOL_PIXELS = 1 << 27  # 2048 triplets of 256²
_FEWEST, _MOST = 64, 2048


@dataclass(frozen=True)
class Pool:
    """Fresh triplets, and for each two more draws of r from the true conditional law."""

    triplets: Triplets
    drawn: NDArray[np.uint8]
    second: NDArray[np.uint8]


@lru_cache(maxsize=1)
def true_pool(spec: TaskSpec) -> Pool:
    """The pool of a task, the same at every call."""
    n = int(np.clip(_POOL_PIXELS // (spec.width * spec.height), _FEWEST, _MOST))
    triplets = simulate(spec, n, _POOL_SEED, split="test")
    assert triplets.germs is not None
    rng = np.random.default_rng(_POOL_SEED)
    drawn, second = (render_r(redraw_r(spec, triplets.germs, rng), spec) for _ in range(2))
    return Pool(triplets, drawn, second)
