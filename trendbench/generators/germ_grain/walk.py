"""Configurations of grains: how a grain lies among the others, and the walk that draws them.

The conditional intensity λ(g, u | X) of a grain of shape g at u given the others X is computed by
a small network; of a grain of the inputs it is the odds that r has it too. Where a law has these
conditional intensities, births, deaths and draws of the walk leave it as it is. Bound to an image
the walk draws the grains beneath others, which leave no trace in the image.

Source: Geyer & Møller, Simulation procedures and likelihood inference for spatial point processes
(1994), for births and deaths; Baddeley et al., Logistic regression for spatial Gibbs point
processes (2014), for the events.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendbench.compiling import kernel
from trendbench.generators.germ_grain.model import (
    FEATURES,
    KEPT,
    NEW,
    Networks,
    Placed,
    Scene,
    Shapes,
)

_COSINES = 4
_MOVES = 8  # tried of each grain in a sweep bound to an image
_RINGS = (0.5, 1.0, 2.0)  # diameters
_STRIP = 4.0  # diameters to each side along y of a strip of 3 px along x


class _Grains(NamedTuple):
    """Grains in numbered slots, the offered ones first.

    Attributes:
        placed: (slots, 3); there: whether a slot holds a grain, (slots,).
        times: grains that cover each pixel, (H, W).
    """

    placed: Placed
    there: NDArray[np.bool_]
    times: NDArray[np.int32]


@kernel
def _empty(scene: Scene, slots: int) -> _Grains:
    """No grain; the offered ones have their slots."""
    placed = np.zeros((slots, 3), dtype=np.int32)
    placed[: len(scene.offered)] = scene.offered
    there = np.zeros(slots, dtype=np.bool_)
    return _Grains(placed, there, np.zeros(scene.white1.shape, dtype=np.int32))


@kernel
def _change(grains: _Grains, slot: int, shapes: Shapes, by: int) -> None:
    """Put the grain of a slot into the configuration (by = 1), or take it out (by = −1)."""
    height, width = grains.times.shape
    shape, at_y, at_x = grains.placed[slot]
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[shape, k]
        y, x = at_y + row, at_x + first
        if length > 0 and 0 <= y < height:
            for c in range(max(x, 0), min(x + length, width)):
                grains.times[y, c] += by
    grains.there[slot] = by > 0


@kernel
def _features(grains: _Grains, slot: int, used: int, scene: Scene, out: NDArray[np.float64]) -> int:
    """Features of the grain of a slot, which is not there, given those that are.

    The number after the features counts bare pixels that r must have, as s1 has them.

    Returns:
        Bare pixels that it covers; −1 if it cannot be: it has no pixel in the frame, or one where
        s2 is white and r is so too.
    """
    shapes = scene.shapes
    height, width = grains.times.shape
    shape, at_y, at_x = grains.placed[slot]
    visible, bare, white1, white2, barred, owed = 0, 0, 0, 0, 0, 0
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[shape, k]
        y, x = at_y + row, at_x + first
        if length > 0 and 0 <= y < height:
            for c in range(max(x, 0), min(x + length, width)):
                visible += 1
                white1 += scene.white1[y, c]
                white2 += scene.white2[y, c]
                barred += scene.white2[y, c] and scene.free <= c < width - scene.free
                if grains.times[y, c] == 0:
                    bare += 1
                    owed += not scene.white1[y, c] and scene.held <= c < width - scene.held
    if visible == 0 or barred > 0:
        return -1
    area = shapes.areas[shape]
    out[0] = max(bare, 1) / visible
    out[1] = math.log(max(bare, 1))
    out[2] = visible / area
    out[3] = shapes.classes[shape]
    out[4] = white1 / visible
    out[5] = white1 == 0
    out[6] = white2 / visible
    out[7] = white2 == 0
    for k in range(_COSINES):
        out[8 + k] = math.cos((k + 1) * math.pi * (at_x + 0.5) / width)
    out[12] = scene.density1
    out[13] = scene.density2
    out[14:18] = 0.0
    for i in range(used):
        if not grains.there[i]:
            continue
        down, across = grains.placed[i, 1] - at_y, grains.placed[i, 2] - at_x
        if abs(across) <= 1 and abs(down) <= _STRIP * scene.diameter:
            out[17] += 1
        distance = math.sqrt(down * down + across * across) / scene.diameter
        for ring in range(3):
            if distance < _RINGS[ring]:
                out[14 + ring] += 1
                break
    out[18] = slot < scene.first
    out[FEATURES] = owed
    return bare


@kernel
def _logit(networks: Networks, which: int, features: NDArray[np.float64]) -> float:
    """Output of a network."""
    hidden = networks.w1.shape[1]
    first = np.empty(hidden)
    total: float = networks.b3[which]
    for i in range(hidden):
        z = networks.b1[which, i]
        for j in range(FEATURES):
            scaled = (features[j] - networks.mean[which, j]) / networks.scale[which, j]
            z += networks.w1[which, i, j] * scaled
        first[i] = z / (1 + math.exp(-z))
    for i in range(hidden):
        z = networks.b2[which, i]
        for j in range(hidden):
            z += networks.w2[which, i, j] * first[j]
        total += networks.w3[which, i] * z / (1 + math.exp(-z))
    return total


@kernel
def events(
    scene: Scene, kept: NDArray[np.bool_], new: Placed, dummies: Placed
) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.bool_]]:
    """What the networks learn from a configuration: each grain given all others, and dummies.

    Args:
        scene: the inputs.
        kept: which of the offered grains r has.
        new: the other grains of r, (n, 3).
        dummies: places where a grain might be, (m, 3).

    Returns:
        Features (k, FEATURES), which network each is for, and whether r has the grain. Grains that
        cover no bare pixel, or one that r must have, are left out.
    """
    offered, real = len(scene.offered), len(scene.offered) + len(new)
    grains = _empty(scene, real + 1)
    grains.placed[offered:real] = new
    for slot in range(real):
        if slot >= offered or kept[slot]:
            _change(grains, slot, scene.shapes, 1)
    total = real + len(dummies)
    features = np.empty((total, FEATURES), dtype=np.float32)
    which, is_there = np.empty(total, dtype=np.int8), np.empty(total, dtype=np.bool_)
    one, n = np.empty(FEATURES + 1), 0
    for i in range(total):
        slot = min(i, real)
        if i >= real:
            grains.placed[real] = dummies[i - real]
        there = grains.there[slot]
        if there:
            _change(grains, slot, scene.shapes, -1)
        if _features(grains, slot, real, scene, one) > 0 and one[FEATURES] == 0:
            features[n], is_there[n] = one[:FEATURES], there
            which[n] = NEW if i >= offered else KEPT
            n += 1
        if there:
            _change(grains, slot, scene.shapes, 1)
    return features[:n], which[:n], is_there[:n]


@kernel
def _any_shape(shapes: Shapes, rng: np.random.Generator) -> int:
    """A shape by the frequencies of shapes."""
    drawn: int = np.searchsorted(shapes.cumulative, rng.random() * shapes.cumulative[-1], "right")
    return min(drawn, len(shapes.cumulative) - 1)


@kernel
def scattered(n: int, height: int, width: int, shapes: Shapes, rng: np.random.Generator) -> Placed:
    """Grains at uniform places in the frame and as far beyond it as a grain reaches, (n, 3)."""
    placed = np.empty((n, 3), dtype=np.int32)
    for i in range(n):
        placed[i, 0] = _any_shape(shapes, rng)
        placed[i, 1] = int(rng.random() * (height + 2 * shapes.reach)) - shapes.reach
        placed[i, 2] = int(rng.random() * (width + 2 * shapes.reach)) - shapes.reach
    return placed


@kernel
def _is_moved(
    grains: _Grains, slot: int, black: NDArray[np.bool_], shapes: Shapes,
    old: NDArray[np.int32], rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Give a grain another shape next to its place if that leaves the image as it is.

    Args:
        grains: the configuration, changed if the answer is yes.
        slot: of the grain.
        black: the image.
        shapes: of grains.
        old: overwritten with the former placement.
        rng: of the image.
    """
    height, width = black.shape
    old[:] = grains.placed[slot]
    _change(grains, slot, shapes, -1)
    grains.placed[slot, 0] = _any_shape(shapes, rng)
    grains.placed[slot, 1] += int(rng.random() * 3) - 1
    grains.placed[slot, 2] += int(rng.random() * 3) - 1
    _change(grains, slot, shapes, 1)
    visible = _is_visible(grains.placed[slot], height, width, shapes)
    for r in range(max(old[1] - shapes.reach - 1, 0), min(old[1] + shapes.reach + 2, height)):
        for c in range(max(old[2] - shapes.reach - 1, 0), min(old[2] + shapes.reach + 2, width)):
            if not visible or (grains.times[r, c] > 0) != black[r, c]:
                _put_back(grains, slot, shapes, old)
                return False
    return True


