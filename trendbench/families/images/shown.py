"""The held-out pictures of an open data file, read when they are first asked for."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import LawError
from trendbench.families.images.sources import Sources
from trendbench.process.held_out import HeldOut
from trendbench.process.triplets import Triplets


def digest(r: NDArray[np.uint8]) -> str:
    """SHA-256 of the pixels of pictures (m, H, W)."""
    return hashlib.sha256(np.ascontiguousarray(r).data).hexdigest()


def contents_of(triplets: Triplets) -> frozenset[bytes]:
    """SHA-256 of each image of triplets that has both colours."""
    return frozenset(
        hashlib.sha256(image.tobytes()).digest()
        for series in (triplets.s1, triplets.s2, triplets.r)
        for image in series
        if (image != image[0, 0]).any()
    )


@dataclass(frozen=True, eq=False)
class Shown:
    """Where held-out pictures are read from; two are equal if the pictures are.

    Attributes:
        read: gives the test split.
        sha256: of its r.
    """

    read: Callable[[], Triplets]
    sha256: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shown) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __reduce__(self) -> tuple[type["Shown"], tuple[Callable[[], Triplets], str]]:
        return Shown, (self.read, self.sha256)  # without the pictures that were read

    @cached_property
    def held_out(self) -> HeldOut:
        """The pictures.

        Raises:
            LawError: they are not those that the task was made with.
            DataFileError: the data file is gone or damaged.
        """
        split = self.read()
        if digest(split.r) != self.sha256:
            raise LawError(
                "the held-out pictures are not those that the task names: make the data file "
                "again with trendbench import"
            )
        assert isinstance(split.latent, Sources)
        return HeldOut(split.s1, split.s2, split.r, split.latent.source)
