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
from trendbench.metrics.metric import Count, Direction, ImageMetric, Need, RangeSource
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
    return bool(inner_coverage(spec).size) and by_chance(spec) > _LEAST_CHANCE


def rising(spec: TaskSpec) -> NDArray[np.bool_]:
    """Whether s2 is the denser input, for each trend, (K,)."""
    return np.array([member.is_rising for member in spec.members])


def sparse_and_dense(
    s1: NDArray[np.uint8], s2: NDArray[np.uint8], rises: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The sparser and the denser input of each triplet, both (b, H, W); ``rises`` is (b,)."""
    if rises.all():
        return s1, s2
    if not rises.any():
        return s2, s1
    each = rises[:, None, None]
    return np.where(each, s1, s2), np.where(each, s2, s1)


def _black_on_inner(
    batch: Batch, spec: TaskSpec
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Black pixels on the inner columns of the sparser input, the denser input, the image."""
    assert batch.s1 is not None
    assert batch.s2 is not None
    rises = rising(spec)[batch.trend(len(spec.members))]
    sparse, dense = sparse_and_dense(batch.s1, batch.s2, rises)
    inner = inner_columns(spec)
    return sparse[..., inner] == 0, dense[..., inner] == 0, batch.black[..., inner]


class RetentionError(ImageMetric):
    """Distance of the pixel survival curve from the exact one, sampling noise taken out.

    In column c, of N pixels black in the denser input only, S are black in the image; the curve
    is S̄_c/N̄_c, images averaged first, its exact value s(x_c) that of the process's ``survival``.
    With e = S − s·N per image, the score is √max(0, mean_c [(ē² − s_e²/n)/N̄²]). Where some trends
    rise and some fall, the columns of falling ones are taken from the right.
    """

    name = "retention_error"
    meaning = "distance of the survival curve of particles from the exact one"
    minimum: ClassVar[float] = 0.0
    is_root: ClassVar[bool] = True
    direction: ClassVar[Direction] = "lower"
    needs: ClassVar[frozenset[Need]] = frozenset({"inputs", "shared germs"})
    laws: ClassVar[frozenset[Law]] = frozenset({"survival"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        sparse, dense, black = _black_on_inner(batch, truth.spec)
        extra = dense & ~sparse
        n = np.count_nonzero(extra, axis=1)
        survived = np.count_nonzero(extra & black, axis=1)
        trend = batch.trend(len(truth.spec.members))
        excess = survived - survivals(truth.spec)[trend] * n
        if is_mixed(truth.spec):
            falls = ~rising(truth.spec)[trend]
            n[falls], excess[falls] = n[falls, ::-1], excess[falls, ::-1]
        return np.concatenate([n, excess, np.square(excess)], axis=1)

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        return np.sqrt(np.maximum(self.quadratic(mean, n, truth), 0.0))

    def quadratic(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        """mean_c [(ē² − s_e²/n)/N̄²], (…)."""
        del truth
        count, excess, square = np.split(mean, 3, axis=-1)
        noise = (square - np.square(excess)) / np.maximum(n - 1, 1)
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
        sparse, dense, black = _black_on_inner(batch, truth.spec)
        sums = (sparse, sparse & ~black, black, black & ~dense)
        return np.stack([np.count_nonzero(s, axis=(1, 2)) for s in sums], axis=1).astype(float)

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        del n, truth
        lost = mean[..., 1] / np.maximum(mean[..., 0], 1e-9)
        outside = mean[..., 3] / np.maximum(mean[..., 2], 1e-9)
        return lost + outside

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


def is_mixed(spec: TaskSpec) -> bool:
    """Whether some trends of a task rise and some fall."""
    return len({member.is_rising for member in spec.members if member.has_trend}) > 1


def survivals(spec: TaskSpec) -> NDArray[np.float64]:
    """Exact survival on the inner columns for each trend, (K, m); 0 where s1 and s2 are equal."""
    x = theory.pixel_centres(spec.width)[inner_columns(spec)]
    return np.stack([m.survival(x) if m.has_trend else np.zeros_like(x) for m in spec.members])


def expected_disagreement(spec: TaskSpec) -> float:
    """Share of inner pixels in which two draws for the same inputs differ."""
    if spec.is_independent:
        return by_chance(spec)
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
    """p(x) of the inner columns for each trend, (K, m)."""
    inner = inner_columns(spec)
    return np.stack([member.column_coverage[inner] for member in true_values(spec).members])


def by_chance(spec: TaskSpec) -> float:
    """Share of inner pixels in which unrelated true images of a trend differ, mean over trends."""
    black = inner_coverage(spec)
    return float(chance_disagreement(black, black).mean())


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
    by_trend: ClassVar[bool] = True
    version: ClassVar[int] = 2
    meaning = "disagreement with the true r, over chance and over that of a fresh draw"
    needs: ClassVar[frozenset[Need]] = frozenset({"target", "spread", "disagreement"})
    laws: ClassVar[frozenset[Law]] = COVERAGE | {"disagreement"}

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        assert batch.target is not None
        inner = inner_columns(truth.spec)
        differ = batch.black[..., inner] != (batch.target[..., inner] < THRESHOLD)
        return np.column_stack([differ.mean(axis=(1, 2)), batch.density[:, inner]])

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        del n
        exact = expected_disagreement(truth.spec) / by_chance(truth.spec)
        chance = chance_disagreement(mean[..., 1:], inner_coverage(truth.spec)).mean(axis=-1)
        return over_chance(mean[..., 0].mean(axis=-1), chance) / exact

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        coverage = inner_coverage(truth.spec)
        first = np.broadcast_to(expected_disagreement(truth.spec), (len(coverage), 1))
        del mean
        return np.concatenate([first, coverage], axis=1)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


class InputDisagreement(ImageMetric):
    """How far images are from the nearer input, relative to true ones.

    As ``TargetDisagreement``, for each input. Where the images are nested r differs from the
    sparser input with probability p_r − p_sparse and from the denser one with p_dense − p_r; where
    they are independent by chance; where nobody knows, as often as held-out pictures do. The
    smaller of the two ratios is 0 for a copy of either input. Each is 1 for true images in
    expectation, the smaller a little less: the card shows its median. Where triplets have trends of
    their own, the sparser and the denser input are looked at beside s1 and s2.
    """

    name = "input_disagreement"
    by_trend: ClassVar[bool] = True
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

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        del n
        exact = self.expected(mean, truth)
        inputs = _input_coverages(truth.spec)
        chance, exact_chance = (
            np.stack([chance_disagreement(found[..., 2:], p) for p in inputs], axis=-1)
            for found in (mean, exact)
        )
        sparse = np.where(rising(truth.spec), 0, 1)
        k, ratios = np.arange(len(sparse)), []
        for chosen in (0 * k, 0 * k + 1, sparse, 1 - sparse):  # s1, s2, sparser, denser
            found = over_chance(
                mean[..., k, chosen].mean(axis=-1), chance[..., k, chosen].mean(axis=-1)
            )
            ratios.append(found / (exact[k, chosen].mean() / exact_chance[k, chosen].mean()))
        return np.min(ratios, axis=0)

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        black = inner_coverage(truth.spec)
        if truth.spec.is_nested:
            apart = [np.abs(black - p).mean(axis=-1) for p in _input_coverages(truth.spec)]
        elif truth.spec.is_independent:
            apart = [chance_disagreement(black, p) for p in _input_coverages(truth.spec)]
        else:
            apart = _measured_disagreement(truth.spec)
        return np.concatenate([np.stack(apart, axis=1), black], axis=1)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


@lru_cache(maxsize=8)
def _measured_disagreement(spec: TaskSpec) -> list[NDArray[np.float64]]:
    """Share of inner pixels in which true r of the pool differ from s1 and from s2, (1,) each."""
    pool, inner = true_pool(spec), inner_columns(spec)
    r = pool.drawn[..., inner]
    inputs = (pool.triplets.s1, pool.triplets.s2)
    return [(r != x[..., inner]).mean(keepdims=True)[0, 0] for x in inputs]


def _input_coverages(spec: TaskSpec) -> NDArray[np.float64]:
    """Coverage of s1 and of s2 for each trend, (2, K, 1)."""
    each = [member.input_coverage for member in true_values(spec).members]
    return np.stack(each, axis=1)[..., None]