@kernel
def _is_visible(one: NDArray[np.int32], height: int, width: int, shapes: Shapes) -> bool:
    """Whether a placement has a pixel in the frame."""
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[one[0], k]
        y, x = one[1] + row, one[2] + first
        if length > 0 and 0 <= y < height and x < width and x + length > 0:
            return True
    return False


@kernel
def _put_back(grains: _Grains, slot: int, shapes: Shapes, placed: NDArray[np.int32]) -> None:
    """Give a grain that is there another placement."""
    _change(grains, slot, shapes, -1)
    grains.placed[slot] = placed
    _change(grains, slot, shapes, 1)


@kernel
def moved(
    placed: Placed, first: int, height: int, width: int, shapes: Shapes, sweeps: int,
    rng: np.random.Generator,
) -> Placed:  # fmt: skip
    """Grains after moves that leave their union in the frame as it is; the first ones stay.

    The moves leave the law of the configuration as it is where the intensity is constant.
    """
    there = np.ones(len(placed), dtype=np.bool_)
    grains = _Grains(placed.copy(), there, np.zeros((height, width), dtype=np.int32))
    for slot in range(len(placed)):
        _change(grains, slot, shapes, 1)
    black = grains.times > 0
    old = np.empty(3, dtype=np.int32)
    for _ in range(sweeps):
        for slot in range(first, len(placed)):
            for _ in range(_MOVES):
                _is_moved(grains, slot, black, shapes, old, rng)
    return grains.placed


