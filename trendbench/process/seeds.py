"""The key of a random number: seed, split and index, nothing else."""

from typing import Literal

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

SEED_LIMIT = 1 << 64


def split_key(split: Split) -> int:
    """The number that stands for a split in the generator's key."""
    return SPLITS.index(split)
