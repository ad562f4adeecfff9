"""Lines and points as numbers on a canvas: the templates turn them into inline SVG.

A plot holds coordinates, and texts that the templates escape; only a path, which is made of
numbers alone, is marked as safe.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from trendbench.figures import ticker

Values = NDArray[np.float64]
Kind = Literal["model", "truth", "floor", "points", "best", "cut"]

_LEFT, _RIGHT, _BOTTOM = 40, 18, 36  # px around the axes
_TOP, _TOP_UNNAMED = 24, 8  # the name of y stands above them
_SMALLEST = 1e-5  # where a logarithmic axis ends at the latest
_POINTS = ("points", "best", "cut")  # kinds that are drawn as dots
_WHOLE_STEPS = 4  # an axis this long [its units] is ticked at whole numbers alone


@dataclass(frozen=True)
class Line:
    """A curve (x, y), or dots, by its kind; ``mark`` is written at its right end."""

    kind: Kind
    x: Values
    y: Values
    mark: str = ""


@dataclass(frozen=True)
class Tick:
    """A tick's place on the canvas [px] and its label."""

    at: str
    text: str


@dataclass(frozen=True)
class Path:
    """An SVG path and the class it is drawn in."""

    kind: str
    d: Markup


@dataclass(frozen=True)
class Mark:
    """A short text at a point of the canvas."""

    x: str
    y: str
    text: str


