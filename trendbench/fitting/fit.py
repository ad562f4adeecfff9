"""``tb.fit``: pictures in; λ₀, k, R with their errors, the trend, and whether the model holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.arguments import one_of, whole
from trendbench.errors import ImagesError
from trendbench.families.disks import Disks
from trendbench.fitting.estimates import Estimates, drawn, estimated
from trendbench.fitting.goodness import Measured, compared, expected, measured
from trendbench.fitting.intervals import coverage, intervals, must_not_be_steeper, no_trend
from trendbench.fitting.pictures import read_pictures
from trendbench.fitting.result import Curves, Estimate, Fit
from trendbench.metrics.intake import Handling
from trendbench.process.images import WHITE
from trendbench.process.seeds import SEED_LIMIT
from trendbench.progress import Bar, quiet

SETS = 200
FEWEST_SETS = 100  # of fewer, none lies outside at 1 %
_PARTICLES = 2  # isolated ones, from which on R is taken from their shapes
_TRIES = 2  # simulated sets that may be drawn for each one that can be fitted
_SLACK = 4.0  # standard errors by which R is lowered before black counts as stray
_LOW, _HIGH = 0.025, 0.975
Pictures = NDArray[Any] | str | Path


def fit(
    images: Pictures | Sequence[str | Path],
    *,
    threshold: float | None = None,
    invert: bool = False,
    along: str = "x",
    sets: int = SETS,
    seed: int = 0,
    bar: Bar = quiet,
) -> Fit:
    """Fit the Boolean model of disks with a linear trend to binary pictures of one size.

    Args:
        images: one picture (H, W) or several (n, H, W), black 0 and white 255; or the path of a
            PNG, a TIFF with one page or many, a ``.npy``, ``.npz`` or ``.h5`` file with one array,
            or a folder of these; or a list of such paths.
        threshold: pixels of this value and above become white, all others black; 0 … 255 for
            integers, 0 … 1 for floats. None where the pictures are black and white.
        invert: whether to exchange black and white, for white particles on black.
        along: the axis that the trend runs along, x or y.
        sets: how many sets are simulated from the fitted model, for the goodness of fit and for
            the errors of fewer than ten pictures; at least 100.
        seed: of the simulated sets.
        bar: shows progress, e.g. ``trendbench.progress.bar``; nothing by default.

    Returns:
        ``fit.lambda0``, ``fit.k`` and ``fit.radius`` with ``value``, ``error``, ``low`` and
        ``high``; ``fit.coverage``; ``fit.z`` and ``fit.p_trend``; ``fit.verdict`` and
        ``fit.scores``; ``fit.to_json()``.

    Raises:
        ImagesError: pictures that cannot be read, are not black and white, or hold too little to
            fit; the message gives the line that mends them.
        InputError: another argument is out of range.
    """
    one_of(along, "along", ("x", "y"))
    whole(sets, "sets", FEWEST_SETS)
    whole(seed, "seed", most=SEED_LIMIT - 1)
    pictures = pictures_along(images, Handling(threshold, invert), along)
    return fit_pictures(pictures, along=along, sets=sets, seed=seed, bar=bar)


def pictures_along(
    images: Pictures | Sequence[str | Path], how: Handling, along: str
) -> NDArray[np.uint8]:
    """Pictures (n, H, W) of 0 and 255, turned so that their trend runs along x; see ``fit``."""
    pictures = read_pictures(images, how)
    return np.ascontiguousarray(pictures.transpose(0, 2, 1)) if along == "y" else pictures


def fit_pictures(
    pictures: NDArray[np.uint8], *, along: str, sets: int, seed: int, bar: Bar = quiet
) -> Fit:
    """Fit pictures (n, H, W) of 0 and 255 whose trend runs along x; see ``fit``."""
    n = len(pictures)
    own = estimated(pictures, _PARTICLES)
    must_not_be_steeper(pictures, own)
    refitted = _refitted(own, n, sets, seed, bar)
    if not refitted and own.is_from_particles:  # which the fitted model hardly ever shows
        own = estimated(pictures, None)
        refitted = _refitted(own, n, sets, seed, bar)
    if not refitted:
        raise ImagesError(
            "most sets that are simulated from the fitted model determine no disks, since they "
            "hold too few grains: give larger pictures, or more of them"
        )
    (lambda0, k, radius), source = intervals(own, n, list(refitted.values()))
    slack = _SLACK * float(np.std([one.radius.estimate for one in refitted.values()]))
    found = measured(pictures, own.process, slack)
    scored = []
    with bar("scoring the simulated sets", sets, "sets") as progress:
        for i, one in refitted.items():
            scored.append(measured(_set(own, n, seed, i), one.process, slack))
            progress.advance()
    scores, p = compared(found.scores, [one.scores for one in scored])
    z, p_trend = no_trend(own, n)
    width = own.process.width
    ends = coverage(own, n, np.array([0.0, width / 2, width]))
    band = coverage(own, n, theory.pixel_centres(width))
    left, middle, right = (
        Estimate(float(v), float(e), float(low), float(high), "1") for v, e, low, high in ends.T
    )
    return Fit(
        pictures=n, along=along, model=own.process, lambda0=lambda0, k=k,
        radius=radius, radius_from=own.radius.source, errors_from=source,
        coverage=(left, middle, right), z=z, p_trend=p_trend, scores=scores, sets=sets, p=p,
        columns=1 - pictures.mean(axis=(0, 1)) / WHITE, band=band,
        curves=_curves(found, own.process, scored),
    )  # fmt: skip


def _set(own: Estimates, n: int, seed: int, i: int) -> NDArray[np.uint8]:
    """Simulated set i of the fitted model, (n, H, W)."""
    return drawn(own.process, n, np.random.default_rng((seed, i)))


def _refitted(own: Estimates, n: int, sets: int, seed: int, bar: Bar) -> dict[int, Estimates]:
    """The estimates of simulated sets, by the number of the set, in the way of the pictures'.

    Left out are sets in which R cannot be estimated from what it was estimated from. Where these
    are most, no set is returned.
    """
    particles = _PARTICLES if own.is_from_particles else None
    refitted: dict[int, Estimates] = {}
    with bar("fitting simulated sets", sets, "sets") as progress:
        for i in range(_TRIES * sets):
            try:
                one = estimated(_set(own, n, seed, i), particles)
            except ImagesError:
                continue
            if one.is_from_particles is own.is_from_particles:
                refitted[i] = one
                progress.advance()
            if len(refitted) == sets:
                return refitted
    return {}


def _curves(found: Measured, process: Disks, scored: Sequence[Measured]) -> dict[str, Curves]:
    """Each curve of the pictures beside the model's, with the range of 95 % of simulated sets."""
    drawn_as = {"S2 along x": "along_x", "S2 along y": "along_y", "lineal path": "path"}
    models = dict(zip(drawn_as.values(), expected(process), strict=True))
    curves = {}
    for title, name in drawn_as.items():
        own, model = getattr(found, name), models[name]
        many = np.full((len(scored), own.size), np.nan)  # a set's R decides how far its curve goes
        for row, one in zip(many, scored, strict=True):
            curve = getattr(one, name)[: own.size]
            row[: curve.size] = curve
        steps = np.isfinite(many).sum(axis=0) >= len(scored) / 2
        low, high = np.nanquantile(many[:, steps], [_LOW, _HIGH], axis=0)
        curves[title] = Curves(own[steps], model[steps], low, high)
    return curves
