"""A fit of pictures: one of them, coverage, S2 and lineal path over the fitted model."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trendbench import theory
from trendbench.figures import ticker
from trendbench.figures.canvas import BAND, MODEL, MUTED, TRUTH, new_figure, picture, style
from trendbench.fitting.result import Curves, Fit

_LEAST = 1e-4  # of the lineal path's largest probability, below which nothing is drawn
_DECADE = 10.0


def fit_figure(fit: Fit, image: NDArray[np.uint8]) -> Figure:
    """The figure of ``trendbench fit``.

    Args:
        fit: of the pictures.
        image: the first of them, (H, W), its trend along x.
    """
    with style():
        figure = new_figure(10.2, 6.4)
        rows = figure.subplots(2, 2)
        picture(rows[0, 0], image, "the first picture" if fit.pictures > 1 else "the picture")
        _draw_coverage(rows[0, 1], fit)
        axes = rows[1, 0]
        for name, colour in (("S2 along y", MUTED), ("S2 along x", MODEL)):
            _draw_curves(axes, fit.curves[name], 0, name.replace("S2", "S₂"), colour)
        axes.set(xlabel="lag [px]", ylabel="two-point probability S₂", ylim=(0, None))
        axes.legend(loc="upper right")
        axes = rows[1, 1]
        path = fit.curves["lineal path"]
        _draw_curves(axes, path, 1, "lineal path along x", MODEL)
        most = float(path.high.max())
        least = max(most * _LEAST, min(float(path.low.min()), float(path.pictures.min())))
        axes.set(
            xlabel="length [px]", ylabel="probability", yscale="log", ylim=(least / 1.2, most * 1.2)
        )
        plain = ticker.StrMethodFormatter("{x:g}")
        axes.yaxis.set_major_formatter(plain)
        axes.yaxis.set_minor_formatter(plain if most < _DECADE * least else ticker.NullFormatter())
        axes.legend(loc="upper right")
        figure.suptitle(fit.verdict, fontsize=9, wrap=True)
    return figure


def _draw_coverage(axes: Axes, fit: Fit) -> None:
    x = theory.pixel_centres(fit.model.width)
    value, _, low, high = fit.band
    axes.plot(x, fit.columns, color=MODEL, linewidth=0.8, label="columns of the pictures")
    axes.fill_between(x, low, high, color=BAND, linewidth=0, label="95 % band, pointwise")
    axes.plot(x, value, color=TRUTH, linewidth=1.4, label="fitted model")
    axes.set(xlabel=f"{fit.along} [px]", ylabel="coverage", ylim=(0, None), xlim=(0, len(x)))
    axes.legend(loc="best")


def _draw_curves(axes: Axes, curves: Curves, first: int, name: str, colour: str) -> None:
    steps = np.arange(first, first + curves.pictures.size)
    known = {text.get_label() for text in axes.get_children()}
    range_, model = (
        text if text not in known else "_" for text in ("95 % of simulated sets", "fitted model")
    )
    axes.fill_between(
        steps, curves.low, curves.high, color=BAND, linewidth=0, alpha=0.7, label=range_
    )
    axes.plot(steps, curves.model, color=TRUTH, linewidth=1.4, alpha=0.6, label=model)
    axes.plot(steps, curves.pictures, color=colour, linewidth=1.0, label=name)
