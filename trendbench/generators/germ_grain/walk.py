"""The conditional intensity of a grain given all others, and the walk that draws grains by it.

λ_k(u | X) is the intensity at u of grains of size and mark k, given the other grains X; the shape
has the frequency that it has among shapes of its size. It depends on X by places and marks, not by
pixels. Given an image, those configurations are possible whose grains with its bit in their marks
cover its black and no white. So the grains beneath others, which leave no trace in an image, have
the law of all others.

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
    DENSITY2,
    FEATURES,
    INNER,
    LEFT,
    MARKS,
    PLACE,
    RIGHT,
    RINGS,
    STRIPS,
    Law,
    Marked,
    Placed,
    Scene,
    Shapes,
)

_MOVES = 4  # tried of each grain in a sweep
_BESIDE = 0.25  # of all births are proposed next to a grain
_RADII = (0.5, 1.0, 2.0)  # diameters, around one of 1.5 px; the last is the side of a cell
_STRIP = 4.0  # diameters to each side along y of a strip of 3 px along x: two cells
_BESIDE_PX = 1.5
_EDGE = 2  # columns to each side of a border that features tell apart


class _Grains(NamedTuple):
    """The n grains of a configuration and as many empty slots as may be needed.

    Attributes:
        placed: shape, row, column and mark, (slots, 4); the mark of an empty slot is 0, and in a
            walk the last one stays empty.
        times: grains that cover each pixel of s1, r and s2, (3, H, W).
        side: of the square cells into which grains are sorted [px].
        first: a slot of each cell, (rows, columns), and following: the next one after each slot,
            (slots,); −1 where there is none.
    """

    placed: Marked
    times: NDArray[np.int32]
    side: int
    first: NDArray[np.int32]
    following: NDArray[np.int32]


class _Room(NamedTuple):
    """Room for what is computed over and over.

    moved is a grain, (4,); rates has λ of each mark, (MARKS + 1,). Then come the features,
    (FEATURES,), the layers and their sums, (h,).
    w1 and w2 are the weights of the law, their columns in rows. by_place has λ_k of each column of
    an anchor, from −reach on, (W + 2·reach, K); no rows if λ depends on other grains.
    """

    moved: NDArray[np.int32]
    rates: NDArray[np.float64]
    features: NDArray[np.float64]
    first: NDArray[np.float64]
    hidden: NDArray[np.float64]
    sums: NDArray[np.float64]
    w1: NDArray[np.float64]
    w2: NDArray[np.float64]
    by_place: NDArray[np.float64]


@kernel
def _configuration(scene: Scene, placed: Marked, slots: int) -> _Grains:
    """Grains in the first of so many slots, (n, 4)."""
    _, height, width = scene.runs.shape
    side, reach = int(_RADII[2] * scene.diameter) + 1, scene.shapes.reach
    cells = (height + 2 * reach) // side + 1, (width + 2 * reach) // side + 1
    grains = _Grains(
        np.zeros((slots, 4), dtype=np.int32), np.zeros(scene.runs.shape, dtype=np.int32), side,
        np.full(cells, -1, dtype=np.int32), np.full(slots, -1, dtype=np.int32),
    )  # fmt: skip
    for slot in range(len(placed)):
        grains.placed[slot] = placed[slot]
        _count(grains, placed[slot], scene.shapes, 1)
        _enter(grains, slot, scene.shapes)
    return grains


@kernel
def _cell(grains: _Grains, one: NDArray[np.int32], shapes: Shapes) -> tuple[int, int]:
    """Row and column of the cell of a grain."""
    return (one[1] + shapes.reach) // grains.side, (one[2] + shapes.reach) // grains.side


@kernel
def _enter(grains: _Grains, slot: int, shapes: Shapes) -> None:
    """Sort a grain into its cell."""
    row, column = _cell(grains, grains.placed[slot], shapes)
    grains.following[slot] = grains.first[row, column]
    grains.first[row, column] = slot


@kernel
def _leave(grains: _Grains, slot: int, shapes: Shapes) -> None:
    """Take a grain out of its cell."""
    row, column = _cell(grains, grains.placed[slot], shapes)
    at = grains.first[row, column]
    if at == slot:
        grains.first[row, column] = grains.following[slot]
        return
    while grains.following[at] != slot:
        at = grains.following[at]
    grains.following[at] = grains.following[slot]


@kernel
def _count(grains: _Grains, one: NDArray[np.int32], shapes: Shapes, by: int) -> None:
    """Add ``by`` to the pixels that a grain covers in the images that have it."""
    _, height, width = grains.times.shape
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[one[0], k]
        y, x = one[1] + row, one[2] + first
        if length > 0 and 0 <= y < height:
            for image in range(3):
                if one[3] >> image & 1:
                    for c in range(max(x, 0), min(x + length, width)):
                        grains.times[image, y, c] += by


@kernel
def _fits(scene: Scene, one: NDArray[np.int32]) -> bool:
    """Whether a grain has pixels in the frame, none of them white in an image of its mark."""
    shapes = scene.shapes
    _, height, width = scene.runs.shape
    visible = False
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[one[0], k]
        y, x = one[1] + row, one[2] + first
        begin, end = max(x, 0), min(x + length, width)
        if 0 <= y < height and begin < end:
            visible = True
            for image in range(3):
                if one[3] >> image & 1 and scene.runs[image, y, end - 1] < end - begin:
                    return False
    return visible


@kernel
def _barred(scene: Scene, one: NDArray[np.int32]) -> int:
    """Bits of the given images in which a grain has a white pixel."""
    shapes = scene.shapes
    _, height, width = scene.runs.shape
    barred = 0
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[one[0], k]
        y, x = one[1] + row, one[2] + first
        begin, end = max(x, 0), min(x + length, width)
        if 0 <= y < height and begin < end:
            for image in range(3):
                barred |= (scene.runs[image, y, end - 1] < end - begin) << image
    return barred


@kernel
def _needed(grains: _Grains, scene: Scene, old: NDArray[np.int32], new: NDArray[np.int32]) -> int:
    """Bits of the given images in which a grain alone covers a pixel that a new one does not.

    Args:
        grains: the configuration.
        scene: the images.
        old: the grain.
        new: the one that may take its place, of the same mark; of mark 0 it covers nothing.
    """
    shapes = scene.shapes
    _, height, width = scene.runs.shape
    side = shapes.masks.shape[1]
    asked, needed = 0, 0
    for image in range(3):
        asked |= (scene.bound[image] and old[3] >> image & 1) << image
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[old[0], k]
        y, x = old[1] + row, old[2] + first
        if length > 0 and 0 <= y < height:
            down = y - new[1] + shapes.reach
            across = shapes.reach - new[2]
            for image in range(3):
                if (asked & ~needed) >> image & 1:
                    for c in range(max(x, 0), min(x + length, width)):
                        if grains.times[image, y, c] == 1 and not (
                            new[3] > 0 and 0 <= down < side and 0 <= c + across < side
                            and shapes.masks[new[0], down, c + across]
                        ):  # fmt: skip
                            needed |= 1 << image
                            break
            if needed == asked:
                break
    return needed


@kernel
def _place(scene: Scene, x: int, out: NDArray[np.float64]) -> None:
    """Features of a place in column x without other grains, into ``out``, (FEATURES,)."""
    width = scene.runs.shape[2]
    out[0] = (2 * x + 1) / width - 1
    out[1] = max(-_EDGE, min(x, _EDGE))
    out[2] = max(-_EDGE, min(width - 1 - x, _EDGE))
    out[3] = _signed_log(x + 0.5)
    out[4] = _signed_log(width - x - 0.5)
    out[5] = scene.density1
    out[DENSITY2] = scene.density2
    out[7] = scene.surplus
    out[PLACE:] = 0.0


@kernel
def _features(
    grains: _Grains, one: NDArray[np.int32], but: int, scene: Scene, out: NDArray[np.float64]
) -> None:
    """Features of a place given the grains but one.

    Args:
        grains: the configuration.
        one: a grain at the place.
        but: the slot that is left out; −1 for none.
        scene: the images.
        out: overwritten, (FEATURES,).
    """
    y, x = one[1], one[2]
    _place(scene, x, out)
    row, column = _cell(grains, one, scene.shapes)
    radii = int((_RADII[0] * scene.diameter) ** 2), int((_RADII[1] * scene.diameter) ** 2)
    furthest, strip = int((_RADII[2] * scene.diameter) ** 2), int(_STRIP * scene.diameter)
    for r in range(max(row - 2, 0), min(row + 3, grains.first.shape[0])):
        for c in range(max(column - 1, 0), min(column + 2, grains.first.shape[1])):
            i = grains.first[r, c]
            while i >= 0:
                down, across = abs(grains.placed[i, 1] - y), abs(grains.placed[i, 2] - x)
                square = down * down + across * across
                if (square <= furthest or (across <= 1 and down <= strip)) and i != but:
                    ring = 0
                    if square > _BESIDE_PX**2:
                        ring = 1 + (square > radii[0]) + (square > radii[1]) + (square > furthest)
                    mark = grains.placed[i, 3]
                    for image in range(3):
                        if mark >> image & 1:
                            if ring < 4:
                                out[RINGS + 4 * image + ring] += 1
                            out[STRIPS + image] += across <= 1 and down <= strip
                i = grains.following[i]


@kernel
def _beside(grains: _Grains, one: NDArray[np.int32], but: int, shapes: Shapes) -> int:
    """Grains but one whose anchors are no further than a row and a column from that of a grain."""
    top, left = one[1] + shapes.reach - 1, one[2] + shapes.reach - 1
    rows, columns = grains.first.shape
    beside = 0
    for r in range(max(top // grains.side, 0), min((top + 2) // grains.side + 1, rows)):
        for c in range(max(left // grains.side, 0), min((left + 2) // grains.side + 1, columns)):
            i = grains.first[r, c]
            while i >= 0:
                down, across = grains.placed[i, 1] - one[1], grains.placed[i, 2] - one[2]
                beside += i != but and abs(down) <= 1 and abs(across) <= 1
                i = grains.following[i]
    return beside


@kernel
def _signed_log(distance: float) -> float:
    """The logarithm of 1 + twice a distance, with its sign."""
    return math.copysign(math.log(1 + 2 * abs(distance)), distance)


@kernel
def _hidden(law: Law, room: _Room) -> None:
    """The network's second layer for the features in the room, into the room.

    Inner loops run over units. Each sum keeps the order of its weights.
    """
    features, out, first, z = room.features, room.hidden, room.first, room.sums
    hidden = len(out)
    for i in range(hidden):
        z[i] = law.b1[i]
    for j in range(FEATURES):
        moved, scale = features[j] - law.mean[j], law.scale[j]
        for i in range(hidden):
            z[i] += room.w1[j, i] * moved / scale
    for i in range(hidden):
        first[i] = z[i] / (1 + math.exp(-z[i]))
    for i in range(hidden):
        z[i] = law.b2[i]
    for j in range(hidden):
        for i in range(hidden):
            z[i] += room.w2[j, i] * first[j]
    for i in range(hidden):
        out[i] = z[i] / (1 + math.exp(-z[i]))


@kernel
def _zone(x: int, width: int) -> int:
    """Zone of a column."""
    if x < 0:
        return LEFT
    return RIGHT if x >= width else INNER


@kernel
def _exit(law: Law, scene: Scene, hidden: NDArray[np.float64], x: int, k: int) -> float:
    """λ of grains of size and mark k per px² in column x; 0 where none occur."""
    if law.shares[_zone(x, scene.runs.shape[2]), k] == 0:
        return 0.0
    z = scene.density2 + law.b3[k]
    for i in range(len(hidden)):
        z += law.w3[k, i] * hidden[i]
    return math.exp(z)


@kernel
def is_by_place(law: Law) -> bool:
    """Whether λ depends on no other grain."""
    return not law.w1[:, PLACE:].any()


@kernel
def intensities(scene: Scene, law: Law) -> NDArray[np.float64]:
    """λ_k per px² of each column of an anchor, from −reach on, (W + 2·reach, K).

    It has no rows if λ depends on other grains.
    """
    return _room(scene, law).by_place


@kernel
def _room(scene: Scene, law: Law) -> _Room:
    """Room for a walk, with the table of λ by place."""
    columns = scene.runs.shape[2] + 2 * scene.shapes.reach if is_by_place(law) else 0
    hidden = len(law.b1)
    room = _Room(
        np.empty(4, dtype=np.int32), np.empty(MARKS + 1), np.empty(FEATURES), np.empty(hidden),
        np.empty(hidden), np.empty(hidden), np.ascontiguousarray(law.w1.T),
        np.ascontiguousarray(law.w2.T), np.empty((columns, len(law.b3))),
    )  # fmt: skip
    for i in range(columns):
        x = i - scene.shapes.reach
        _place(scene, x, room.features)
        _hidden(law, room)
        for k in range(room.by_place.shape[1]):
            room.by_place[i, k] = _exit(law, scene, room.hidden, x, k)
    return room


@kernel
def _look(
    grains: _Grains, one: NDArray[np.int32], but: int, scene: Scene, law: Law, room: _Room
) -> None:
    """Prepare ``_intensity`` of grains at a place given all but the slot ``but``."""
    if len(room.by_place) == 0:
        _features(grains, one, but, scene, room.features)
        _hidden(law, room)


@kernel
def _intensity(law: Law, scene: Scene, room: _Room, x: int, k: int) -> float:
    """λ of grains of size and mark k per px² at the place last looked at, in column x."""
    if len(room.by_place) > 0:
        rate: float = room.by_place[x + scene.shapes.reach, k]
        return rate
    return _exit(law, scene, room.hidden, x, k)


@kernel
def _kind(one: NDArray[np.int32], shapes: Shapes) -> int:
    """Number k of the size and mark of a grain."""
    k: int = MARKS * shapes.classes[one[0]] + one[3] - 1
    return k


@kernel
def _rate(
    grains: _Grains, one: NDArray[np.int32], but: int, scene: Scene, law: Law, room: _Room
) -> float:
    """λ of a grain given all but the slot ``but``."""
    _look(grains, one, but, scene, law, room)
    return _intensity(law, scene, room, one[2], _kind(one, scene.shapes))


@kernel
def events(
    scene: Scene, placed: Marked, dummies: Placed
) -> tuple[NDArray[np.float32], NDArray[np.int16], NDArray[np.int16]]:
    """What the network learns from a configuration: each grain given all others, and dummies.

    Returns:
        Features (n, FEATURES), sizes and marks, (n,), the mark of a dummy being 0. Dummies without
        a pixel in the frame are left out.
    """
    total = len(placed) + len(dummies)
    grains = _configuration(scene, placed, len(placed))
    features = np.empty((total, FEATURES), dtype=np.float32)
    sizes, marks = np.empty(total, dtype=np.int16), np.empty(total, dtype=np.int16)
    one, dummy = np.empty(FEATURES), np.zeros(4, dtype=np.int32)
    n = 0
    for i in range(len(placed)):
        _features(grains, placed[i], i, scene, one)
        features[n] = one
        sizes[n], marks[n] = scene.shapes.classes[placed[i, 0]], placed[i, 3]
        n += 1
    for i in range(len(dummies)):
        dummy[:3] = dummies[i]
        if _fits(scene, dummy):
            _features(grains, dummy, -1, scene, one)
            features[n] = one
            sizes[n], marks[n] = scene.shapes.classes[dummy[0]], 0
            n += 1
    return features[:n], sizes[:n], marks[:n]


@kernel
def _drawn(cumulative: NDArray[np.float64], begin: int, end: int, rng: np.random.Generator) -> int:
    """One of the numbers from begin to end by their frequencies, given the running sum of all."""
    below = cumulative[begin - 1] if begin > 0 else 0.0
    drawn = below + rng.random() * (cumulative[end - 1] - below)
    found: int = np.searchsorted(cumulative, drawn, "right")
    return min(max(found, begin), end - 1)


@kernel
def _any_shape(shapes: Shapes, size: int, rng: np.random.Generator) -> int:
    """A shape of one size by the frequencies of shapes; of any size for −1."""
    if size < 0:
        return _drawn(shapes.cumulative, 0, len(shapes.classes), rng)
    begin = int(np.searchsorted(shapes.classes, size))
    end = int(np.searchsorted(shapes.classes, size, "right"))
    return _drawn(shapes.cumulative, begin, end, rng)


@kernel
def scattered(n: int, height: int, width: int, shapes: Shapes, rng: np.random.Generator) -> Placed:
    """Grains at uniform places in the frame and as far beyond it as a grain reaches, (n, 3).

    One lies in each of n strips along y of equal width, so that their density along x is even.
    """
    placed = np.empty((n, 3), dtype=np.int32)
    for i in range(n):
        placed[i, 0] = _any_shape(shapes, -1, rng)
        placed[i, 1] = int(rng.random() * (height + 2 * shapes.reach)) - shapes.reach
        placed[i, 2] = int((i + rng.random()) / n * (width + 2 * shapes.reach)) - shapes.reach
    return placed


@kernel
def _move(
    grains: _Grains, slot: int, scene: Scene, law: Law, room: _Room,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Propose one of the nearest shapes for a grain, at most a pixel away."""
    shapes = scene.shapes
    old, new = grains.placed[slot], room.moved
    degree = shapes.near_starts[old[0] + 1] - shapes.near_starts[old[0]]
    if degree == 0:
        return
    near = shapes.near[shapes.near_starts[old[0]] + int(rng.random() * degree)]
    new[0], new[1], new[2], new[3] = near[0], old[1] + near[1], old[2] + near[2], old[3]
    if not _fits(scene, new) or _needed(grains, scene, old, new) > 0:
        return
    before = _rate(grains, old, slot, scene, law, room) * shapes.weights[old[0]] / degree
    degree = shapes.near_starts[new[0] + 1] - shapes.near_starts[new[0]]
    after = _rate(grains, new, slot, scene, law, room) * shapes.weights[new[0]] / degree
    if rng.random() * before >= after:
        return
    _count(grains, old, shapes, -1)
    _count(grains, new, shapes, 1)
    _leave(grains, slot, shapes)
    grains.placed[slot] = new
    _enter(grains, slot, shapes)


