"""Splits by source: no picture has tiles in two of them."""

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.process.seeds import SPLITS, Split
from trendbench.progress import say

SHARES = (60, 10, 30)  # per cent of the sources: train, val, test
_FEWEST = {"train": 1, "val": 1, "test": 2}
_FEW = 10  # held-out sources, below which ranges are rough


def dealt(source: NDArray[np.int64], shares: tuple[int, int, int], seed: int) -> dict[
    Split, NDArray[np.int64]
]:  # fmt: skip
    """The triplets of each split, in their order.

    Args:
        source: (n,) of each triplet.
        shares: of train, val and test.
        seed: of the order in which sources are dealt.

    Raises:
        ImagesError: fewer than four sources.
    """
    found = np.unique(source)
    count, least = len(found), sum(_FEWEST.values())
    if count < least:
        raise ImagesError(
            f"{count} source picture(s): splits are by source, and need {least} at least: give "
            "more files; of a volume, --slices z --every N takes slices that are far apart"
        )
    sizes = {name: max(_FEWEST[name], round(count * share / sum(shares))) for name, share in
             zip(SPLITS, shares, strict=True)}  # fmt: skip
    sizes["train"] = count - sizes["val"] - sizes["test"]
    if sizes["train"] < 1:
        sizes = {"train": count - 3, "val": 1, "test": 2}
    if sizes["test"] < _FEW:
        say(
            f"the test split has {sizes['test']} source pictures: reference ranges of fewer than "
            f"{_FEW} are rough"
        )
    order = np.random.default_rng(seed).permutation(found)
    ends = np.cumsum([sizes[split] for split in SPLITS])[:-1]
    parts = np.split(order, ends)
    return {
        split: np.flatnonzero(np.isin(source, part))
        for split, part in zip(SPLITS, parts, strict=True)
    }
