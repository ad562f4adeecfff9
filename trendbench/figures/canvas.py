"""The style of every figure, and how it is written."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trendbench.storage.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXT, MUTED, MODEL, BAND = "#1b1f24", "#6b7280", "#c2410c", "#cfe3f5"
TRUTH = "#1d4e89"
_DPI = 160
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": TEXT,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "text.parse_math": False,  # a dollar sign in a model's name starts no formula
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, that needs no display."""
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def style() -> AbstractContextManager[None]:
    """The context in which figures are drawn: Matplotlib's defaults, not the user's settings."""
    own = {name: value for name, value in mpl.rcParamsDefault.items() if "backend" not in name}
    return mpl.rc_context(own | _STYLE)


def picture(axes: "Axes", image: object, title: str = "") -> None:
    """One grey image, framed, without ticks."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")  # type: ignore[arg-type]
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=MUTED, linewidth=0.6)
    if title:
        axes.set_title(title, fontsize=9, color=TEXT)


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as PNG, atomically and without the clock in it."""
    with style(), replacing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path
