"""The shapes of grains, found among the pieces of black that touch nothing else.

A grain of one size has several shapes in pixels, one for each way in which it can lie on the grid.
Most of them occur alone in some training image. Clusters of grains occur alone too; a cluster is
told by how rarely one shape of it occurs twice.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import poisson

from trendbench.errors import RecipeError
from trendbench.generators.germ_grain.cover import paint, placements
from trendbench.generators.germ_grain.model import Shapes
from trendbench.progress import Bar, bar

_LEAST = 5  # times that a shape must occur, turned and mirrored ones taken together
_LARGEST = 64  # px, the longest side of a piece that is looked at
_SHARE = 0.05  # of all pieces must be single grains
_APART = 1.5  # ratio of areas between one size of grains and the next
_FEW = 3  # smaller grains of which a piece may be a union
_TIMES = 3  # the mean λ, as λ changes from place to place
_UNLIKELY = 1e-7  # a probability, as so many pieces are tested
_MOST_LOG = 500.0  # of a factor, far from overflow
_NEAR = 24  # shapes next to a shape
MOST_SHAPES = 1 << 12  # with turns and mirror images
_NO_SHAPE = np.empty((0, 3), dtype=np.int32)
_NEIGHBOURS = np.ones((3, 3), dtype=int)

Mask = NDArray[np.bool_]
Pieces = Counter[tuple[tuple[int, ...], bytes]]


def pieces_of(triplets: Iterable[Sequence[Mask]]) -> tuple[Pieces, float]:
    """How often each piece occurs, by the first of its turns and mirror images; −log(white).

    A piece is black that is connected by eight neighbours and does not touch the border. One that
    images of a triplet share is counted once. Turned and mirrored, a grain stays a grain.

    Args:
        triplets: black of s1, s2 and r.
    """
    counts: Pieces = Counter()
    white, pixels = 0, 0
    for images in triplets:
        found = set()
        for black in images:
            white, pixels = white + int(np.count_nonzero(~black)), pixels + black.size
            labels, _ = ndimage.label(black, _NEIGHBOURS)
            height, width = black.shape
            for label, (y, x) in enumerate(ndimage.find_objects(labels), 1):
                inside = y.start > 0 and x.start > 0 and y.stop < height and x.stop < width
                if inside and max(y.stop - y.start, x.stop - x.start) <= _LARGEST:
                    found.add((y.start, x.start, _key(labels[y, x] == label)))
        counts.update(key for _, _, key in found)
    merged: Pieces = Counter()
    for key, n in counts.items():
        merged[min(map(_key, _turns(_mask(key))))] += n
    return merged, math.log(pixels / max(white, 1)) if pixels else 0.0


def found_shapes(pieces: Pieces, thickness: float, bar: Bar = bar) -> list[tuple[Mask, int]]:
    """The shapes of single grains and how often each was seen alone, the smallest first.

    Pieces seen five times or more are grains, but for unions of two or three smaller ones that are
    not seen more often than chance shows them. Chance hardly puts four grains alike five times.

    Args:
        pieces: how often each occurs, see ``pieces_of``.
        thickness: −log(share of white).
        bar: for the progress.

    Raises:
        RecipeError: pieces are hardly ever single grains.
    """
    seen = [(_mask(key), n) for key, n in pieces.items() if n >= _LEAST]
    seen.sort(key=lambda piece: (np.count_nonzero(piece[0]), piece[0].shape, piece[0].tobytes()))
    total = sum(n for _, n in seen)
    single: list[tuple[Mask, int]] = []
    with bar("shapes, tested", len(seen), "pieces") as progress:
        for _, of_area in groupby(seen, lambda piece: int(np.count_nonzero(piece[0]))):
            smaller = shapes_of(single, framed=False) if single else None
            found = sum(n for _, n in single)
            for mask, n in of_area:
                if smaller is None or not _is_chance(mask, n, smaller, found, total, thickness):
                    single.append((mask, n))
                progress.advance(1)
    if sum(n for _, n in single) < max(_SHARE * pieces.total(), 1):
        raise RecipeError(
            "the black of these images is not made of grains: hardly any piece of it occurs alone "
            f"{_LEAST} times; `trendbench run --arch flow` needs no grains"
        )
    return single


def shapes_of(single: list[tuple[Mask, int]], *, framed: bool = True) -> Shapes:
    """Shapes with their turns and mirror images, the largest first.

    Args:
        single: shapes, and how often each was seen with its turns and mirror images.
        framed: whether placements that a frame cuts are asked for.
    """
    counted: dict[tuple[tuple[int, ...], bytes], float] = {}
    for mask, n in single:
        keys = {_key(turned) for turned in _turns(mask)}
        counted |= dict.fromkeys(keys, n / len(keys))
    keys_in_order = sorted(counted, key=lambda key: (-key[1].count(1), -counted[key], key))
    masks = [_mask(key) for key in keys_in_order]
    anchors = [tuple(int(at.mean() + 0.5) for at in mask.nonzero()) for mask in masks]
    reach = max(
        max(y, x, mask.shape[0] - 1 - y, mask.shape[1] - 1 - x)
        for mask, (y, x) in zip(masks, anchors, strict=True)
    )
    squares = np.zeros((len(masks), 2 * reach + 1, 2 * reach + 1), dtype=bool)
    for square, mask, (y, x) in zip(squares, masks, anchors, strict=True):
        top, left = reach - y, reach - x
        square[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    counts = np.array([counted[key] for key in keys_in_order])
    return stored_shapes(squares, counts / counts.sum(), framed=framed)


def stored_shapes(
    masks: NDArray[np.bool_], weights: NDArray[np.float64], *, framed: bool = True
) -> Shapes:
    """Shapes from their masks around their anchors, the largest first.

    Args:
        masks: (G, 2·reach + 1, 2·reach + 1).
        weights: relative frequency of each, (G,).
        framed: whether placements that a frame cuts are asked for.
    """
    runs = _runs(masks)
    areas = np.count_nonzero(masks, axis=(1, 2)).astype(np.int32)
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    inside = flat @ flat.T >= areas[:, None]
    np.fill_diagonal(inside, False)
    classes = np.cumsum(np.r_[False, areas[:-1] > _APART * areas[1:]]).astype(np.int32)
    shared = [masks[classes == size].all(axis=0) for size in range(classes[-1] + 1)]
    cores = _runs(np.array(shared))
    cut = _where_cut(masks, framed)
    near = _nearest(masks, classes) if framed else (np.zeros(1, dtype=np.int64), _NO_SHAPE)
    reach = masks.shape[1] // 2
    return Shapes(
        masks, runs, cores, areas, weights, np.cumsum(weights), reach, inside, classes, *cut, *near
    )


def must_hold(shapes: Shapes, height: int, width: int) -> None:
    """Refuse more shapes than a file may hold, and a frame that a grain could leave on two sides.

    Raises:
        RecipeError: too many shapes, or too small a frame.
    """
    if len(shapes.areas) > MOST_SHAPES:
        raise RecipeError(
            f"{len(shapes.areas)} shapes of grains, turned and mirrored ones counted apart: "
            f"at most {MOST_SHAPES} can be; take the row flow, which needs no grains"
        )
    least = 2 * shapes.reach + 1
    if min(height, width) < least:
        raise RecipeError(
            f"grains reach over {least} px, and {width}×{height} px is too small a frame for them"
        )


def _nearest(
    masks: NDArray[np.bool_], classes: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """For each shape those of its size, moved by at most a pixel, that differ least from it.

    So many pixels may differ that half of the shapes have 24 others or more. The relation is
    symmetric.

    Args:
        masks: the shapes around their anchors, (G, side, side).
        classes: number of the size of each, (G,).

    Returns:
        Where the others of each shape begin in the second array, (G + 1,), and (shape, rows,
        columns) of each of them.
    """
    framed = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    moves = np.array([(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)])
    moved = np.stack([np.roll(framed, move, axis=(1, 2)) for move in moves])
    others = moved.reshape(*moved.shape[:2], -1).astype(np.float32)
    areas = np.count_nonzero(masks, axis=(1, 2))
    itself = int(np.flatnonzero(~moves.any(axis=1))[0])

    def differing(g: int) -> NDArray[np.float64]:
        pixels = areas[g] + areas - 2.0 * (others @ others[itself, g])
        pixels[:, classes != classes[g]] = np.inf
        pixels[itself, g] = np.inf
        return np.asarray(pixels)

    rank = min(_NEAR, len(moves) * len(masks)) - 1
    ranked = [np.partition(differing(g), rank, axis=None)[rank] for g in range(len(masks))]
    most = min(float(np.median(ranked)), masks[0].size)
    near = []
    for g in range(len(masks)):
        by, to = np.nonzero(differing(g) <= int(most))
        near.append(np.column_stack([to, moves[by]]).astype(np.int32))
    starts = np.cumsum([0, *map(len, near)])
    return starts, np.concatenate(near)


def _runs(masks: Mask) -> NDArray[np.int32]:
    """(row, first column, length) of the runs of black relative to the middle of each mask.

    From the middle row outwards, with runs of length 0 at the end, (G, m, 3).
    """
    middle = masks.shape[1] // 2
    changes = np.diff(masks.astype(np.int8), axis=2, prepend=0, append=0)
    shape, row, first = (changes == 1).nonzero()
    length = (changes == -1).nonzero()[2] - first
    order = np.lexsort([first, row, abs(row - middle), shape])
    number = np.arange(len(shape)) - np.searchsorted(shape, shape)
    runs = np.zeros((len(masks), max(1, *np.bincount(shape, minlength=1)), 3), dtype=np.int32)
    runs[shape, number] = np.column_stack([row - middle, first - middle, length])[order]
    return runs


def _where_cut(
    squares: NDArray[np.bool_], framed: bool
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The first of the shapes that look alike for each place of an anchor at the border.

    Along an axis of m pixels a place is p = 0 … 4·reach: an anchor at p − reach for p < 2·reach,
    one clear of both borders for p = 2·reach, and one at m − 1 + p − 3·reach for greater p.

    Args:
        squares: the shapes around their anchors, (G, 2·reach + 1, 2·reach + 1).
        framed: whether placements that a frame cuts are asked for; if not there are none.

    Returns:
        Where the shapes of place (p in y, p in x) begin in the second array, and their numbers.
    """
    side = squares.shape[1]
    reach = side // 2

    def seen(place: int) -> slice:
        if place < 2 * reach:
            return slice(max(0, 2 * reach - place), side)
        return slice(0, side if place == 2 * reach else side - (place - 2 * reach))

    places = 4 * reach + 1
    if not framed:
        clear = np.arange(places**2 + 1) > places**2 // 2
        return clear * len(squares), np.arange(len(squares), dtype=np.int32)
    starts, ids = [0], []
    for down in range(places):
        for across in range(places):
            cut = squares[:, seen(down), seen(across)].reshape(len(squares), -1)
            _, first = np.unique(np.packbits(cut, axis=1), axis=0, return_index=True)
            ids.append(np.sort(first[cut[first].any(axis=1)]).astype(np.int32))
            starts.append(starts[-1] + len(ids[-1]))
    return np.array(starts), np.concatenate(ids)


