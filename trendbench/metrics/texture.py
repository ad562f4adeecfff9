"""Texture against its exact expectation, band by band along x.

Each score is the root mean square, over lags and bands, of (measured − exact)/scale. It is not 0
for true images but what sampling gives at the same number of them; the card shows that beside it.
Where triplets have trends of their own, it is the root mean square over trends too. Few images of
each make that noise large, so it is taken out: with s_t² the variance of a feature between the n_t
images of trend t, s_t²/n_t is subtracted from the square of its deviation.

Sources: Torquato, Random Heterogeneous Materials (2002), chapter 2, for S2 and the lineal path;
Ohser, Nagel & Schladitz (2009) and Gray (1971) for perimeter and Euler number on lattices.
"""

import math
from abc import abstractmethod
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics import columns
from trendbench.metrics.bands import band_means
from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import MANY_SOURCES, Count, Direction, ImageMetric, Need
from trendbench.metrics.truth import PAIRS, Truth
from trendbench.process.family import Law, Process

REACH = 4  # longest lag and run, in lengths
_SMALLEST_SCALE = 1e-9
_SMALLEST_PROBABILITY = 1e-3  # rarer events are too few to measure a relative error on


class TextureMetric(ImageMetric):
    """A score whose features have known expectations."""

    direction: ClassVar[Direction] = "lower"
    is_noise_at_truth: ClassVar[bool] = True
    is_root: ClassVar[bool] = True
    by_trend: ClassVar[bool] = True
    minimum: ClassVar[float] = 0.0

    @abstractmethod
    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        """What is measured of each image, (b, d)."""

    @abstractmethod
    def exact(self, process: Process) -> NDArray[np.float64]:
        """Expectation of the statistics of a true image, (d,)."""

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        """The statistics; with several trends also their squares, for the noise."""
        found = self.statistics(batch, truth)
        if not self.by_trend or len(truth.spec.members) == 1:
            return found
        return np.concatenate([found, np.square(found)], axis=1)

    def scale(self, exact: NDArray[np.float64], process: Process) -> NDArray[np.float64]:
        """Unit of each feature's deviation: its exact value, or 0.001 where that is smaller."""
        del process
        return np.maximum(exact, _SMALLEST_PROBABILITY)

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        return np.sqrt(np.maximum(self.quadratic(mean, n, truth), 0.0))

    def quadratic(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        """Mean square of deviations over their scale, (…)."""
        exact = self._exact(truth)
        if not self.by_trend:
            mean = mean[..., None, :]
        of = truth.spec.members if self.by_trend else (truth.spec,)
        scale = np.stack([self.scale(e, process) for e, process in zip(exact, of, strict=True)])
        scale = np.maximum(np.abs(scale), _SMALLEST_SCALE)
        found, square = mean[..., : exact.shape[1]], mean[..., exact.shape[1] :]
        relative = np.square((found - exact) / scale)
        if len(exact) > 1:
            noise = (square - np.square(found)) / np.maximum(n - 1, 1)[..., None]
            relative = relative - noise / np.square(scale)
        return np.asarray(relative.mean(axis=-1).mean(axis=-1))

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        exact = self._exact(truth)
        if len(exact) == 1:
            return exact if self.by_trend else exact[0]
        found, square = mean[:, : exact.shape[1]], mean[:, exact.shape[1] :]
        return np.concatenate([exact, square - np.square(found) + np.square(exact)], axis=1)

    def _exact(self, truth: Truth) -> NDArray[np.float64]:
        """Expected statistics for each trend, (K, d); (1, d) where trends are taken together."""
        of = truth.values.members if self.by_trend else (truth.values,)
        return np.stack([values.of_texture(self) for values in of])

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


class S2Error(TextureMetric):
    """Relative error of S2(h) = P(both pixels black), lags 0 … 4L in x and 1 … 4L in y."""

    name = "s2_error"
    meaning = "relative error of the two-point probability, lags up to four lengths"
    fewest_sources: ClassVar[int] = MANY_SOURCES
    laws: ClassVar[frozenset[Law]] = frozenset({"pair_black"})

    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        words, height = batch.words, batch.images.shape[1]
        along_x, along_y = lags(truth.spec)
        parts = [
            columns.count(words[:, : words.shape[1] - lag] & words[:, lag:]) / height
            for lag in along_x
        ]
        parts += [
            columns.count(words & columns.shift(words, lag)) / (height - lag) for lag in along_y
        ]
        return np.concatenate([band_means(part) for part in parts], axis=1)

    def exact(self, process: Process) -> NDArray[np.float64]:
        return _exact_s2(process)


class LinealError(TextureMetric):
    """Relative error of the probability of lineal paths of n pixels, n up to 4L, in x and y."""

    name = "lineal_error"
    meaning = "relative error of the probability of lineal paths, up to four lengths"
    laws: ClassVar[frozenset[Law]] = frozenset({"white_run"})

    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        height = batch.images.shape[1]
        white = ~batch.words & columns.rows_mask(height)
        along_x, along_y = runs(truth.spec)
        parts, across, down = [], white, white
        for n in range(1, max(along_x) + 1):
            if n > 1:
                across = across[:, :-1] & white[:, n - 1 :]
            if n in along_x:
                parts.append(columns.count(across) / height)
        for n in range(1, max(along_y, default=0) + 1):
            if n > 1:
                down = down & columns.shift(white, n - 1)
            if n in along_y:
                parts.append(columns.count(down) / (height - n + 1))
        return np.concatenate([band_means(part) for part in parts], axis=1)

    def exact(self, process: Process) -> NDArray[np.float64]:
        return _exact_runs(process)


class PerimeterError(TextureMetric):
    """Relative error of the digital perimeter: neighbours of different colour, in x and in y."""

    name = "perimeter_error"
    meaning = "relative error of the digital perimeter"
    laws: ClassVar[frozenset[Law]] = PAIRS
    needs: ClassVar[frozenset[Need]] = frozenset({"rows"})

    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        del truth
        words, height = batch.words, batch.images.shape[1]
        across = columns.count(words[:, :-1] ^ words[:, 1:]) / height
        inside = columns.shift(columns.rows_mask(height)[None, :], 1)
        down = columns.count((words ^ columns.shift(words, 1)) & inside) / max(height - 1, 1)
        return np.concatenate([band_means(across), band_means(down)], axis=1)

    def exact(self, process: Process) -> NDArray[np.float64]:
        inner, centres = np.arange(1.0, process.width), theory.pixel_centres(process.width)
        return np.concatenate(
            [
                band_means(theory.edge_probability(process, inner, along_x=True)),
                band_means(theory.edge_probability(process, centres, along_x=False)),
            ]
        )


class EulerError(TextureMetric):
    """Error of the Euler number per 2×2 window, in units of the number of grains.

    Black is 8-connected, white 4-connected; windows wholly inside the frame count. The density
    passes through zero where clusters begin to percolate, so its error is measured in grains.
    """

    name = "euler_error"
    meaning = "error of the Euler number, in units of the number of grains"
    laws: ClassVar[frozenset[Law]] = frozenset({"quads"})
    needs: ClassVar[frozenset[Need]] = frozenset({"rows"})

    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        del truth
        height = batch.images.shape[1]
        one, three, diagonal = columns.quads(batch.words, height)
        density = (one - three - 2 * diagonal) / (4 * max(height - 1, 1))
        return band_means(density)

    def exact(self, process: Process) -> NDArray[np.float64]:
        inner = np.arange(1.0, process.width)
        return band_means(theory.euler_density(process, inner))

    def scale(self, exact: NDArray[np.float64], process: Process) -> NDArray[np.float64]:
        del exact
        return band_means(process.grains(np.arange(1.0, process.width)))


def lags(process: Process) -> tuple[range, range]:
    """Lags along x and along y that fit the frame."""
    reach = math.ceil(REACH * process.length)
    return range(min(reach, process.width - 1) + 1), range(1, min(reach, process.height - 1) + 1)


def runs(process: Process) -> tuple[range, range]:
    """Lengths of runs along x and along y (a run of 1 is the same either way)."""
    reach = math.ceil(REACH * process.length)
    return range(1, min(reach, process.width) + 1), range(2, min(reach, process.height) + 1)


@lru_cache(maxsize=8)
def _exact_s2(process: Process) -> NDArray[np.float64]:
    x = theory.pixel_centres(process.width)
    along_x, along_y = lags(process)
    parts = [theory.s2(process, x[: x.size - lag] + lag / 2, lag, along_x=True) for lag in along_x]
    parts += [theory.s2(process, x, lag, along_x=False) for lag in along_y]
    return np.concatenate([band_means(part) for part in parts])


@lru_cache(maxsize=8)
def _exact_runs(process: Process) -> NDArray[np.float64]:
    x = theory.pixel_centres(process.width)
    along_x, along_y = runs(process)
    parts = [process.white_run(x[: x.size - n + 1] + (n - 1) / 2, n, along_x=True) for n in along_x]
    parts += [process.white_run(x, n, along_x=False) for n in along_y]
    return np.concatenate([band_means(part) for part in parts])