@kernel
def _may_have(old: int, new: int, barred: int, needed: int) -> bool:
    """Whether a grain may have another mark, see ``_barred`` and ``_needed``."""
    return (old & ~new & needed) == 0 and (new & ~old & barred) == 0


@kernel
def _mark(
    grains: _Grains, slot: int, scene: Scene, law: Law, room: _Room,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Draw the mark of a grain given all else: which images have it."""
    one = grains.placed[slot]
    barred, needed = _barred(scene, one), _needed(grains, scene, one, grains.placed[-1])
    size = MARKS * scene.shapes.classes[one[0]]
    shares = law.shares[_zone(one[2], scene.runs.shape[2])]
    possible = 0
    for mark in range(1, MARKS + 1):
        possible += shares[size + mark - 1] > 0 and _may_have(one[3], mark, barred, needed)
    if possible == (shares[size + one[3] - 1] > 0):  # no mark but its own
        if possible:
            rng.random()  # as with a choice: stored images were drawn so
        return
    _look(grains, one, slot, scene, law, room)
    rates = room.rates
    rates[:] = 0
    for mark in range(1, MARKS + 1):
        if _may_have(one[3], mark, barred, needed):
            rates[mark] = _intensity(law, scene, room, one[2], size + mark - 1)
    total = rates.sum()
    if total == 0:
        return
    drawn, mark = rng.random() * total - rates[1], 1
    while drawn >= 0 and mark < MARKS:
        mark += 1
        drawn -= rates[mark]
    if rates[mark] > 0 and mark != one[3]:
        _count(grains, one, scene.shapes, -1)
        one[3] = mark
        _count(grains, one, scene.shapes, 1)


@kernel
def _is_born(
    grains: _Grains, n: int, cumulative: NDArray[np.float64], scene: Scene, law: Law,
    room: _Room, rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Propose a birth in the slot after the n grains: at a uniform place, or next to a grain."""
    shapes = scene.shapes
    _, height, width = grains.times.shape
    places = (height + 2 * shapes.reach) * (width + 2 * shapes.reach)
    one = grains.placed[n]
    if rng.random() >= _BESIDE:
        one[1] = int(rng.random() * (height + 2 * shapes.reach)) - shapes.reach
        one[2] = int(rng.random() * (width + 2 * shapes.reach)) - shapes.reach
    elif n == 0:
        return False
    else:
        other = grains.placed[int(rng.random() * n)]
        one[1] = other[1] + int(rng.random() * 3) - 1
        one[2] = other[2] + int(rng.random() * 3) - 1
    zone = _zone(one[2], width)
    k = _drawn(cumulative[zone], 0, cumulative.shape[1], rng)
    one[0] = _any_shape(shapes, k // MARKS, rng)
    one[3] = k % MARKS + 1
    if _fits(scene, one):
        rate = _rate(grains, one, -1, scene, law, room)
        proposed = _proposed(_beside(grains, one, -1, shapes), n, places) * law.shares[zone, k]
        if rng.random() * proposed * (n + 1) < rate:
            _count(grains, one, shapes, 1)
            _enter(grains, n, shapes)
            return True
    one[3] = 0
    return False


@kernel
def _proposed(near: int, n: int, places: int) -> float:
    """Probability that a birth among n grains is proposed at a place next to so many of them."""
    return (1 - _BESIDE) / places + (_BESIDE * near / (9 * n) if n > 0 else 0.0)


@kernel
def _is_dead(
    grains: _Grains, n: int, scene: Scene, law: Law, room: _Room,
    rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Propose the death of one of the n grains; the last one takes its slot."""
    shapes = scene.shapes
    _, height, width = grains.times.shape
    places = (height + 2 * shapes.reach) * (width + 2 * shapes.reach)
    slot = int(rng.random() * n)
    one = grains.placed[slot]
    if _needed(grains, scene, one, grains.placed[-1]) > 0:
        return False
    rate = _rate(grains, one, slot, scene, law, room)
    near = _beside(grains, one, slot, shapes)
    share = law.shares[_zone(one[2], width), _kind(one, shapes)]
    if rate > 0 and rng.random() * rate >= _proposed(near, n - 1, places) * share * n:
        return False
    _count(grains, one, shapes, -1)
    _leave(grains, slot, shapes)
    if slot < n - 1:
        _leave(grains, n - 1, shapes)
        grains.placed[slot] = grains.placed[n - 1]
        _enter(grains, slot, shapes)
    grains.placed[n - 1, 3] = 0
    return True


@kernel
def walked(
    scene: Scene, law: Law, placed: Marked, sweeps: int, expected: int, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], Marked]:
    """A walk over configurations whose law has the conditional intensity, if there is such a law.

    A sweep draws the mark of every grain given all else, proposes two births or deaths and four
    moves for each grain of the beginning or expected. Every step leaves the law given the images as
    it is.

    Args:
        scene: the images that are given, and those that are not.
        law: of the grains.
        placed: grains at first, each with a pixel in the frame, (n, 4). Their union in the images
            given stays.
        sweeps: of the walk.
        expected: further grains.
        rng: of the image.

    Returns:
        r, (H, W), and the configuration at the end.
    """
    n, tried = len(placed), max(len(placed) + expected, 1)
    most = 4 * tried + 1024
    grains = _configuration(scene, placed, most + 1)
    room = _room(scene, law)
    cumulative = law.shares.copy()
    for k in range(1, cumulative.shape[1]):
        cumulative[:, k] += cumulative[:, k - 1]
    for _ in range(sweeps):
        for slot in range(n):
            _mark(grains, slot, scene, law, room, rng)
        for _ in range(2 * tried):
            if rng.random() < 0.5:
                if n < most:
                    n += _is_born(grains, n, cumulative, scene, law, room, rng)
            elif n > 0:
                n -= _is_dead(grains, n, scene, law, room, rng)
        if n > 0:
            for _ in range(_MOVES * tried):
                slot = int(rng.random() * n)
                _move(grains, slot, scene, law, room, rng)
    return grains.times[1] > 0, grains.placed[:n].copy()
