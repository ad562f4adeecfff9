"""Triplets drawn on the fly: those of a data file of the same task and seed, without the file."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import one_of, whole
from trendbench.errors import InputError
from trendbench.process.family import Process
from trendbench.process.images import IMAGES
from trendbench.process.seeds import SEED_LIMIT, SPLITS, Split
from trendbench.process.triplets import Triplets
from trendbench.simulation import simulate
from trendbench.spec import Task, process_of


def stream(
    spec: Task, seed: int = 0, split: Split = "train", start: int = 0, batch: int = 1
) -> Iterator[Triplets]:
    """Triplets ``start``, ``start + 1``, … of a split without end, in blocks of ``batch``.

    Triplet i equals that of the data file with this task and seed. An interrupted training goes on
    with ``start`` at the first triplet that it has not seen.

        for block in tb.stream("trend-v1", batch=16):
            block.r                                    # (16, 256, 256) uint8

    Args:
        spec: the task, its name, the path of its TOML file, or a bare process.
        seed: 0 ≤ seed < 2⁶⁴.
        split: which of the three independent series.
        start: index of the first triplet, ≥ 0.
        batch: triplets in a block, ≥ 1.

    Returns:
        An iterator over blocks: s1, s2 and r, each (batch, H, W) uint8, and the germs, in px.

    Raises:
        SpecError: there is no such task.
        InputError: no such split; seed, start or batch out of range.
    """
    process = process_of(spec)
    one_of(split, "split", SPLITS)
    seed = whole(seed, "seed", most=SEED_LIMIT - 1)
    start, batch = whole(start, "start"), whole(batch, "batch", 1)
    draw = partial(simulate, process, batch, seed, split=split)
    return (draw(start=start + batch * i) for i in itertools.count())


def streamed(process: Process, n: int, seed: int) -> Triplets:
    """The first n training triplets, whose images are drawn when they are indexed.

    Each of s1, s2 and r has a shape and a length, and takes a slice or an array of row numbers.
    """
    shape = (n, process.height, process.width)

    @lru_cache(maxsize=1)  # s1, s2 and r of a batch are asked for one after another
    def drawn(rows: tuple[int, ...]) -> NDArray[np.uint8]:
        images = np.empty((len(IMAGES), len(rows), *shape[1:]), dtype=np.uint8)
        for i, row in enumerate(rows):
            simulate(process, 1, seed, start=row, out=images[:, i : i + 1])
        return images

    series = (cast(Any, _Series(drawn, which, shape)) for which in range(len(IMAGES)))
    return Triplets(process, *series)


@dataclass(frozen=True, eq=False)
class _Series:
    """One of the three images of every triplet, as an array of ``shape`` that holds nothing."""

    drawn: Callable[[tuple[int, ...]], NDArray[np.uint8]]
    which: int
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> NDArray[np.uint8]:
        if isinstance(rows, slice):
            numbers = range(len(self))[rows]
        elif isinstance(rows, np.ndarray) and rows.ndim == 1 and rows.dtype.kind in "iu":
            numbers = rows.tolist()
        else:
            raise InputError(f"[{rows!r:.60}]: a stream takes a slice or an array of row numbers")
        images: NDArray[np.uint8] = self.drawn(tuple(numbers))[self.which]
        return images
