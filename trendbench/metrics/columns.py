"""Image columns as bit strings: texture statistics by AND, shift and popcount.

A column of H pixels becomes ⌈H/64⌉ words with bit r set where row r is black. All pairs of a lag
along a row are then the ANDs of two columns, all pairs along a column the AND of the column with
itself shifted, and a count is a popcount: 64 pixels an operation, no transform, no wrap-around.
"""

import numpy as np
from numpy.typing import NDArray

_WORD = 64
Words = NDArray[np.uint64]
Counts = NDArray[np.int64]


def pack(black: NDArray[np.bool_]) -> Words:
    """(n, H, W) to words (n, W, ⌈H/64⌉), the bits beyond H being 0."""
    n, height, width = black.shape
    padding = -height % _WORD
    bits = np.packbits(
        np.pad(black, ((0, 0), (0, padding), (0, 0))) if padding else black,
        axis=1,
        bitorder="little",
    )
    columns = np.ascontiguousarray(bits.transpose(0, 2, 1))
    return columns.view("<u8").reshape(n, width, -1)


def rows_mask(height: int) -> Words:
    """The words of a column whose H pixels are all set, (⌈H/64⌉,)."""
    return pack(np.ones((1, height, 1), dtype=bool))[0, 0]


def shift(words: Words, rows: int) -> Words:
    """Columns moved up by ``rows``: bit r of the result is bit r + rows of the columns."""
    whole, part = divmod(rows, _WORD)
    moved = np.zeros_like(words)
    if whole >= words.shape[-1]:
        return moved
    moved[..., : words.shape[-1] - whole] = words[..., whole:]
    if part:
        carry = np.zeros_like(moved)
        carry[..., :-1] = moved[..., 1:] << np.uint64(_WORD - part)
        moved = (moved >> np.uint64(part)) | carry
    return moved


def count(words: Words) -> Counts:
    """Set bits of each column, (n, W)."""
    return np.bitwise_count(words).sum(axis=-1, dtype=np.int64)


def quads(words: Words, height: int) -> tuple[Counts, Counts, Counts]:
    """2×2 windows with one black pixel, with three, and with two on a diagonal: (n, W − 1) each.

    Windows wholly inside the frame count, at the column of their left pixels. They are the quads of
    Gray (1971), whose weighted sum is the Euler number.
    """
    down = shift(words, 1)
    a, b, c, d = words[:, :-1], words[:, 1:], down[:, :-1], down[:, 1:]
    inside = shift(rows_mask(height)[None, :], 1)
    odd = a ^ b ^ c ^ d
    two_or_more = (a & b) | (c & d) | ((a | b) & (c | d))
    diagonal = ~(a ^ d) & ~(b ^ c) & (a ^ b)
    one, three = odd & ~two_or_more, odd & two_or_more
    return count(one & inside), count(three & inside), count(diagonal & inside)
