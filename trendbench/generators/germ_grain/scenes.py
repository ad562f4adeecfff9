"""Triplets as configurations of grains, and what the walk is given of their images."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trendbench.generators.germ_grain.cover import covering, paint
from trendbench.generators.germ_grain.model import S1, S2, Marked, Placed, R, Scene, Shapes

_NONE = np.empty((0, 3), dtype=np.int32)
_LEAST = 1e-6  # of −log(white)
_LEAST_SURPLUS = 1e-3
Mask = NDArray[np.bool_]


def is_falling(s1: Mask, s2: Mask) -> bool:
    """Whether s1 is the denser input: the triplet is then looked at from the other end."""
    return bool(np.count_nonzero(s1) > np.count_nonzero(s2))


def rising(s1: Mask, s2: Mask) -> tuple[Mask, Mask]:
    """The inputs with the sparser first, from the other end if they were exchanged."""
    if is_falling(s1, s2):
        s1, s2 = s2[:, ::-1], s1[:, ::-1]
    return np.ascontiguousarray(s1), np.ascontiguousarray(s2)


def scene_of(s1: Mask, s2: Mask, r: Mask | None, shapes: Shapes) -> Scene:
    """What the walk is given; s1 is the sparser input, and r is None where it is drawn."""
    of_r = np.full(s1.shape, s1.shape[1]) if r is None else _runs(r)
    runs = np.stack([_runs(s1), of_r, _runs(s2)])
    area = float(shapes.areas @ shapes.weights)
    thickness = [max(-math.log(max(1 - s.mean(), 0.5 / s.size)), _LEAST) for s in (s1, s2)]
    density1, density2 = (math.log(t / area) for t in thickness)
    surplus = math.log(max(1 - thickness[0] / thickness[1], _LEAST_SURPLUS))
    bound = np.array([True, r is not None, True])
    diameter = math.sqrt(4 * area / math.pi)
    return Scene(runs.astype(np.int32), bound, density1, density2, surplus, shapes, diameter)


def share_found(
    triplets: Sequence[tuple[Mask, Mask, Mask]], shapes: Shapes, rng: np.random.Generator
) -> float:
    """Share of the grains of s1 that r has beyond chance; s1 is the sparser input.

    (p − p₀)/(1 − p₀) with p the share of the grains of s1 that fit into the black of r, and p₀ of
    those that fit into r of the next triplet. 0 if all of them fit there.
    """
    fitting, by_chance, total = 0, 0, 0
    for i, (s1, _, _) in enumerate(triplets):
        grains = covering(s1, shapes, _NONE, rng)
        total += len(grains)
        fitting += int(_fitting(grains, triplets[i][2], shapes).sum())
        by_chance += int(_fitting(grains, triplets[(i + 1) % len(triplets)][2], shapes).sum())
    return (fitting - by_chance) / max(total - by_chance, 1)


def configuration_of(
    s1: Mask, s2: Mask, r: Mask | None, shapes: Shapes, shared: bool, rng: np.random.Generator
) -> Marked:
    """Grains that cover the images of a triplet, s1 being the sparser input, (n, 4).

    If images share grains, those of s1 that fit into r are taken to be in r, and those of both that
    fit into s2 to be in s2.
    """
    found: Marked = np.empty((0, 4), dtype=np.int32)
    for image, bit in ((s1, S1), (r, R), (s2, S2)):
        if image is None:
            continue
        known = found[:, :3] if shared else _NONE
        fits = _fitting(known, image, shapes)
        found[: len(known)][fits, 3] |= bit
        own = covering(image, shapes, known[fits], rng)
        further = own[~_among(own, known)]
        marks = np.full((len(further), 1), bit, dtype=np.int32)
        found = np.concatenate([found, np.concatenate([further, marks], axis=1)])
    return found


def _runs(black: Mask) -> NDArray[np.int64]:
    """Black pixels in a row that end at each pixel, (H, W)."""
    columns = np.arange(1, black.shape[1] + 1)
    return columns - np.maximum.accumulate(np.where(black, 0, columns), axis=1)


def union_of(configuration: Marked, bit: int, shape: tuple[int, int], shapes: Shapes) -> Mask:
    """Black of the grains of one image, (H, W)."""
    union = np.zeros(shape, dtype=bool)
    paint(union, np.ascontiguousarray(configuration[configuration[:, 3] & bit > 0, :3]), shapes)
    return union


def _fitting(placed: Placed, black: Mask, shapes: Shapes) -> NDArray[np.bool_]:
    """Whether each placement has all its pixels in the black or beyond the frame, (n,)."""
    reach = shapes.reach
    framed = np.pad(black, 2 * reach, constant_values=True)
    windows = np.lib.stride_tricks.sliding_window_view(framed, shapes.masks.shape[1:])
    seen = windows[placed[:, 1] + reach, placed[:, 2] + reach]
    return np.asarray((seen | ~shapes.masks[placed[:, 0]]).all(axis=(1, 2)))


def _among(some: Placed, others: Placed) -> NDArray[np.bool_]:
    """Which placements are among others, (n,)."""
    keys = [placed.astype(np.int64) @ np.array([1 << 42, 1 << 21, 1]) for placed in (some, others)]
    return np.isin(*keys)
