"""Triplets of images."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trendbench.process.family import Process
from trendbench.process.latent import Latent


class TripletBlocks(Protocol):
    """Triplets that are taken block by block, in memory or not."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice) -> "Triplets": ...


@dataclass(frozen=True, repr=False)
class Triplets:
    """n triplets of one task.

    Attributes:
        spec: the task they were drawn from.
        s1: (n, H, W) uint8, the texture at x = 0; white 255, black 0.
        s2: the same at x = W.
        r: the same with the trend.
        latent: what the images follow from, if known; germs where the family has germs.
    """

    spec: Process
    s1: NDArray[np.uint8]
    s2: NDArray[np.uint8]
    r: NDArray[np.uint8]
    latent: Latent | None = None

    def __len__(self) -> int:
        return len(self.r)

    def __repr__(self) -> str:
        height, width = self.r.shape[1:]
        known = "" if self.latent is None else ", with latents"
        return f"<Triplets of {self.spec.family}: {len(self)} of {width}×{height} px{known}>"

    def __getitem__(self, rows: slice) -> "Triplets":
        """A contiguous range of triplets, as views."""
        latent = self.latent[rows] if self.latent is not None else None
        return Triplets(self.spec, self.s1[rows], self.s2[rows], self.r[rows], latent)
