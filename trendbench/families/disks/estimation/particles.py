"""R from isolated particles: their shapes bound it, their mean area gives it.

A particle that touches no other is one digital disk. A radius R draws it iff there is a centre c
with every black pixel of it within R and every white one beyond. With s = R² − |c|² these are
linear conditions on (c, s),

    F(c) = max over black p of |p|² − 2p·c  ≤  s  <  min over white p of |p|² − 2p·c = G(c),

so the centres that admit some R form a convex polygon, and the radii an interval. R lies in the
interval of every particle; where two germs have merged into what looks like one disk, theirs may
miss it, so the interval kept is the one in which all but one in 500 agree. There are a few hundred
shapes only, so it stops shrinking. Within it the mean number of pixels decides: over a germ's
position in its pixel it is A = πR² exactly, and its error falls like 1/√particles.

Sources: O'Rourke, Kosaraju & Megiddo, Computing circular separability, Discrete & Computational
Geometry 1, 105 (1986), for the linear conditions; Kendall & Moran, Geometrical Probability (1963),
for the mean of a lattice count.
"""

import math
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from trendbench.families.disks.estimation.lineal_paths import ImageFit

_ROUNDS = 16
_PLACES = np.stack(np.meshgrid(*2 * [np.linspace(-1, 1, 9)]), axis=-1).reshape(-1, 2)
_SHRINK = 0.5
_FEWEST = 20
_DOUBT = 0.002
_MISSED = 2
_EVERYWHERE = np.ones((3, 3))
Shape = tuple[int, int, bytes]
_Values = NDArray[np.float64]
Goal = Callable[[_Values, _Values, _Values], _Values]  # of F, G and |c|² at grid points


class Radius(BaseModel):
    """R [px].

    Attributes:
        estimate, standard_error: as fitted; where only the interval is known, the error is a
            quarter of it.
        low, high: between what the images allow.
        source: what it was estimated from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    estimate: float = Field(gt=0)
    standard_error: float = Field(ge=0)
    low: float = Field(ge=0)
    high: float = Field(gt=0)
    source: str


def radius_of_particles(
    images: NDArray[np.uint8], near: float, tolerance: float, wanted: int, fewest: int = _FEWEST
) -> Radius | None:
    """R from the first so many isolated particles.

    A particle counts whose shape agrees with the interval in which most agree.

    Args:
        images: (n, H, W) uint8, looked at in their order until enough particles are found.
        near: a first estimate of R [px].
        tolerance: how far from it R may lie [px].
        wanted: how many particles to look at.
        fewest: how many it takes.

    Returns:
        None where fewer are found.
    """
    shapes: Counter[Shape] = Counter()
    for image in images:
        shapes.update(isolated(image, near + tolerance))
        if shapes.total() >= wanted:
            break
    counts, areas, intervals = [], [], []
    for shape, count in shapes.items():
        low, high = _radii(shape)
        if low < high and high > near - tolerance and low < near + tolerance:
            counts.append(count)
            areas.append(sum(shape[2]))
            intervals.append((low, high))
    if sum(counts) < fewest:
        return None
    found = np.array(intervals)
    low, high = _agreed(found, np.array(counts))
    agree = (found[:, 0] <= high) & (found[:, 1] >= low)
    pixels = np.repeat(np.array(areas)[agree], np.array(counts)[agree])
    area = float(pixels.mean())
    radius = math.sqrt(area / math.pi)
    spread = float(pixels.std(ddof=1)) if pixels.size > 1 else 0.0
    error = spread / math.sqrt(pixels.size) / (2 * math.pi * radius)
    return Radius(
        estimate=min(max(radius, low), high), standard_error=error, low=low, high=high,
        source=f"{pixels.size} isolated particles",
    )  # fmt: skip


def radius_of(first: ImageFit, images: NDArray[np.uint8], tolerance: float, wanted: int) -> Radius:
    """R from isolated particles, from lineal paths where there are few.

    Args:
        first: the fit of lineal paths.
        images: where particles are looked for, (n, H, W) uint8.
        tolerance: how far from the first fit's R it may lie [px].
        wanted: how many particles to look at.
    """
    near, error = first.radius, first.radius_error
    found = radius_of_particles(images, near, tolerance, wanted)
    return found or Radius(
        estimate=near, standard_error=error,
        low=max(0.0, near - 2 * error), high=near + 2 * error, source="lineal paths",
    )  # fmt: skip


def isolated(image: NDArray[np.uint8], largest: float) -> list[Shape]:
    """The components that may be one disk: off the border, no wider than a disk of this radius.

    Components are 8-connected.

    Returns:
        For each, rows and columns of its bounding box and the box's pixels, 1 for black.
    """
    labels, _ = scipy.ndimage.label(image == 0, structure=_EVERYWHERE)
    height, width = image.shape
    most = math.floor(2 * largest) + 1
    found = []
    for label, (rows, columns) in enumerate(scipy.ndimage.find_objects(labels), start=1):
        tall, wide = rows.stop - rows.start, columns.stop - columns.start
        inner = rows.start > 0 and columns.start > 0 and rows.stop < height and columns.stop < width
        if inner and max(tall, wide) <= most:
            found.append((tall, wide, (labels[rows, columns] == label).tobytes()))
    return found


def outline(shape: Shape) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A particle's black pixels at its edge and the white ones around it, as (x, y) each [px].

    Relative to the middle of its bounding box.
    """
    tall, wide, pixels = shape
    black = np.pad(np.frombuffer(pixels, dtype=np.bool_).reshape(tall, wide), 1)
    middle = np.array([wide + 1, tall + 1]) / 2
    edge = black & ~scipy.ndimage.binary_erosion(black)
    around = scipy.ndimage.binary_dilation(black, structure=_EVERYWHERE) & ~black
    inside, outside = (np.argwhere(part)[:, ::-1] - middle for part in (edge, around))
    return inside, outside