def _is_chance(
    piece: Mask, n: int, smaller: Shapes, found: int, total: int, thickness: float
) -> bool:
    """Whether chance may show a piece n times, turned and mirrored ones taken together.

    It is chance if a Poisson number of mean N·t·Σ is n or more with a probability above 10⁻⁷, with
    t ways to turn the piece and Σ of ``chances``, λ being three times that of all images.

    Args:
        piece: what was seen.
        n: how often.
        smaller: shapes of grains with fewer pixels.
        found: pieces that are such grains.
        total: N, pieces that are grains or are seen as often.
        thickness: −log(white) of all images, which over the mean area of smaller grains is λ.
    """
    if _FEW * smaller.areas.max() < np.count_nonzero(piece):
        return False
    sets, weights = _sets(piece, smaller)
    if not sets.any(axis=0).all():
        return False
    intensity = _TIMES * thickness / float(smaller.areas @ smaller.weights)
    times = total * len({_key(turned) for turned in _turns(piece)})
    return any(
        poisson.sf(n - 1, times * expected) > _UNLIKELY
        for expected in chances(sets, weights * found / total, intensity)
    )


def chances(sets: Mask, shares: NDArray[np.float64], intensity: float) -> Iterator[float]:
    """(λ·Σ u_a·u_b + λ²·Σ u_a·u_b·u_c)·exp(λ·Σ u_d) over pairs and triples that cover all pixels.

    A grain has another one at a given place beside it λ·u times, u being the share of the other's
    shape. Any number of further grains d may lie in the piece. A triple counts once for each of
    its sets that cover the pixel which the fewest cover, so the sum is an upper bound.

    Args:
        sets: pixels of a piece in each placement, (n, pixels).
        shares: u of each one, (n,).
        intensity: λ [per px²].

    Yields:
        The sum over pairs, and then the sum with the triples of more and more first sets.
    """
    pairs, first = _pairs(sets, shares, np.ones(sets.shape[1], dtype=bool))
    further = math.exp(min(intensity * float(shares.sum()), _MOST_LOG))
    expected = further * intensity * pairs
    yield expected
    for i in first[np.argsort(-shares[first], kind="stable")]:
        expected += further * intensity**2 * float(shares[i]) * _pairs(sets, shares, ~sets[i])[0]
        yield expected


