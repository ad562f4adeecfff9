"""A data file as a ``torch.utils.data.Dataset``: triplets as tensors, one at a time."""

import operator
import os
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from trendbench.arguments import one_of
from trendbench.data.dataset import Dataset, facts
from trendbench.data.opening import open_dataset
from trendbench.errors import InputError
from trendbench.notebook import table
from trendbench.process.images import WHITE
from trendbench.process.seeds import SPLITS, Split
from trendbench.spec import TaskSpec

Values = Literal["darkness", "grey"]
_VALUES: tuple[Values, ...] = ("darkness", "grey")


class TensorTriplet(TypedDict):
    """One triplet, or a batch of them with an axis in front: (1, H, W) each."""

    s1: torch.Tensor
    s2: torch.Tensor
    r: torch.Tensor


class TripletDataset(TorchDataset[TensorTriplet]):
    """The triplets of one split, read from the file as they are asked for.

        data = tb.TripletDataset("datasets/trend-v1-n3500-seed0.h5", "train")
        data[0]["r"]                                   # (1, 256, 256) float32, darkness in [0, 1]
        loader = torch.utils.data.DataLoader(data, batch_size=16, shuffle=True, num_workers=2)
        next(iter(loader))["r"].shape                  # (16, 1, 256, 256)

    Items are dictionaries of tensors ``s1``, ``s2`` and ``r``, which a ``DataLoader`` stacks.
    Each process opens the file for itself, so the object may be forked, spawned and pickled.
    Only the asked-for images are read, so they are not held against the file's hashes:
    ``trendbench verify`` does that once.

    Args:
        path: a data file.
        split: ``"train"``, ``"val"`` or ``"test"``. Never tune on the last.
        values: ``"darkness"``, float32 in [0, 1] with 1 for a particle, as the networks here see
            it; or ``"grey"``, uint8 with 0 for a particle and 255 for the background, as stored.

    Attributes:
        path: where the file lies; spec: its task; split, values: as given.

    Raises:
        DataFileError: the file is missing, foreign or damaged.
        InputError: no such split, other ``values``, or from ``data[i]``, no whole number.
        IndexError: from ``data[i]``, beyond the split.
    """

    def __init__(
        self, path: str | Path, split: Split = "train", values: Values = "darkness"
    ) -> None:
        one_of(split, "split", SPLITS)
        one_of(values, "values", _VALUES)
        self.split: Split = split
        self.values: Values = values
        self._open: Dataset | None = None
        self._owner = -1
        with open_dataset(path) as dataset:
            self.path = dataset.path.resolve()
            self.spec: TaskSpec = dataset.spec

    def __repr__(self) -> str:
        return (
            f"<TripletDataset {str(self.path)!r}, {self.split}: {len(self)} {self.spec.counted} of "
            f"{self.spec.name}, {self.values}>"
        )

    def _repr_html_(self) -> str:
        """The task's numbers, for a notebook."""
        return table(repr(self)[1:-1], facts(self.spec))

    def __len__(self) -> int:
        return self.spec.sizes[self.split]

    def __getitem__(self, index: int) -> TensorTriplet:
        """Triplet ``index``; negative ones count from the end."""
        n = len(self)
        try:
            index = operator.index(index)
        except TypeError:
            raise InputError(f"[{index!r:.60}]: needed is the number of one triplet") from None
        if not -n <= index < n:
            raise IndexError(f"triplet {index} of {n}: the last is {n - 1}")
        one = self._here().glance(self.split, index % n, 1)
        return {"s1": self._tensor(one.s1), "s2": self._tensor(one.s2), "r": self._tensor(one.r)}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None, "_owner": -1}

    def _here(self) -> Dataset:
        """The file as this process opened it, never as a parent did.

        A parent's handle is closed before the file is opened anew: HDF5 would find it open
        otherwise and share the parent's file position.
        """
        if self._open is None or self._owner != os.getpid():
            if self._open is not None:
                self._open.close()
            self._open, self._owner = open_dataset(self.path), os.getpid()
        return self._open

    def _tensor(self, image: NDArray[np.uint8]) -> torch.Tensor:
        grey = torch.from_numpy(image)
        return grey if self.values == "grey" else 1.0 - grey.float() / WHITE
