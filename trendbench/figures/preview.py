"""Triplets of a data file with their density profiles."""

from typing import Any

from matplotlib.figure import Figure

from trendbench.figures.canvas import MODEL, MUTED, new_figure, picture, style
from trendbench.figures.profile import draw_truth, trend_in_words
from trendbench.metrics.batch import density_profile
from trendbench.process.images import IMAGES, Image
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec

_LINES: dict[Image, dict[str, Any]] = {
    "s1": {"color": MUTED, "linewidth": 0.8, "linestyle": ":"},
    "s2": {"color": MUTED, "linewidth": 0.8, "linestyle": "--"},
    "r": {"color": MODEL, "linewidth": 1.2},
}
_TITLES = {"s1": "s1: left texture", "s2": "s2: right texture", "r": "r: the trend"}


def preview_figure(triplets: Triplets, spec: TaskSpec, *, first: int = 0) -> Figure:
    """One row a triplet: s1, s2, r, and the ξ(k) of the three over the envelope of r.

    Where a task has no inputs, r stands alone; where it has several trends, each row names its own.

    Args:
        triplets: what to show.
        spec: their task.
        first: index of the first triplet in its split.
    """
    n = len(triplets)
    shown = IMAGES if spec.has_inputs else IMAGES[-1:]
    profiles = {name: density_profile(getattr(triplets, name), spec.window) for name in shown}
    members = spec.members
    with style():
        figure = new_figure(2.3 * len(shown) + 3.6, 2.35 * n + 0.6)
        ratios = [*[1.0] * len(shown), 1.5]
        rows = figure.subplots(n, len(ratios), squeeze=False, width_ratios=ratios)
        for i, row in enumerate(rows):
            for axes, name in zip(row, shown, strict=False):
                picture(axes, getattr(triplets, name)[i], _TITLES[name] if i == 0 else "")
            axes = row[-1]
            member = members[(first + i) % len(members)]
            draw_truth(axes, member)
            if len(members) > 1:
                row[0].set_ylabel(f"trend {trend_in_words(member)}", fontsize=8)
            for name, values in profiles.items():
                k = range(1, values.shape[1] + 1)
                axes.plot(k, values[i], label=name, **_LINES[name])
            if i == 0:
                axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=7)
            if i < n - 1:
                axes.set_xlabel("")
    return figure
