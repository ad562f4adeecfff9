"""Splits are by source picture, and by nothing else."""

import numpy as np
import pytest

from trendbench.errors import ImagesError
from trendbench.importing.splits import SHARES, dealt
from trendbench.process.seeds import SPLITS


@pytest.mark.parametrize("count", [4, 5, 10, 37])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_source_lies_in_one_split_and_every_triplet_in_one(count, seed):
    source = np.random.default_rng(seed).permutation(np.repeat(np.arange(count), 3))
    splits = dealt(source, SHARES, seed)
    assert sorted(np.concatenate([splits[s] for s in SPLITS])) == list(range(len(source)))
    held = {s: set(source[splits[s]]) for s in SPLITS}
    assert not held["train"] & held["test"]
    assert not held["train"] & held["val"]
    assert not held["val"] & held["test"]
    assert len(held["train"]) >= 1
    assert len(held["val"]) >= 1
    assert len(held["test"]) >= 2


def test_shares_are_of_the_sources():
    splits = dealt(np.arange(200), (70, 10, 20), 0)
    assert [len(splits[s]) for s in SPLITS] == [140, 20, 40]


def test_one_source_is_refused_with_the_way_out():
    with pytest.raises(ImagesError, match=r"1 source picture.*--every"):
        dealt(np.zeros(50, dtype=np.int64), SHARES, 0)