@dataclass(frozen=True)
class Plot:
    """A drawn plot.

    Attributes:
        title: its name; description: its content in words, for screen readers.
        x_label, y_label: what is drawn against what, with units; may be empty.
        legend: kinds of line and what they stand for.
        width, height: of the canvas [px]; left, right, top, bottom: of the axes on it.
    """

    title: str
    description: str
    x_label: str
    y_label: str
    width: int
    height: int
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    paths: list[Path]
    marks: list[Mark]
    legend: list[tuple[str, str]] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Left end of the axes."""
        return _LEFT

    @property
    def right(self) -> int:
        """Right end of the axes."""
        return self.width - _RIGHT

    @property
    def top(self) -> int:
        """Upper end of the axes."""
        return _TOP if self.y_label else _TOP_UNNAMED

    @property
    def bottom(self) -> int:
        """Lower end of the axes."""
        return self.height - _BOTTOM


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, values: Values) -> Values:
        low, high = self.low, self.high
        if self.is_log:
            values, low, high = np.log10(np.maximum(values, low)), np.log10(low), np.log10(high)
        share: Values = (values - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int, *, whole: bool = False) -> list[Tick]:
        if self.is_log:
            decades = np.log10(self.high / self.low)
            subs = (1, 2, 5) if decades < 2 else (1,)
            found = ticker.LogLocator(subs=subs, numticks=9).tick_values(self.low, self.high)
        else:
            locator = ticker.MaxNLocator(most, steps=[1, 2, 5, 10], integer=whole)
            found = locator.tick_values(self.low, self.high)
        reach = 1e-9 * (self.high - self.low)
        inside = [v for v in found if self.low - reach <= v <= self.high + reach]
        return [Tick(_number(at), _text(v)) for v, at in zip(inside, self(np.array(inside)),
                                                            strict=True)]  # fmt: skip


def draw(
    lines: Sequence[Line],
    *,
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    band: tuple[Values, Values, Values] | None = None,
    legend: Iterable[tuple[str, str]] = (),
    is_log: bool = False,
    is_log_across: bool = False,
    names: Sequence[str] = (),
    y_range: tuple[float, float] | None = None,
    size: tuple[int, int] = (340, 222),
) -> Plot:
    """Lay out curves on a canvas.

    Args:
        lines: in drawing order; values that are not finite break a curve.
        title: its name.
        description: what is to be seen.
        x_label: what runs across.
        y_label: what runs up; may be empty.
        band: x, lower and upper end of a shaded region.
        legend: kind and text.
        is_log: whether y is logarithmic; values below its lower end lie on it.
        is_log_across: whether x is logarithmic.
        names: what the ticks at x = 0, 1, … say, in place of numbers.
        y_range: ends of the y axis; from 0 (linear) to the largest value if None.
        size: of the canvas [px].
    """
    width, height = size
    x_all = np.concatenate([line.x for line in lines])
    heights = [*(line.y for line in lines), *(band[1:] if band else ())]
    low, high = y_range or _reach(heights, is_log)
    x_end = float(x_all.max())
    x_start = float(x_all.min())
    if names:
        x_start, x_end = -0.5, len(names) - 0.5
    elif x_end == x_start:
        x_end = 2 * x_start if is_log_across else x_start + 1
    x_axis = _Axis(x_start, x_end, _LEFT, width - _RIGHT, is_log_across)
    whole = x_end - x_start >= _WHOLE_STEPS or bool(np.all(x_all == np.round(x_all)))
    y_axis = _Axis(low, high, height - _BOTTOM, _TOP if y_label else _TOP_UNNAMED, is_log)
    paths = []
    if band:
        x, lower, upper = band
        outline = _path(x_axis(x), y_axis(lower)) + _path(x_axis(x[::-1]), y_axis(upper[::-1]), "L")
        paths.append(Path("band", outline + Markup("Z")))
    paths += [
        Path(line.kind, (_dots if line.kind in _POINTS else _path)(x_axis(line.x), y_axis(line.y)))
        for line in lines
    ]
    return Plot(
        title,
        description,
        x_label,
        y_label,
        width,
        height,
        _named(x_axis, names) if names else x_axis.ticks(5 if width > 300 else 3, whole=whole),
        y_axis.ticks(5 if height > 200 else 3),
        paths,
        _marks(lines, x_axis, y_axis),
        list(legend),
    )


def _reach(values: Iterable[Values], is_log: bool) -> tuple[float, float]:
    """The ends of a y axis that holds all finite values."""
    everything = np.concatenate([np.ravel(v) for v in values])
    finite = everything[np.isfinite(everything)]
    if is_log:
        least = max(float(finite[finite > 0].min(initial=1.0)), _SMALLEST)
        most = max(1.0, float(finite.max(initial=1.0)))
        return min(10.0 ** np.floor(np.log10(least)), most / 10), most
    low, high = min(0.0, float(finite.min(initial=0.0))), float(finite.max(initial=0.0))
    room = 0.04 * (high - low) or 1.0
    return low - (room if low < 0 else 0), high + room


def _marks(lines: Iterable[Line], x_axis: _Axis, y_axis: _Axis) -> list[Mark]:
    return [
        Mark(
            _number(float(x_axis(line.x[-1:])[0]) + 3),
            _number(float(y_axis(line.y[-1:])[0]) + 3),
            line.mark,
        )
        for line in lines
        if line.mark
    ]


def _path(x: Values, y: Values, first: str = "M") -> Markup:
    """Points to a tenth of a pixel, joined where both are finite."""
    steps, pen = [], first
    for a, b in zip(x, y, strict=True):
        if np.isfinite(a) and np.isfinite(b):
            steps.append(f"{pen}{_number(a)} {_number(b)}")
            pen = "L"
        else:
            pen = "M"
    return Markup("".join(steps))


def _dots(x: Values, y: Values) -> Markup:
    """Points as strokes of no length, which round ends turn into dots."""
    finite = np.isfinite(x) & np.isfinite(y)
    return Markup("".join(f"M{_number(a)} {_number(b)}h0" for a, b in zip(x[finite], y[finite],
                                                                         strict=True)))  # fmt: skip


def _named(axis: _Axis, names: Sequence[str]) -> list[Tick]:
    places = axis(np.arange(len(names), dtype=np.float64))
    return [Tick(_number(at), name) for at, name in zip(places, names, strict=True)]


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(value: float) -> str:
    return f"{value:g}".replace("-", "−")
