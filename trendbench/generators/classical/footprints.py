"""Every shape a disk of radius R can have on the lattice.

Which pixels a germ blackens changes only where it crosses one of the circles of radius R around
pixel centres. These circles cut the unit cell of germ positions into some 4πR² regions, and every
region has a corner where two of them cross: so the wedges at all crossings give every shape.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NUDGE = 1e-5  # how far from both circles a place in a wedge lies [px]
_LEAST_SINE = 0.02  # circles that nearly touch have other crossings


@dataclass(frozen=True)
class Footprints:
    """The F shapes, each as the columns of its rows −m … m relative to the germ's cell.

    Attributes:
        reach: m.
        phase: (F, 2), a germ position (x, y) in the unit cell that has the shape; pixel centres
            are at whole numbers.
        left, right: (F, 2m + 1) int64, first and last column of each row; left > right where the
            row is empty.
        core, hull: (2, 2m + 1) int64, the same of the pixels that all shapes have, and that any
            has.
        spanning: the first so many shapes have every pixel of the hull between them.
    """

    reach: int
    phase: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    core: NDArray[np.int64]
    hull: NDArray[np.int64]
    spanning: int


def footprints(radius: float) -> Footprints:
    """All shapes of a disk of radius R [px], but for slivers of about 1e-5 px."""
    reach = int(np.ceil(radius)) + 1
    phases = _wedges(radius)
    left, right = rows_of(phases, radius, reach)
    _, kept = np.unique(np.concatenate([left, right], axis=1), axis=0, return_index=True)
    left, right = left[kept], right[kept]
    columns = np.arange(-reach, reach + 1)
    pixels = (left[..., None] <= columns) & (columns <= right[..., None])  # (F, row, column)
    first = _spanning(pixels[:, pixels.any(axis=0) & ~pixels.all(axis=0)])
    order = np.concatenate([first, np.setdiff1d(np.arange(len(kept)), first)]).astype(np.int64)
    return Footprints(
        reach=reach,
        phase=phases[kept][order],
        left=left[order],
        right=right[order],
        core=np.stack([left.max(axis=0), right.min(axis=0)]),
        hull=np.stack([left.min(axis=0), right.max(axis=0)]),
        spanning=len(first),
    )


def rows_of(
    phases: NDArray[np.float64], radius: float, reach: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last column within R of germs at these phases (F, 2), in rows −m … m."""
    apart = np.arange(-reach, reach + 1) - phases[:, 1:]
    half = np.sqrt(np.maximum(radius**2 - apart**2, 0.0))
    left = np.ceil(phases[:, :1] - half).astype(np.int64)
    right = np.floor(phases[:, :1] + half).astype(np.int64)
    empty = (np.abs(apart) > radius) | (left > right)
    left[empty], right[empty] = reach + 1, -reach - 1
    return left, right


def _spanning(flags: NDArray[np.bool_]) -> list[int]:
    """A few rows of flags (F, P) that have every column set between them, chosen greedily."""
    chosen, missing = [], np.ones(flags.shape[1], dtype=bool)
    while missing.any():
        chosen.append(int(np.argmax(flags[:, missing].sum(axis=1))))
        missing &= ~flags[chosen[-1]]
    return chosen


def _wedges(radius: float) -> NDArray[np.float64]:
    """A place in each of the four wedges at every crossing of two circles in the unit cell."""
    span = np.arange(-int(np.ceil(radius)), int(np.ceil(radius)) + 2)
    centres = np.stack(np.meshgrid(span, span), axis=-1).reshape(-1, 2).astype(np.float64)
    from_middle = np.hypot(*(centres - 0.5).T)
    centres = centres[np.abs(from_middle - radius) < 0.75]  # whose circle may cross the cell
    a, b = (centres[i] for i in np.triu_indices(len(centres), 1))
    apart = np.hypot(*(b - a).T)
    near = apart < 2 * radius
    a, b, apart = a[near], b[near], apart[near]
    across = np.stack([a[:, 1] - b[:, 1], b[:, 0] - a[:, 0]], axis=1) / apart[:, None]
    height = np.sqrt(radius**2 - apart**2 / 4)[:, None] * across
    at = np.concatenate([(a + b) / 2 + height, (a + b) / 2 - height])
    normals = (at[:, None] - np.stack([np.tile(a, (2, 1)), np.tile(b, (2, 1))], axis=1)) / radius
    sine = np.linalg.det(normals)
    used = np.all((at >= 0) & (at < 1), axis=1) & (np.abs(sine) > _LEAST_SINE)
    sides = np.array([[s, t] for s in (-1.0, 1.0) for t in (-1.0, 1.0)])
    steps = np.linalg.solve(normals[used][:, None], _NUDGE * sides[None, :, :, None])[..., 0]
    return np.asarray((at[used][:, None] + steps).reshape(-1, 2) % 1.0)
