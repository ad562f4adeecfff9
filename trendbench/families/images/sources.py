"""What a data file keeps of each triplet: the picture that it was cut from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Sources:
    """Sources of n triplets.

    Attributes:
        source: (n,) int64. Triplets of one source were cut from one picture.
    """

    source: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, triplets: slice) -> "Sources":
        return Sources(self.source[triplets])

    def joined(self, others: "Sequence[Sources]") -> "Sources":
        """These triplets, and behind them those of others."""
        return Sources(np.concatenate([part.source for part in (self, *others)]))