def radii(black: NDArray[np.float64], white: NDArray[np.float64]) -> tuple[float, float]:
    """Least and largest R that draws a particle; (∞, 0) where none does.

    The gap G − F is concave in c and its maximum gives a first centre. From there the least F and
    the largest G, plus |c|², are searched for within F < G.

    Args:
        black: (x, y) of its black pixels, (m, 2).
        white: of the white pixels around it, (w, 2).
    """

    def climbed(goal: Goal, start: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        place, value, half = start, 0.0, 0.5
        for _ in range(_ROUNDS):  # on grids that close in on the best place
            centres = place + half * _PLACES
            f, g = (np.square(p).sum(axis=1) - 2 * centres @ p.T for p in (black, white))
            values = goal(f.max(axis=1), g.min(axis=1), np.square(centres).sum(axis=1))
            best = int(np.argmax(values))
            place, value, half = centres[best], float(values[best]), half * _SHRINK
        return place, value

    middle, widest = climbed(lambda f, g, _: g - f, np.zeros(2))
    if widest <= 0:
        return math.inf, 0.0
    _, least = climbed(lambda f, g, square: np.where(f < g, -(f + square), -np.inf), middle)
    _, most = climbed(lambda f, g, square: np.where(f < g, g + square, -np.inf), middle)
    return math.sqrt(max(0.0, -least)), math.sqrt(max(0.0, most))


@lru_cache(maxsize=1 << 16)
def _radii(shape: Shape) -> tuple[float, float]:
    """``radii`` of a shape; a disk may miss a row or a column at each end, no more."""
    tall, wide, _ = shape
    return radii(*outline(shape)) if abs(tall - wide) <= _MISSED else (math.inf, 0.0)


def _agreed(intervals: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """The stretch around the deepest place of intervals (m, 2), each counted so many times.

    It ends where the depth has fallen by more than a share ``_DOUBT``, so that one merged pair
    among a thousand particles does not decide.
    """
    ends = np.concatenate([intervals[:, 0], intervals[:, 1]])
    steps = np.concatenate([counts, -counts])
    order = np.lexsort((-steps, ends))
    depth = np.cumsum(steps[order])
    best = int(np.argmax(depth))
    shallow = np.flatnonzero(depth < (1 - _DOUBT) * depth[best])
    first = shallow[shallow < best].max(initial=-1) + 1
    last = shallow[shallow > best].min()
    return float(ends[order[first]]), float(ends[order[last]])
