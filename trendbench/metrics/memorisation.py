"""Whether images are memorised: nearer to the training set than to a fresh one.

Each image's squared distance to the nearest training image is compared with that to the nearest
of as many fresh true images, which no generator has seen. Sets of training images and of fresh
ones are equal in law, so images drawn without the training set prefer neither, however bad they
are.
"""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import THRESHOLD, Batch
from trendbench.metrics.held_out import Exchangeable
from trendbench.metrics.metric import Need
from trendbench.metrics.thumbnails import Thumbnails, nearest, thumbnails, variants
from trendbench.metrics.truth import Truth
from trendbench.metrics.votes import VoteMetric, votes
from trendbench.process.family import Process
from trendbench.simulation import simulate

_FRESH_SEED = 0x6672657368  # apart from any seed a person would choose
_BLOCK = 256


class Memorisation(VoteMetric):
    """M = share(d_T < ½ d_T′) − share(d_T′ < ½ d_T), read as the share of memorised images.

    d_T and d_T′ are the squared distances to the nearest of the known images T and of as many
    fresh ones T′. T holds the training and validation images; for images without inputs the test
    images too, which are then no hidden answer. Where nothing can be simulated, T′ holds the
    held-out pictures, and of the larger set a part is taken as large as the smaller one.
    """

    name = "memorisation"
    meaning = "share of images much nearer to the training set than to a fresh one, net"
    version: ClassVar[int] = 2
    needs: ClassVar[frozenset[Need]] = frozenset({"training"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        known = truth.thumbnails
        assert known is not None
        moved = variants(batch.black, truth.spec)
        if not truth.spec.simulated:
            sets = Exchangeable.of(known, len(batch.images), batch.target, truth.spec)
            return votes(*nearest(moved, sets.known), *sets.nearest_held_out(moved))
        fresh = _fresh(truth.spec, len(known))
        return votes(*nearest(moved, known), *nearest(moved, fresh))


@lru_cache(maxsize=2)
def _fresh(process: Process, n: int) -> Thumbnails:
    """Thumbnails of n fresh true images."""
    parts = [
        thumbnails(
            simulate(process, min(_BLOCK, n - start), _FRESH_SEED, start=start).r < THRESHOLD,
            process,
        )
        for start in range(0, n, _BLOCK)
    ]
    return np.concatenate(parts)
