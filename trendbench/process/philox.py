"""Philox4x64-10, the counter-based generator behind every random number of the simulator.

The n-th block of four 64-bit words is a pure function of a key and a counter, so a triplet's
numbers can be drawn in any order, on any thread, on any machine, and come out the same. The
words equal those of ``numpy.random.Philox(key=(k0, k1), counter=(0, c1, c2, c3))``, whose first
block has c0 = 1.

Source: Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

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


@njit(nogil=True, cache=True, inline="always")
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


@njit(nogil=True, cache=True, inline="always")
def uniform(word: np.uint64) -> float:
    """A word as a float64 in [0, 1): its upper 53 bits times 2⁻⁵³, exact everywhere."""
    return (word >> np.uint64(11)) * 1.1102230246251565e-16
