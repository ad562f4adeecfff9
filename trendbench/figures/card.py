"""The pictures of a score card: profile, texture, survival, samples."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trendbench import theory
from trendbench.data.dataset import Dataset
from trendbench.figures.canvas import BAND, MODEL, MUTED, TRUTH, new_figure, save, style
from trendbench.figures.samples import result_figure, sample_sheet
from trendbench.metrics.bands import BANDS
from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.card import Card
from trendbench.metrics.coupling import inner_columns
from trendbench.metrics.metric import Metric
from trendbench.metrics.pool import true_pool
from trendbench.metrics.sampling import features_of
from trendbench.metrics.texture import REACH, LinealError, S2Error, TextureMetric
from trendbench.metrics.truth import Truth
from trendbench.rendering.triplets import Triplets

_SHOWN = 6
_BATCH = 128


def write_figures(folder: Path, images: NDArray[np.uint8], dataset: Dataset, card: Card) -> None:
    """Write ``result.png``, ``samples.png``, ``texture.png`` and, if it exists, ``survival.png``.

    Args:
        folder: created where missing.
        images: one for each test triplet, (n, H, W) uint8.
        dataset: the open data file they were scored on.
        card: their card.
    """
    test = dataset.load("test")
    xi = card.scores["xi"]
    assert xi is not None
    caption = f"{card.name}: ξ = {xi.value:.5f} [{xi.low:.5f}, {xi.high:.5f}], floor {xi.truth:.5f}"
    save(result_figure(dataset.spec, images, card.name, caption), folder / "result.png")
    save(sample_sheet(test[:_SHOWN], images[:_SHOWN], card.name), folder / "samples.png")
    truth = Truth(dataset.spec, theory.mean_profile(dataset.spec, dataset.spec.window), 1 << 30)
    save(texture_figure(images, truth, card.name), folder / "texture.png")
    if card.scores.get("retention_error") is not None:
        save(survival_figure(images, test, card.name), folder / "survival.png")


def texture_figure(images: NDArray[np.uint8], truth: Truth, name: str) -> Figure:
    """S2 and white runs along x in each band: measured over exact."""
    with style():
        figure = new_figure(9.6, 3.6)
        left, right = figure.subplots(1, 2)
        for axes, metric, title in (
            (left, S2Error(), "two-point probability $S_2$"),
            (right, LinealError(), "white runs"),
        ):
            _draw_bands(axes, metric, images, truth, name)
            axes.set_title(title, fontsize=9)
        left.set(xlabel="lag along x [px]", ylabel="probability", ylim=(0, None))
        right.set(xlabel="length along x [px]", yscale="log")
        left.legend(loc="upper right")
    return figure


def _draw_bands(
    axes: Axes, metric: TextureMetric, images: NDArray[np.uint8], truth: Truth, name: str
) -> None:
    chosen: list[Metric] = [metric]
    measured = features_of(chosen, images, truth, None, None, _BATCH)[metric.name].mean(axis=0)
    exact = metric.exact(truth.spec)
    steps = min(int(np.ceil(REACH * truth.spec.radius)), truth.spec.width - 1)
    first = 0 if metric.name == "s2_error" else 1
    count = steps + 1 - first
    lags = np.arange(first, steps + 1)
    for band in range(BANDS):
        labels = ("exact, band by band", name) if band == 0 else ("_", "_")
        rows = slice(band, BANDS * count, BANDS)
        axes.plot(lags, exact[rows], color=TRUTH, linewidth=2.2, alpha=0.35, label=labels[0])
        axes.plot(lags, measured[rows], color=MODEL, linewidth=0.9, label=labels[1])


def survival_figure(images: NDArray[np.uint8], test: Triplets, name: str) -> Figure:
    """The share of the denser input's extra pixels that are black, column by column."""
    spec = test.spec
    inner = inner_columns(spec)
    x = theory.pixel_centres(spec.width)[inner]
    exact = theory.pixel_survival(x, spec.intensity, spec.radius)
    pool = true_pool(spec)
    with style():
        figure = new_figure(6.4, 4.0)
        axes = figure.subplots()
        n = min(len(images), len(pool.drawn))
        fresh = [
            _curve(pool.drawn[part], pool.triplets[part])
            for part in (slice(s, s + n) for s in range(0, len(pool.drawn) - n + 1, max(n // 2, 1)))
        ]
        low, high = np.min(fresh, axis=0), np.max(fresh, axis=0)
        axes.fill_between(x, low, high, color=BAND, linewidth=0, label="fresh true sets")
        axes.plot(x, exact, color=TRUTH, linewidth=1.4, label="exact")
        axes.plot(x, _curve(images, test), color=MODEL, linewidth=1.0, label=name)
        axes.axhline(0.5, color=MUTED, linewidth=0.5, linestyle=":")
        axes.set(
            xlabel="x [px]", ylabel="share of extra particles' pixels kept", ylim=(-0.02, 1.02)
        )
        axes.legend(loc="upper left")
    return figure


def _curve(images: NDArray[np.uint8], given: Triplets) -> NDArray[np.float64]:
    spec = given.spec
    inner = inner_columns(spec)
    rising = spec.lambda_left < spec.lambda_right
    sparse, dense = (given.s1, given.s2) if rising else (given.s2, given.s1)
    extra = (dense[..., inner] == 0) & (sparse[..., inner] != 0)
    kept = extra & (images[..., inner] < THRESHOLD)
    share: NDArray[np.float64] = kept.sum(axis=(0, 1)) / np.maximum(extra.sum(axis=(0, 1)), 1)
    return share
