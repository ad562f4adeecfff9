"""Fresh true images, simulated from a seed of their own: what samples are measured against.

Where nothing can be simulated, held-out pictures stand for them, see ``held_out.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.held_out import HeldOutPool
from trendbench.process.images import IMAGES
from trendbench.process.latent import Latent
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec

_POOL_SEED = 0x7472656E64  # apart from any seed a person would choose
_POOL_PIXELS = 1 << 27  # 2048 triplets of 256²
_FEWEST, _MOST = 512, 4096


@dataclass(frozen=True, eq=False)
class Pool:
    """Fresh triplets, and for each two more draws of r from the true conditional law.

    Latents are kept and images drawn from them when asked for: the whole pool of images is some
    hundred times larger.

    Attributes:
        spec: the task.
        latents: of the triplets.
        latents_drawn, latents_second: of the two more draws of r.
    """

    spec: TaskSpec
    latents: Latent
    latents_drawn: Latent
    latents_second: Latent

    def __len__(self) -> int:
        return len(self.latents)

    def __getitem__(self, rows: slice) -> "Pool":
        """A contiguous range of the pool."""
        parts = (self.latents, self.latents_drawn, self.latents_second)
        return Pool(self.spec, *(part[rows] for part in parts))

    def blocks(self, size: int) -> Iterator["Pool"]:
        """The pool in its order, ``size`` triplets at a time."""
        return (self[start : start + size] for start in range(0, len(self), size))

    @cached_property
    def triplets(self) -> Triplets:
        """s1, s2 and r."""
        shape = (len(IMAGES), len(self), self.spec.height, self.spec.width)
        images = np.empty(shape, dtype=np.uint8)
        self.spec.render(self.latents, images)
        s1, s2, r = images
        return Triplets(self.spec, s1, s2, r, self.latents)

    @cached_property
    def drawn(self) -> NDArray[np.uint8]:
        """One more draw of r for each triplet, (n, H, W)."""
        return self.spec.render_r(self.latents_drawn)

    @cached_property
    def second(self) -> NDArray[np.uint8]:
        """Another, (n, H, W)."""
        return self.spec.render_r(self.latents_second)


@lru_cache(maxsize=1)
def true_pool(spec: TaskSpec) -> Pool | HeldOutPool:
    """The pool of a task, the same at every call: fresh true images, or held-out pictures.

    Raises:
        LawError: they are pictures, and their data file is not open.
    """
    return _fresh_pool(spec) if spec.simulated else HeldOutPool(spec, spec.held_out)


def _fresh_pool(spec: TaskSpec) -> Pool:
    n = int(np.clip(_POOL_PIXELS // (spec.width * spec.height), _FEWEST, _MOST))
    n -= n % len(spec.members)  # equally many of each trend
    latents = spec.latents(n, _POOL_SEED, "test")
    rng = np.random.default_rng(_POOL_SEED)
    return Pool(spec, latents, spec.redraw(latents, rng), spec.redraw(latents, rng))
