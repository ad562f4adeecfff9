"""How r hangs together with its inputs: survival of particles, containment, disagreement.

All on the inner columns, further than the margin of the process from the left and right border,
where the laws hold on pixels. Survival and containment exist where the images are nested.
"""

import math
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics.batch import THRESHOLD, Batch
from trendbench.metrics.metric import Direction, ImageMetric, Need, RangeSource
from trendbench.metrics.pool import true_pool
from trendbench.metrics.truth import COVERAGE, Truth, true_values
from trendbench.process.family import Law, Process
from trendbench.spec import TaskSpec

_LEAST_COUNT = 0.5  # pixels in all images together; fewer are none, but for rounding
_LEAST_CHANCE = 3e-3  # share of pixels; below it few images differ at all


def inner_columns(process: Process) -> slice:
    """The columns on which the laws of the coupling hold."""
    margin = math.ceil(max(process.margin - 0.5, 0.0))
    return slice(margin, process.width - margin)


def is_coupled(spec: TaskSpec) -> bool:
    """Whether the images of a triplet share germs and differ, where that can be seen."""
    return spec.is_nested and "survival" in spec.laws and can_differ(spec)


def can_differ(spec: TaskSpec) -> bool:
    """Whether there are inner columns, and unrelated images differ there."""
    black = inner_coverage(spec)
    return bool(black.size) and float(chance_disagreement(black, black)) > _LEAST_CHANCE


