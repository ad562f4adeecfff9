"""The figures of a card: measured curves over exact ones."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.curves import Curves
from trendbench.report.attached import Log
from trendbench.report.plot import Kind, Line, Plot, draw
from trendbench.report.truth import Exact

_MOST_POINTS = 240
_SMALL = (230, 132)
Values = NDArray[np.float64]


def curve_figures(name: str, measured: Sequence[Curves], exact: Exact | None) -> list[Plot]:
    """ξ(k), S2, lineal path and survival, one line a seed.

    Args:
        name: of the row.
        measured: the curves of each seed, at least one; where ``exact`` is given, of its lengths.
        exact: truth, where the task is known.
    """
    truth = exact.curves if exact else None
    plots = [
        _profile(name, measured, exact),
        _texture(
            name, "S₂: two black pixels", "lag along x [px]", "probability", 0,
            [curves.two_point for curves in measured], truth.two_point if truth else None,
        ),
        _texture(
            name, "Lineal path", "length along x [px]", "probability", 1,
            [curves.white_runs for curves in measured], truth.white_runs if truth else None,
            is_log=True,
        ),
    ]  # fmt: skip
    survival = [curves.survival for curves in measured if curves.survival is not None]
    return [*plots, _survival(name, survival, exact)] if survival else plots


def log_figures(log: Log, references: dict[str, float]) -> list[Plot]:
    """One small plot for each column of a log; ``references`` are values for true images."""
    return [
        draw(
            [*_reference(references.get(name), log.position),
             Line("model", _thinned(log.position), _thinned(values))],
            title=name,
            description=f"{name} from {values[0]:.3g} at the start to {values[-1]:.3g} at the end.",
            x_label=log.key.replace("_", " "),
            y_label="",
            size=_SMALL,
        )
        for name, values in log.columns.items()
    ]  # fmt: skip


def _reference(value: float | None, position: Values) -> list[Line]:
    return [] if value is None else [Line("floor", position, np.full(len(position), value))]


def _thinned(values: Values) -> Values:
    """Means over equal stretches, few enough to draw."""
    stretch = -(-len(values) // _MOST_POINTS)
    starts = np.arange(0, len(values), stretch)
    means: Values = np.add.reduceat(values, starts) / np.diff([*starts, len(values)])
    return means


def _profile(name: str, measured: Sequence[Curves], exact: Exact | None) -> Plot:
    k = np.arange(1, measured[0].profile.size + 1, dtype=np.float64)
    lines = [_model(curves.profile) for curves in measured]
    if exact is None:
        return draw(
            lines, title="Density profile ξ(k)", description=_alone(name), x_label="k [px]",
            y_label="ξ(k), mean over images", legend=[("model", name)],
        )  # fmt: skip
    mean = exact.curves.profile
    distance = np.abs(measured[0].profile - mean)
    worst = int(distance.argmax())
    return draw(
        [_model(mean, "truth"), *lines],
        title="Density profile ξ(k)",
        description=f"The mean profile of {name} over the exact mean and the band that holds "
        f"95 % of true images whole. It is furthest from the exact mean, by {distance[worst]:.3f}, "
        f"at k = {k[worst]:.0f}.",
        x_label="k [px]",
        y_label="ξ(k), mean over images",
        band=(k, np.maximum(mean - exact.reach, 0), mean + exact.reach),
        legend=[
            ("model", name),
            ("truth", "exact mean"),
            ("band", "95 % of true images lie wholly here"),
        ],
    )


def _model(values: Values, kind: Kind = "model", first: float = 1) -> Line:
    return Line(kind, first + np.arange(values.size, dtype=np.float64), values)


def _texture(
    name: str,
    title: str,
    x_label: str,
    y_label: str,
    first: int,
    measured: Sequence[Values],
    exact: Values | None,
    *,
    is_log: bool = False,
) -> Plot:
    """A statistic along x in each vertical band, measured (bands, steps) over exact."""
    lines = [] if exact is None else [_model(curve, "truth", first) for curve in exact]
    for seed, curves in enumerate(measured):
        for band, curve in enumerate(curves, start=1):
            line = _model(curve, first=first)
            lines.append(Line(line.kind, line.x, line.y, "" if seed else str(band)))
    description = _alone(name)
    if exact is not None:
        off = float(np.abs(measured[0] - exact).max())
        description = (
            f"{title} of {name} in four vertical bands, 1 at the left to {len(exact)} at the "
            f"right, over the exact values; they differ by {off:.2g} at most."
        )
    legend = [("model", f"{name}, bands 1 (left) to {len(measured[0])}")]
    return draw(
        lines, title=title, description=description, x_label=x_label, y_label=y_label,
        legend=[*legend, *([("truth", "exact")] if exact is not None else [])], is_log=is_log,
    )  # fmt: skip


def _survival(name: str, measured: Sequence[Values], exact: Exact | None) -> Plot:
    known = exact.curves.survival if exact else None
    if exact is None or known is None:
        x, x_label = np.arange(1, measured[0].size + 1, dtype=np.float64), "inner column"
    else:
        x, x_label = exact.inner, "x [px]"
    lines = [] if known is None else [Line("truth", x, known)]
    lines += [Line("model", x, curve) for curve in measured]
    description = _alone(name)
    if known is not None:
        off = float(np.abs(measured[0] - known).max())
        description = (
            f"Share of the pixels that only the denser input has and that {name} keeps, column by "
            f"column, over the exact share; they differ by {off:.2g} at most."
        )
    return draw(
        lines,
        title="Retention",
        description=description,
        x_label=x_label,
        y_label="extra particles' pixels kept",
        legend=[("model", name), *([("truth", "exact")] if known is not None else [])],
        y_range=(0.0, 1.0),
    )


def _alone(name: str) -> str:
    return f"Measured on {name}; the numbers of its task are not at hand for an exact curve."
