"""The pictures of a score card: profile, texture, survival, samples."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from trendbench import theory
from trendbench.data.dataset import Dataset
from trendbench.figures.canvas import BAND, MODEL, MUTED, TRUTH, new_figure, save, style
from trendbench.figures.samples import result_figure, sample_sheet
from trendbench.metrics.card import Card
from trendbench.metrics.coupling import inner_columns
from trendbench.metrics.curves import Curve, Curves, exact_curves, measured_curves, survival_curve
from trendbench.metrics.pool import true_pool
from trendbench.spec import TaskSpec

_SHOWN = 6
_FEW = 20.0  # ratio of an axis' ends up to which every digit is written


def curves_of(images: NDArray[np.uint8], dataset: Dataset, card: Card) -> Curves:
    """The curves of images (n, H, W) uint8, one for each test triplet, as the figures show them."""
    has_survival = card.scores.get("retention_error") is not None
    test = dataset.load("test") if has_survival else None
    return measured_curves(images, dataset.spec, test)


def write_figures(
    folder: Path, images: NDArray[np.uint8], dataset: Dataset, card: Card, measured: Curves
) -> None:
    """Write ``result.png``, ``samples.png``, ``texture.png`` and, if it exists, ``survival.png``.

    Args:
        folder: created where missing.
        images: one for each test triplet, (n, H, W) uint8.
        dataset: the open data file they were scored on.
        card: their card.
        measured: their curves, from ``curves_of``.
    """
    test = dataset.load("test")
    exact = exact_curves(dataset.spec)
    xi = card.scores["xi"]
    caption = f"{card.name}: ξ = {xi.value:.5f} [{xi.low:.5f}, {xi.high:.5f}], floor {xi.truth:.5f}"
    save(result_figure(dataset.spec, images, card.name, caption), folder / "result.png")
    save(sample_sheet(test[:_SHOWN], images[:_SHOWN], card.name), folder / "samples.png")
    save(texture_figure(measured, exact, card.name), folder / "texture.png")
    if measured.survival is not None:
        figure = survival_figure(measured.survival, dataset.spec, len(images), card.name)
        save(figure, folder / "survival.png")


def texture_figure(measured: Curves, exact: Curves, name: str) -> Figure:
    """S2 and lineal path along x in each band: measured over exact."""
    with style():
        figure = new_figure(9.6, 3.6)
        left, right = figure.subplots(1, 2)
        left.set_title("two-point probability S₂", fontsize=9)
        _draw_bands(left, 0, measured.two_point, exact.two_point, name)
        right.set_title("lineal path", fontsize=9)
        _draw_bands(right, 1, measured.white_runs, exact.white_runs, name)
        left.set(xlabel="lag along x [px]", ylabel="probability", ylim=(0, None))
        right.set(xlabel="length along x [px]", yscale="log")
        low, high = right.get_ylim()
        plain = FuncFormatter(lambda value, _: f"{value:g}")  # the default writes formulas
        right.yaxis.set_major_formatter(plain)
        right.yaxis.set_minor_formatter(plain if high < _FEW * low else NullFormatter())
        left.legend(loc="upper right")
    return figure


def _draw_bands(axes: Axes, first: int, measured: Curve, exact: Curve, name: str) -> None:
    """One pair of lines a band, (bands, steps) each, from lag or length ``first`` on."""
    steps = np.arange(first, first + exact.shape[1])
    for band, (of_model, of_truth) in enumerate(zip(measured, exact, strict=True)):
        labels = ("exact, band by band", name) if band == 0 else ("_", "_")
        axes.plot(steps, of_truth, color=TRUTH, linewidth=2.2, alpha=0.35, label=labels[0])
        axes.plot(steps, of_model, color=MODEL, linewidth=0.9, label=labels[1])


def survival_figure(measured: Curve, spec: TaskSpec, n: int, name: str) -> Figure:
    """The share of the denser input's extra pixels that are black, column by column.

    The band holds the curves of fresh true sets of ``n`` images, as many as the pool has.
    """
    inner = inner_columns(spec)
    x = theory.pixel_centres(spec.width)[inner]
    exact = spec.survival(x)
    pool = true_pool(spec)
    with style():
        figure = new_figure(6.4, 4.0)
        axes = figure.subplots()
        n = min(n, len(pool.drawn))
        fresh = [
            survival_curve(pool.drawn[part], pool.triplets[part])
            for part in (slice(s, s + n) for s in range(0, len(pool.drawn) - n + 1, max(n // 2, 1)))
        ]
        low, high = np.min(fresh, axis=0), np.max(fresh, axis=0)
        axes.fill_between(x, low, high, color=BAND, linewidth=0, label="fresh true sets")
        axes.plot(x, exact, color=TRUTH, linewidth=1.4, label="exact")
        axes.plot(x, measured, color=MODEL, linewidth=1.0, label=name)
        axes.axhline(0.5, color=MUTED, linewidth=0.5, linestyle=":")
        axes.set(
            xlabel="x [px]", ylabel="share of extra particles' pixels kept", ylim=(-0.02, 1.02)
        )
        axes.legend(loc="upper left")
    return figure
