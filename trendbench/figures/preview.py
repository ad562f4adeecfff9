"""Triplets of a data file with their density profiles."""

from matplotlib.figure import Figure

from trendbench.figures.canvas import MODEL, MUTED, new_figure, picture, style
from trendbench.figures.profile import draw_truth
from trendbench.metrics.batch import density_profile
from trendbench.process.images import IMAGES
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec

_TITLES = {"s1": "s1: left texture", "s2": "s2: right texture", "r": "r: the trend"}


def preview_figure(triplets: Triplets, spec: TaskSpec, *, first: int = 0) -> Figure:
    """One row a triplet: s1, s2, r, and the ξ(k) of the three over the envelope of r.

    Args:
        triplets: what to show.
        spec: their task.
        first: index of the first triplet in its split.
    """
    n = len(triplets)
    profiles = {name: density_profile(getattr(triplets, name), spec.window) for name in IMAGES}
    with style():
        figure = new_figure(10.5, 2.35 * n + 0.6)
        rows = figure.subplots(n, 4, squeeze=False, width_ratios=[1, 1, 1, 1.5])
        for i, row in enumerate(rows):
            for axes, name in zip(row, IMAGES, strict=False):
                picture(axes, getattr(triplets, name)[i], _TITLES[name] if i == 0 else "")
            axes = row[-1]
            draw_truth(axes, spec.members[(first + i) % len(spec.members)])
            k = range(1, profiles["r"].shape[1] + 1)
            axes.plot(k, profiles["s1"][i], color=MUTED, linewidth=0.8, linestyle=":", label="s1")
            axes.plot(k, profiles["s2"][i], color=MUTED, linewidth=0.8, linestyle="--", label="s2")
            axes.plot(k, profiles["r"][i], color=MODEL, linewidth=1.2, label="r")
            if i == 0:
                axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=7)
            if i < n - 1:
                axes.set_xlabel("")
    return figure