@kernel
def _draw_offered(
    grains: _Grains, used: int, scene: Scene, networks: Networks,
    features: NDArray[np.float64], bound: bool, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Draw every offered grain given all others."""
    for slot in range(len(scene.offered)):
        there = grains.there[slot]
        if there:
            _change(grains, slot, scene.shapes, -1)
        bare = _features(grains, slot, used, scene, features)
        if bare < 0:
            stays = False
        elif features[FEATURES] > 0:
            stays = True
        elif bound and bare > 0:
            stays = there
        else:
            odds = _logit(networks, KEPT, features)
            stays = rng.random() * (1 + math.exp(-odds)) < 1
        if stays:
            _change(grains, slot, scene.shapes, 1)


@kernel
def _propose(
    grains: _Grains, taken: NDArray[np.int64], spare: NDArray[np.int64], n: int, used: int,
    scene: Scene, networks: Networks, features: NDArray[np.float64], bound: bool,
    rng: np.random.Generator,
) -> tuple[int, int]:  # fmt: skip
    """Propose a birth or a death of a new grain.

    Args:
        grains: the configuration.
        taken: slots of the n new grains, at the beginning.
        spare: stack of the other slots.
        n: how many new grains there are.
        used: no slot from this one on was ever taken.
        scene: the inputs.
        networks: of the intensity.
        features: room for them.
        bound: see ``walked``.
        rng: of the image.

    Returns:
        n and ``used`` afterwards.
    """
    height, width = grains.times.shape
    shapes, most = scene.shapes, len(taken)
    places = (height + 2 * shapes.reach) * (width + 2 * shapes.reach)
    if rng.random() < 0.5:
        if n == most:
            return n, used
        slot = spare[most - n - 1]
        grains.placed[slot] = scattered(1, height, width, shapes, rng)[0]
        bare = _features(grains, slot, used, scene, features)
        if bare < 0 or (bound and bare > 0):
            return n, used
        rate = math.exp(_logit(networks, NEW, features)) * places
        if rng.random() * (n + 1) < rate:
            _change(grains, slot, shapes, 1)
            taken[n] = slot
            return n + 1, max(used, slot + 1)
    elif n:
        chosen = int(rng.random() * n)
        slot = taken[chosen]
        _change(grains, slot, shapes, -1)
        bare = _features(grains, slot, used, scene, features)
        if features[FEATURES] == 0 and not (bound and bare > 0):
            rate = math.exp(_logit(networks, NEW, features)) * places
            if rng.random() * rate < n:
                taken[chosen] = taken[n - 1]
                spare[most - n] = slot
                return n - 1, used
        _change(grains, slot, shapes, 1)
    return n, used


@kernel
def walked(
    scene: Scene, networks: Networks, kept: NDArray[np.bool_], new: Placed, sweeps: int,
    expected: int, rng: np.random.Generator, bound: bool,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Placed]:  # fmt: skip
    """A walk from one configuration to another whose law the networks give.

    In a sweep every offered grain is drawn anew given all others. Then births and deaths of other
    grains are proposed, twice as many as are expected or offered. A birth at a uniform place is
    accepted with probability min(1, λ·V/(n + 1)), a death with min(1, n/(λ·V)), V being the number
    of places. Bound to an image, grains are also given other shapes next to their places, as if λ
    did not depend on the shape or on so small a distance.

    Args:
        scene: the inputs.
        networks: of log λ per px², and of the log odds of offered grains.
        kept: which of the offered grains are there at first.
        new: the other grains at first, (n, 3).
        sweeps: of the walk.
        expected: other grains.
        rng: of the image.
        bound: whether the image must stay as it is: then only grains beneath others change.

    Returns:
        The image, (H, W), and the configuration: kept and new.
    """
    shapes, offered = scene.shapes, len(scene.offered)
    most = 4 * max(expected, len(new)) + 1024
    grains = _empty(scene, offered + most)
    spare = np.arange(offered + most - 1, offered - 1, -1)  # a stack of empty slots
    taken = np.empty(most, dtype=np.int64)  # the slots of new grains
    n, used = len(new), offered + len(new)
    for slot in range(used):
        if slot < offered:
            there = kept[slot]
        else:
            grains.placed[slot] = new[slot - offered]
            taken[slot - offered], there = slot, True
        if there:
            _change(grains, slot, shapes, 1)
    black = grains.times > 0
    features, old = np.empty(FEATURES + 1), np.empty(3, dtype=np.int32)
    for _ in range(sweeps):
        _draw_offered(grains, used, scene, networks, features, bound, rng)
        for _ in range(2 * max(expected, offered, 1)):
            n, used = _propose(
                grains, taken, spare, n, used, scene, networks, features, bound, rng
            )  # fmt: skip
        if bound:
            for j in range(n):
                for _ in range(_MOVES):
                    _is_moved(grains, taken[j], black, shapes, old, rng)
    if not bound:
        black = grains.times > 0
    return black, grains.there[:offered], grains.placed[taken[:n]]
