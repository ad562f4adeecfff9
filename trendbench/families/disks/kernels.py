"""The kernels that draw germs, and Philox4x64-10, the generator behind every random number.

The n-th block of four 64-bit words is a pure function of a key and a counter. A triplet's numbers
are therefore the same in any order, on any thread and any machine. The words equal those of
``numpy.random.Philox(key=(k0, k1), counter=(0, c1, c2, c3))``, whose first block has c0 = 1.

Source: Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from trendbench.compiling import kernel

_MULTIPLIER_0 = np.uint64(0xD2E7470EE14C6C93)
_MULTIPLIER_1 = np.uint64(0xCA5A826395121157)
_WEYL_0 = np.uint64(0x9E3779B97F4A7C15)
_WEYL_1 = np.uint64(0xBB67AE8584CAA73B)
_ROUNDS = 10


@intrinsic
def _high_word(typing_context: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of the 128-bit product: one machine instruction, which Python lacks."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(word, wide) for word in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@kernel
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """One block of four words at counter (c0, c1, c2, c3) under key (k0, k1), all uint64."""
    for _ in range(_ROUNDS):
        high_0 = _high_word(_MULTIPLIER_0, c0)  # type: ignore[call-arg,var-annotated]
        low_0 = _MULTIPLIER_0 * c0
        high_1 = _high_word(_MULTIPLIER_1, c2)
        low_1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = high_1 ^ c1 ^ k0, low_1, high_0 ^ c3 ^ k1, low_0
        k0 += _WEYL_0
        k1 += _WEYL_1
    return c0, c1, c2, c3


@kernel
def uniform(word: np.uint64) -> float:
    """A word as a float64 in [0, 1): its upper 53 bits times 2⁻⁵³, exact everywhere."""
    return (word >> np.uint64(11)) * 1.1102230246251565e-16


@kernel
def count_germs(
    seed: np.uint64,
    split: np.uint64,
    start: np.uint64,
    stream: np.uint64,
    first: int,
    cdf: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """Poisson counts by inversion: first + #{cdf ≤ u}, into ``counts`` (n,)."""
    zero, one = np.uint64(0), np.uint64(1)
    for i in range(counts.size):
        word, _, _, _ = philox(one, stream, start + np.uint64(i), zero, seed, split)
        counts[i] = first + np.searchsorted(cdf, uniform(word), side="right")


@kernel
def fill_germs(
    seed: np.uint64,
    split: np.uint64,
    start: np.uint64,
    stream: np.uint64,
    counts: NDArray[np.int64],
    places: NDArray[np.int64],
    frame: tuple[float, float, float, float],
    lambda_max: float,
    images: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    mark: NDArray[np.float64],
    member: NDArray[np.uint8],
) -> None:
    """Positions, marks and membership of one germ set, triplet i's from ``places[i]`` on."""
    zero = np.uint64(0)
    left, across, top, down = frame
    for i in range(counts.size):
        triplet = start + np.uint64(i)
        for g in range(counts[i]):
            block = np.uint64(g + 2)
            word_x, word_y, word_m, _ = philox(block, stream, triplet, zero, seed, split)
            at = places[i] + g
            x[at] = left + across * uniform(word_x)
            y[at] = top + down * uniform(word_y)
            mark[at] = uniform(word_m)
            for j in range(images.shape[0]):
                bit, base, slope = images[j]
                if mark[at] * lambda_max < base + slope * x[at]:
                    member[at] |= np.uint8(bit)
