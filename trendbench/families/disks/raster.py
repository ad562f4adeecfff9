"""Rasterise disks: a pixel is black iff some germ lies within R of its centre.

Disks are gathered in masks of one bit a pixel. The runs of pixels of a germ's disk are computed
once for all images of its triplet. Masks and the image made of one stay in the processor's caches;
each image is written to main memory once, in one piece.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import raw_memcpy
from numba.extending import intrinsic
from numpy.typing import NDArray

from trendbench.compiling import kernel

WHITE = 255
BLACK = 0
_WORD = 64  # pixels in a word of a mask
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_SHIFT, _PLACE = np.int64(6), np.int64(63)  # a pixel's number holds its word's, and its bit's


@intrinsic
def _unpack(typing_context: Any, pixels: Any, first: Any, word: Any) -> Any:
    """Pixels ``first`` to ``first + 64`` of (n,) uint8: black where the word has a bit, else white.

    The compiler makes vectors of it: a single store where the processor's hold 64 bytes.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        white = builder.bitcast(builder.not_(arguments[2]), ir.VectorType(ir.IntType(1), _WORD))
        greys = builder.sext(white, ir.VectorType(ir.IntType(8), _WORD))  # −1 is 255
        place = builder.bitcast(builder.gep(data, [arguments[1]]), greys.type.as_pointer())
        builder.store(greys, place, align=1)
        return context.get_dummy_value()

    return types.void(pixels, first, word), generate


@intrinsic
def _copy(typing_context: Any, image: Any, pixels: Any, count: Any) -> Any:
    """The first ``count`` pixels into a C-contiguous image, by the C library.

    It has ways of writing to memory without reading from there first.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, source = (
            context.make_array(kind)(context, builder, array).data
            for kind, array in zip(signature.args[:2], arguments[:2], strict=True)
        )
        raw_memcpy(builder, target, source, arguments[2], 1)  # type: ignore[no-untyped-call]
        return context.get_dummy_value()

    return types.void(image, pixels, count), generate


@kernel
def _write(image: NDArray[np.uint8], mask: NDArray[np.uint64], pixels: NDArray[np.uint8]) -> None:
    """A C-contiguous image from its mask, which is cleared for the next, by way of ``pixels``."""
    for i in range(mask.size):
        _unpack(pixels, i * _WORD, mask[i])  # type: ignore[call-arg]
        mask[i] = np.uint64(0)
    _copy(image, pixels, image.size)  # type: ignore[call-arg]


@kernel
def _find_runs(
    x: float, y: float, radius: float, height: int, width: int, runs: NDArray[np.int64]
) -> int:
    """The first and the last pixel of a disk in each row that it touches, into ``runs`` (2, rows).

    Pixel (row r, column c) has its centre at (c + ½, r + ½) and the number r·W + c. It is black iff
    (c + ½ − x)² + (r + ½ − y)² ≤ R²: in row r these are the columns with
    |c + ½ − x| ≤ √(R² − (r + ½ − y)²). Where there is none, the last is before the first.

    Returns:
        The number of rows.
    """
    column, row = x - 0.5, y - 0.5
    top = max(0, math.ceil(row - radius))
    rows = min(height - 1, math.floor(row + radius)) + 1 - top
    for i in range(rows):
        r = top + i
        half = math.sqrt(max(0.0, radius * radius - (r - row) * (r - row)))
        runs[0, i] = r * width + max(0, math.ceil(column - half))
        runs[1, i] = r * width + min(width - 1, math.floor(column + half))
    return rows


@kernel
def _blacken(masks: NDArray[np.uint64], j: int, runs: NDArray[np.int64], rows: int) -> None:
    """Set the bits of a disk's runs in mask ``j``."""
    for i in range(rows):
        first, last = runs[0, i], runs[1, i]
        if last < first:
            continue
        start = _ALL << np.uint64(first & _PLACE)
        end = _ALL >> np.uint64(_PLACE - (last & _PLACE))
        low, high = first >> _SHIFT, last >> _SHIFT
        if low == high:
            masks[j, low] |= start & end
        else:
            masks[j, low] |= start
            for word in range(low + 1, high):
                masks[j, word] = _ALL
            masks[j, high] |= end


@kernel
def draw_series(
    offsets: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    member: NDArray[np.uint8],
    bits: NDArray[np.uint8],
    radius: float,
    images: NDArray[np.uint8],
) -> None:
    """Draw the images of n triplets: white, with a black disk for every germ whose bit is set.

    Args:
        offsets: (n + 1,); triplet i owns germs offsets[i] to offsets[i + 1].
        x: germ positions along the columns [px]; may lie outside the frame.
        y: germ positions along the rows [px].
        member: membership bits of each germ.
        bits: (b,) which bit each of the b images of a triplet shows.
        radius: R [px].
        images: (b, n, H, W), each image C-contiguous; overwritten.

    The kernels stand in one file because compiled code is cached by the file it stands in, and it
    contains that of the kernels it calls.
    """
    height, width = images.shape[2:]
    words = (height * width + _WORD - 1) // _WORD
    masks = np.zeros((bits.size, words), dtype=np.uint64)
    pixels = np.empty(words * _WORD, dtype=np.uint8)
    runs = np.empty((2, min(height, math.floor(2 * radius) + 2)), dtype=np.int64)
    for i in range(offsets.size - 1):
        for g in range(offsets[i], offsets[i + 1]):
            rows = _find_runs(x[g], y[g], radius, height, width, runs)
            for j in range(bits.size):
                if member[g] & bits[j]:
                    _blacken(masks, j, runs, rows)
        for j in range(bits.size):
            _write(images[j, i], masks[j], pixels)