def _pairs(sets: Mask, shares: NDArray[np.float64], bare: Mask) -> tuple[float, NDArray[np.intp]]:
    """Σ u_a·u_b over the pairs of sets that cover all bare pixels, (pixels,).

    Returns:
        The sum, and the numbers of the sets on the bare pixel that the fewest cover.
    """
    reached = sets[:, bare]
    counts = reached.sum(axis=1)
    begun = reached[:, reached.sum(axis=0).argmin()]
    useful = counts >= max(1, reached.shape[1] - counts.max())
    lacking = ~reached[useful]
    complete = lacking[begun[useful]].astype(np.float32) @ lacking.T.astype(np.float32) == 0
    once = np.where(begun, shares / 2, shares)[useful]  # two on that pixel come twice
    return float(shares[begun & useful] @ complete @ once), np.flatnonzero(begun)


def _sets(piece: Mask, known: Shapes) -> tuple[Mask, NDArray[np.float64]]:
    """Pixels of a piece in each placement that lies in it, (n, pixels), and its weight, (n,)."""
    framed = np.pad(piece, known.reach + 1)
    placed = placements(framed, known, False)
    unions = np.zeros((len(placed), *framed.shape), dtype=bool)
    for union, one in zip(unions, placed, strict=True):
        paint(union, one[None], known)
    return unions[:, framed], known.weights[placed[:, 0]]


def _key(mask: Mask) -> tuple[tuple[int, ...], bytes]:
    return mask.shape, np.ascontiguousarray(mask).tobytes()


def _mask(key: tuple[tuple[int, ...], bytes]) -> Mask:
    return np.frombuffer(key[1], dtype=bool).reshape(key[0])


def _turns(mask: Mask) -> Iterator[Mask]:
    for quarter in range(4):
        turned = np.rot90(mask, quarter)
        yield turned
        yield turned[:, ::-1]
