"""Whether images copy the true r of their own triplets, which no generator may see."""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import THRESHOLD, Batch
from trendbench.metrics.coupling import inner_columns
from trendbench.metrics.metric import Need, RangeSource
from trendbench.metrics.truth import Truth
from trendbench.metrics.votes import VoteMetric, votes
from trendbench.process.family import Process


class TargetLeakage(VoteMetric):
    """share(d < ½ d′) − share(d′ < ½ d), read as the share of images that copy the hidden r.

    d is the share of inner pixels in which an image differs from the true r of its triplet, d′
    that from a fresh draw r′ for the same inputs. Given the inputs, r and r′ are equal in law. An
    image drawn without r prefers neither, be it a best guess or a blank page.

    Where nothing can be drawn for the same inputs, it is the share of images that equal a held-out
    r in every pixel after thresholding. Images of one colour do not count. A true draw has both
    colours and equals none.
    """

    name = "target_leakage"
    meaning = "share of images much nearer to the hidden r than to a fresh draw, net"
    needs: ClassVar[frozenset[Need]] = frozenset({"hidden r"})

    def reference_of(self, process: Process) -> RangeSource:
        return "exchange" if process.simulated else "constant"

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        if not truth.spec.simulated:
            held_out = _contents(truth.spec)
            return np.array([[float(image.tobytes() in held_out)] for image in batch.black])
        assert batch.target is not None
        assert batch.redrawn is not None
        inner = inner_columns(truth.spec)
        black = batch.black[..., inner]
        apart = [
            (black != (true[..., inner] < THRESHOLD)).mean(axis=(1, 2), dtype=np.float32)
            for true in (batch.target, batch.redrawn)
        ]
        own = np.zeros(len(black), dtype=np.int64)
        return votes(apart[0], own, apart[1], own)[:, :1]


@lru_cache(maxsize=1)
def _contents(process: Process) -> frozenset[bytes]:
    """The black pixels of each held-out r that has both colours."""
    black = process.held_out.r < THRESHOLD
    return frozenset(image.tobytes() for image in black if image.any() and not image.all())
