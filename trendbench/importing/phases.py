"""Black and white of grey pictures: what their values are, and the threshold between the phases."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.importing.reading import Page, Pixels
from trendbench.progress import say

OTSU = "otsu"
_MOST_LABELS = 16
_SAMPLED = 1 << 16  # pixels of one picture that the histogram is made of, at most
_KEPT = 1 << 22  # of all pictures
_SEED = 0x6F747375
Threshold = float | str | None


@dataclass(frozen=True)
class Survey:
    """What the pixels of many pictures are, before any is made black and white.

    Attributes:
        low, high: smallest and largest value.
        levels: the values, if there are 16 at most; None of grey pictures.
        sample: of the values, for the threshold.
    """

    low: float
    high: float
    levels: frozenset[float] | None
    sample: NDArray[np.float64]


def survey(pages: Iterable[Page]) -> Survey:
    """Look at every picture once.

    All pictures have an equal share in the sample, but for those with fewer pixels than that.

    Raises:
        ImagesError: values that are not finite.
    """
    rng = np.random.default_rng(_SEED)
    lows, highs, sampled = [], [], list[NDArray[np.float64]]()
    share = _SAMPLED
    levels: frozenset[float] | None = frozenset()
    for page in pages:
        low, high = float(page.values.min()), float(page.values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ImagesError(
                f"{page.name} holds values that are not finite: np.nan_to_num(picture, nan=V) "
                "makes them V, the grey value of their phase"
            )
        lows.append(low)
        highs.append(high)
        levels = _joined(levels, page.values, low, high)
        sampled.append(_some(page.values, share, rng))
        while share > 1 and sum(map(len, sampled)) > _KEPT:
            share //= 2
            sampled = [pixels[:share].copy() for pixels in sampled]
    if not lows:
        raise ImagesError("there are no pictures")
    return Survey(min(lows), max(highs), levels, np.concatenate(sampled))


def _joined(
    levels: frozenset[float] | None, values: Pixels, low: float, high: float
) -> frozenset[float] | None:
    """The levels so far and those of another picture; None once there are more than a few."""
    if levels is None:
        return None
    if bool(((values == low) | (values == high)).all()):
        levels = levels | {low, high}
    else:
        levels = levels | {float(value) for value in np.unique(values)[: _MOST_LABELS + 1]}
    return levels if len(levels) <= _MOST_LABELS else None


def _some(values: Pixels, share: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Pixels of a picture in random order: ``share`` of them, or all if there are fewer."""
    flat = values.ravel()
    chosen = (
        rng.integers(flat.size, size=share) if flat.size > share else rng.permutation(flat.size)
    )
    return flat[chosen].astype(np.float64)


def threshold_of(found: Survey, asked: Threshold, where: str) -> float:
    """The value from which on pixels are white.

    Args:
        found: of all pictures.
        asked: a number on the scale of the pictures, ``"otsu"``, or None where the pictures have
            two values.
        where: what a message calls the pictures.

    Raises:
        ImagesError: one colour throughout, several labels, grey without a threshold, or a number
            that makes one colour of them.
    """
    low, high = _short(found.low), _short(found.high)
    if found.low == found.high:
        raise ImagesError(
            f"{where}: every pixel is {low}: needed are pictures with both black and white"
        )
    if asked == OTSU:
        value = otsu(found.sample)
        say(f"{where}: threshold {_short(value)} (Otsu); pixels of it and above are white")
        return value
    if asked is not None:
        value = float(asked)
        if not found.low < value <= found.high:
            raise ImagesError(
                f"{where} holds values from {low} to {high}, of which --threshold {value:g} makes "
                "no black and white: --threshold otsu finds a value"
            )
        return value
    if found.levels is None:
        raise ImagesError(
            f"{where} is grey, with values from {low} to {high}: --threshold otsu, or a number "
            "from which on pixels are white"
        )
    if len(found.levels) > 2:
        shown = ", ".join(map(_short, sorted(found.levels)))
        raise ImagesError(
            f"{where} holds the values {shown}, more than two phases: --threshold "
            f"{_short(sorted(found.levels)[1])} makes that and all above white"
        )
    if (found.low, found.high) != (0.0, 255.0):
        say(f"{where}: {low} is taken as black and {high} as white; --invert exchanges them")
    return found.high


def otsu(values: NDArray[np.float64]) -> float:
    """The threshold t that maximises w₀w₁(μ₀ − μ₁)², the variance between v < t and v ≥ t.

    All t between two neighbouring values of the sample are equal; theirs is the middle.

    Source: Otsu, A threshold selection method from gray-level histograms, IEEE Trans. Syst. Man
    Cybern. 9, 62 (1979).
    """
    levels, counts = np.unique(values, return_counts=True)
    below = np.cumsum(counts)[:-1] / counts.sum()
    mass = np.cumsum(levels * counts)[:-1] / counts.sum()
    mean = float((levels * counts).sum() / counts.sum())
    between = np.square(mean * below - mass) / (below * (1 - below))
    best = int(np.argmax(between))
    return float(levels[best : best + 2].mean())


def _short(value: float) -> str:
    return f"{value:.6g}"
