"""Latents: what images follow from, of many triplets at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from trendbench.process.images import IMAGES, Image
from trendbench.process.seeds import Split, split_key

_COLUMNS = ("keys", "index")


class Latent(Protocol):
    """Latents of n triplets, for example their germs."""

    def __len__(self) -> int: ...

    def __getitem__(self, triplets: slice, /) -> Self:
        """Those of a contiguous range of triplets."""

    def joined(self, others: Sequence[Self], /) -> Self:
        """These triplets, and behind them those of others."""


@dataclass(frozen=True)
class Seeds:
    """The keys that random numbers of n triplets are drawn under.

    Image j of triplet i reads ``numpy.random.Philox(key=keys[i], counter=(0, j, index[i], 0))``.

    Attributes:
        keys: (n, 2) uint64; in a data file the seed and the number of the split.
        index: (n,) uint64.
    """

    keys: NDArray[np.uint64]
    index: NDArray[np.uint64]

    @classmethod
    def of(cls, n: int, seed: int, split: Split, start: int) -> "Seeds":
        """Of triplets ``start`` to ``start + n`` of a split."""
        key = np.array([seed, split_key(split)], dtype=np.uint64)
        return cls(np.tile(key, (n, 1)), np.arange(start, start + n, dtype=np.uint64))

    @classmethod
    def fresh(cls, n: int, rng: np.random.Generator) -> "Seeds":
        """Of n triplets that belong to no file."""
        return cls(rng.integers(1 << 64, size=(n, 2), dtype=np.uint64), np.zeros(n, np.uint64))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, triplets: slice) -> "Seeds":
        return Seeds(self.keys[triplets], self.index[triplets])

    def joined(self, others: "Sequence[Seeds]") -> "Seeds":
        """These triplets, and behind them those of others."""
        parts = (self, *others)
        keys, index = (np.concatenate([getattr(p, name) for p in parts]) for name in _COLUMNS)
        return Seeds(keys, index)

    def generator(self, i: int, image: Image) -> np.random.Generator:
        """The random numbers of one image of triplet i."""
        counter = [0, IMAGES.index(image), int(self.index[i]), 0]
        return np.random.Generator(np.random.Philox(key=self.keys[i], counter=counter))
