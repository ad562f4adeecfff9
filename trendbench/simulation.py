"""The simulator: triplets of a task from a seed."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import one_of, whole
from trendbench.errors import InputError
from trendbench.machine import memory
from trendbench.process.images import IMAGES
from trendbench.process.seeds import SEED_LIMIT, SPLITS, Split
from trendbench.process.triplets import Triplets
from trendbench.spec import Task, process_of


def simulate(
    spec: Task,
    n: int,
    seed: int = 0,
    *,
    split: Split = "train",
    start: int = 0,
    out: NDArray[np.uint8] | None = None,
) -> Triplets:
    """Draw triplets ``start`` to ``start + n`` of a split.

    A triplet depends on (seed, split, index) alone, so any part of a data file can be drawn
    again on its own.

    Args:
        spec: the task, its name, the path of its TOML file, or a bare process.
        n: number of triplets, ≥ 0.
        seed: 0 ≤ seed < 2⁶⁴.
        split: which of the three independent series.
        start: index of the first triplet, ≥ 0.
        out: memory to draw into, (3, n, H, W) uint8; new memory if None.

    Returns:
        ``Triplets`` with s1, s2 and r, (n, H, W) uint8, black 0 and white 255, and what they follow
        from.

    Raises:
        SpecError: there is no such task.
        InputError: no such split; n, start or seed out of range; more triplets than memory holds;
            or ``out`` does not fit.

    Source: of each family, on the manual's page on the mathematics.
    """
    process = process_of(spec)
    n, start = whole(n, "n"), whole(start, "start")
    seed = whole(seed, "seed", most=SEED_LIMIT - 1)
    one_of(split, "split", SPLITS)
    shape = (len(IMAGES), n, process.height, process.width)
    if out is None and prod(shape) > memory():
        raise InputError(
            f"n = {n} triplets are {prod(shape) / 1e9:.0f} GB, more than the memory here: "
            "tb.stream draws them block by block"
        )
    latents = process.latents(n, seed, split, start)
    images = np.empty(shape, dtype=np.uint8) if out is None else out
    if np.shape(images) != shape or images.dtype != np.uint8:
        raise InputError(f"out: needed is an array of shape {shape} and type uint8")
    process.render(latents, images)
    s1, s2, r = images
    return Triplets(process, s1, s2, r, latents)