def _sparse_and_dense(
    batch: Batch, process: Process
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Black pixels on the inner columns of the sparser input, the denser input, the image."""
    assert batch.s1 is not None
    assert batch.s2 is not None
    sparse, dense = (batch.s1, batch.s2) if process.is_rising else (batch.s2, batch.s1)
    inner = inner_columns(process)
    return sparse[..., inner] == 0, dense[..., inner] == 0, batch.black[..., inner]


class RetentionError(ImageMetric):
    """Distance of the pixel survival curve from the exact one, sampling noise taken out.

    In column c, of N pixels black in the denser input only, S are black in the image; the curve
    is S̄_c/N̄_c, images averaged first, its exact value s(x_c) that of the process's ``survival``.
    With e = S − s·N per image, the score is √max(0, mean_c [(ē² − s_e²/n)/N̄²]).
    """

    name = "retention_error"
    meaning = "distance of the survival curve of particles from the exact one"
    minimum: ClassVar[float] = 0.0
    is_root: ClassVar[bool] = True
    direction: ClassVar[Direction] = "lower"
    needs: ClassVar[frozenset[Need]] = frozenset({"inputs", "shared germs"})
    laws: ClassVar[frozenset[Law]] = frozenset({"survival"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        sparse, dense, black = _sparse_and_dense(batch, truth.spec)
        extra = dense & ~sparse
        n = np.count_nonzero(extra, axis=1)
        survived = np.count_nonzero(extra & black, axis=1)
        x = theory.pixel_centres(truth.spec.width)[inner_columns(truth.spec)]
        exact = truth.spec.survival(x)
        excess = survived - exact * n
        return np.concatenate([n, excess, np.square(excess)], axis=1)

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        return np.sqrt(np.maximum(self.quadratic(mean, n, truth), 0.0))

    def quadratic(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        """mean_c [(ē² − s_e²/n)/N̄²], (…)."""
        del truth
        count, excess, square = np.split(mean, 3, axis=-1)
        noise = (square - np.square(excess)) / max(n - 1, 1)
        used = np.maximum(count, 1e-9)
        squared = (np.square(excess) - noise) / np.square(used)
        has_any = count * n > _LEAST_COUNT
        return np.asarray(np.where(has_any, squared, 0.0).mean(axis=-1))

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del truth
        count, excess, square = np.split(mean, 3)
        return np.concatenate([count, np.zeros_like(excess), square])

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


class Containment(ImageMetric):
    """Share of the sparser input's black that is lost, plus of the image's outside the denser."""

    name = "containment"
    meaning = "black pixels of s1 that are lost, plus black pixels outside s2"
    direction: ClassVar[Direction] = "lower"
    reference: ClassVar[RangeSource] = "constant"
    needs: ClassVar[frozenset[Need]] = frozenset({"inputs", "shared germs"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        sparse, dense, black = _sparse_and_dense(batch, truth.spec)
        sums = (sparse, sparse & ~black, black, black & ~dense)
        return np.stack([np.count_nonzero(s, axis=(1, 2)) for s in sums], axis=1).astype(float)

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        del n, truth
        lost = mean[..., 1] / np.maximum(mean[..., 0], 1e-9)
        outside = mean[..., 3] / np.maximum(mean[..., 2], 1e-9)
        return lost + outside

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


def expected_disagreement(spec: TaskSpec) -> float:
    """Share of inner pixels in which two draws for the same inputs differ."""
    if spec.is_independent:
        black = inner_coverage(spec)
        return float(chance_disagreement(black, black))
    x = theory.pixel_centres(spec.width)[inner_columns(spec)]
    return float(spec.disagreement(x).mean())


def chance_disagreement(
    black: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of pixels in which unrelated images differ, from their coverage by column.

    Mean over columns of q(1 − p) + p(1 − q), q and p (…, m), shape (…).
    """
    return np.asarray((black * (1 - other) + other * (1 - black)).mean(axis=-1))


def inner_coverage(spec: TaskSpec) -> NDArray[np.float64]:
    """p(x) of the inner columns, (m,)."""
    return true_values(spec).column_coverage[inner_columns(spec)]


def over_chance(differing: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of pixels that differ, over that of unrelated images; 0 where none can."""
    return np.divide(differing, chance, out=np.zeros_like(chance), where=chance > 0)


class TargetDisagreement(ImageMetric):
    """How far images are from the true r of their triplets, relative to a fresh draw.

    With D the share of inner pixels that differ from the true r, and D₀ that of unrelated images
    of the same coverage by column, the score is (D/D₀) over its exact value for a fresh draw. The
    true r is itself a draw given the inputs, so an honest sample gives 1. A copy of it gives 0.
    Images that are merely too sparse or too dense are no nearer to it than chance.
    """

    name = "target_disagreement"
    version: ClassVar[int] = 2
    meaning = "disagreement with the true r, over chance and over that of a fresh draw"
    needs: ClassVar[frozenset[Need]] = frozenset({"target", "spread", "disagreement"})
    laws: ClassVar[frozenset[Law]] = COVERAGE | {"disagreement"}

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        assert batch.target is not None
        inner = inner_columns(truth.spec)
        differ = batch.black[..., inner] != (batch.target[..., inner] < THRESHOLD)
        return np.column_stack([differ.mean(axis=(1, 2)), batch.density[:, inner]])

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        del n
        coverage = inner_coverage(truth.spec)
        exact = expected_disagreement(truth.spec) / chance_disagreement(coverage, coverage)
        return over_chance(mean[..., 0], chance_disagreement(mean[..., 1:], coverage)) / exact

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return np.append(expected_disagreement(truth.spec), inner_coverage(truth.spec))

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


class InputDisagreement(ImageMetric):
    """How far images are from the nearer input, relative to true ones.

    As ``TargetDisagreement``, for each input. Where the images are nested r differs from the
    sparser input with probability p_r − p_sparse and from the denser one with p_dense − p_r; where
    they are independent by chance; where nobody knows, as often as held-out pictures do. The
    smaller of the two ratios is 0 for a copy of either input. Each is 1 for true images in
    expectation, the smaller a little less: the card shows its median.
    """

    name = "input_disagreement"
    version: ClassVar[int] = 2
    is_noise_at_truth: ClassVar[bool] = True
    meaning = "disagreement with the nearer input, over chance and over the exact one"
    needs: ClassVar[frozenset[Need]] = frozenset({"inputs", "trend"})
    laws: ClassVar[frozenset[Law]] = COVERAGE

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        inner = inner_columns(truth.spec)
        black = batch.black[..., inner]
        parts = []
        for given in (batch.s1, batch.s2):
            assert given is not None
            parts.append((black != (given[..., inner] < THRESHOLD)).mean(axis=(1, 2)))
        return np.column_stack([*parts, batch.density[:, inner]])

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        del n
        exact = self.expected(mean, truth)
        ratios = [
            over_chance(mean[..., i], chance_disagreement(mean[..., 2:], p))
            / (exact[i] / chance_disagreement(exact[2:], p))
            for i, p in enumerate(_input_coverages(truth.spec))
        ]
        return np.minimum(*ratios)

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        black = inner_coverage(truth.spec)
        if truth.spec.is_nested:
            apart = [np.abs(black - p).mean() for p in _input_coverages(truth.spec)]
        elif truth.spec.is_independent:
            apart = [chance_disagreement(black, p) for p in _input_coverages(truth.spec)]
        else:
            apart = _measured_disagreement(truth.spec)
        return np.concatenate([apart, black])

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


@lru_cache(maxsize=8)
def _measured_disagreement(spec: TaskSpec) -> list[float]:
    """Share of inner pixels in which true r differ from s1 and from s2, over the pool."""
    pool, inner = true_pool(spec), inner_columns(spec)
    r = pool.drawn[..., inner]
    return [float((r != x[..., inner]).mean()) for x in (pool.triplets.s1, pool.triplets.s2)]


def _input_coverages(spec: TaskSpec) -> NDArray[np.float64]:
    """Coverage of s1 and of s2, (2, 1)."""
    return true_values(spec).input_coverage[:, None]
