"""Germs of coupled triplets (s1, s2, r): drawn on the dilated frame, marked, thinned.

s1 is homogeneous at λ_left, s2 homogeneous at λ_right, r has the trend. A germ at x carries a
uniform mark m. It belongs to an image of intensity λ(·) iff m·λ_max < λ(x), λ_max being the
intensity of its germ set:

- ``thinning``: one germ set, at the trend's largest intensity, serves the three images;
- ``independent``: each image has a germ set of its own.

Either way each image is exactly Poisson at its own intensity (independent thinning: Chiu,
Stoyan, Kendall & Mecke, Stochastic Geometry and its Applications, section 2.7.3).

Random numbers: under key (seed, split), germ set j of triplet i reads the Philox counters
(b, j, i, 0). Block b = 1 gives the count, block b = g + 2 the x, y and mark of germ g.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import one_of, whole
from trendbench.errors import InputError
from trendbench.families.disks.counts import poisson_table
from trendbench.families.disks.kernels import count_germs, fill_germs
from trendbench.families.disks.process import COLUMNS, Disks
from trendbench.process.latent import Latent
from trendbench.process.seeds import SEED_LIMIT, SPLITS, Split, split_key

IN_S1, IN_S2, IN_R = 1, 2, 4


@dataclass(frozen=True)
class Germs:
    """Germs of n triplets, laid end to end.

    Attributes:
        offsets: (n + 1,) int64; triplet i owns germs offsets[i] to offsets[i + 1].
        x: horizontal positions [px] on the dilated frame, shape (m,) float64.
        y: vertical positions [px], likewise.
        mark: uniform marks in [0, 1), shape (m,) float64.
        member: (m,) uint8; bit 0 in s1, bit 1 in s2, bit 2 in r.
    """

    offsets: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    mark: NDArray[np.float64]
    member: NDArray[np.uint8]

    def __len__(self) -> int:
        return self.offsets.size - 1

    def __getitem__(self, triplets: slice) -> "Germs":
        """The germs of a contiguous range of triplets, as views.

        Raises:
            InputError: no slice, or one that skips or reverses triplets.
        """
        if not isinstance(triplets, slice) or triplets.step not in (None, 1):
            raise InputError(f"[{triplets!r:.60}]: needed is a contiguous range, e.g. [0:1]")
        start, stop, _ = triplets.indices(len(self))
        offsets = self.offsets[start : max(start, stop) + 1]
        rows = slice(offsets[0], offsets[-1])
        return Germs(
            offsets - offsets[0], self.x[rows], self.y[rows], self.mark[rows], self.member[rows]
        )

    def joined(self, others: "Sequence[Germs]") -> "Germs":
        """The germs of these triplets, and behind them those of others."""
        parts = (self, *others)
        sizes = np.concatenate([np.diff(part.offsets) for part in parts])
        columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in COLUMNS}
        return Germs(np.concatenate([[0], np.cumsum(sizes)]), **columns)

    def counts(self, bit: int) -> NDArray[np.int64]:
        """Germs of each triplet that show in the image of ``bit``, shape (n,)."""
        shown = np.concatenate([[0], np.cumsum((self.member & bit) != 0)])
        counts: NDArray[np.int64] = shown[self.offsets[1:]] - shown[self.offsets[:-1]]
        return counts


def as_germs(latents: Latent | None) -> Germs:
    """Latents that are known to be germs."""
    assert isinstance(latents, Germs)
    return latents


def pack(latents: Latent) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Offsets and the columns ``COLUMNS`` of germs, for a data file."""
    germs = as_germs(latents)
    return germs.offsets, {name: getattr(germs, name) for name in COLUMNS}


def unpack(offsets: NDArray[np.int64], columns: dict[str, NDArray[Any]]) -> Germs:
    """The germs of a data file.

    Raises:
        ValueError: places or marks are not finite.
    """
    if not all(np.isfinite(columns[name]).all() for name in ("x", "y", "mark")):
        raise ValueError("places or marks that are not finite")
    return Germs(offsets, **columns)


def draw_germs(process: Disks, n: int, seed: int, split: Split, start: int = 0) -> Germs:
    """Draw the germs of triplets ``start`` to ``start + n`` of a split.

    Args:
        process: what to draw from.
        n: number of triplets, ≥ 0.
        seed: 0 ≤ seed < 2⁶⁴.
        split: which of the three series.
        start: index of the first triplet, ≥ 0.

    Raises:
        InputError: no such split; n, start or seed out of range.
    """
    n, start = whole(n, "n"), whole(start, "start")
    seed = whole(seed, "seed", most=SEED_LIMIT - 1)
    one_of(split, "split", SPLITS)
    germ_sets = _germ_sets(process)
    key = (np.uint64(seed), np.uint64(split_key(split)), np.uint64(start))
    counts = np.zeros((len(germ_sets), n), dtype=np.int64)
    for row, germ_set in zip(counts, germ_sets, strict=True):
        count_germs(*key, np.uint64(germ_set.stream), *germ_set.table, row)
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    places = offsets[:-1] + np.cumsum(counts, axis=0) - counts
    x, y, mark = np.empty((3, offsets[-1]))
    member = np.zeros(offsets[-1], dtype=np.uint8)
    margin = process.radius
    frame = (-margin, process.width + 2 * margin, -margin, process.height + 2 * margin)
    for row, place, germ_set in zip(counts, places, germ_sets, strict=True):
        fill_germs(
            *key, np.uint64(germ_set.stream), row, place, frame, germ_set.lambda_max,
            germ_set.images, x, y, mark, member,
        )  # fmt: skip
    return Germs(offsets, x, y, mark, member)


@dataclass(frozen=True)
class _GermSet:
    """A homogeneous germ set and the images thinned from it: rows (bit, λ(0), k)."""

    stream: int
    lambda_max: float
    images: NDArray[np.float64]
    table: tuple[int, NDArray[np.float64]]


def _germ_sets(process: Disks) -> list[_GermSet]:
    trend = process.intensity
    images = np.array(
        [(IN_S1, trend.left, 0.0), (IN_S2, trend.right, 0.0), (IN_R, trend.left, trend.k)]
    )
    _, lambda_max = trend.extremes(process.radius)
    if process.coupling == "thinning":
        drawn = [(lambda_max, images)]
    else:
        largest = (trend.left, trend.right, lambda_max)
        drawn = [(most, images[j : j + 1]) for j, most in enumerate(largest)]
    return [
        _GermSet(stream, most, shown, poisson_table(most * process.dilated_area))
        for stream, (most, shown) in enumerate(drawn)
    ]
