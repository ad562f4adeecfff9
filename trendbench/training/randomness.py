"""Randomness that depends on where training stands and not on how it got there."""

import hashlib

import numpy as np
from numpy.typing import NDArray


def derived_seed(seed: int, *names: object) -> int:
    """A 63-bit seed for a named purpose: SHA-256 of the seed and the names."""
    text = " ".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def epoch_order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order in which epoch ``epoch`` visits n images, (n,)."""
    return np.random.default_rng(derived_seed(seed, "order", epoch)).permutation(n)
