"""Blocks: the short runs of triplets that a data file is made of, drawn and deflated.

A block is a pure function of (spec, seed, split, range), so any number of threads may draw them.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from trendbench.process.images import IMAGES
from trendbench.process.latent import Latent
from trendbench.process.seeds import Split
from trendbench.progress import say
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec
from trendbench.storage.deflate import deflate

_BLOCK_BYTES = 1 << 25  # of raw images: large enough to amortise, small enough to hold several
MOST_WORKERS = 8  # each holds a block of memory, and one disk takes it all


@dataclass(frozen=True)
class BlockRange:
    """Triplets ``start`` to ``stop`` of a split."""

    split: Split
    start: int
    stop: int


@dataclass(frozen=True)
class Block:
    """The triplets of one range, images deflated one by one in zlib's format.

    Attributes:
        span: which triplets.
        images: s1, s2 and r, each (n, H, W) uint8.
        deflated: the 3·n zlib streams, s1's first.
        latents: of these triplets.
    """

    span: BlockRange
    images: tuple[NDArray[np.uint8], ...]
    deflated: list[bytes]
    latents: Latent


def triplets_per_block(spec: TaskSpec) -> int:
    """The longest range of a block, whatever the number of workers."""
    return max(1, _BLOCK_BYTES // (len(IMAGES) * spec.width * spec.height))


def ready_kernels(spec: TaskSpec) -> None:
    """Have the simulator compiled, and say so where this machine had not: it takes a while.

    To be called when the target is known to be usable, and before a bar counts the time.
    """
    if spec.compile():
        say("compiled the simulator's kernels (once on this machine)")


def ranges(spec: TaskSpec) -> list[BlockRange]:
    """How a file is cut into blocks, in file order."""
    step = triplets_per_block(spec)
    return [
        BlockRange(split, start, min(start + step, size))
        for split, size in spec.sizes.items()
        for start in range(0, size, step)
    ]


def draw(spec: TaskSpec, seed: int, span: BlockRange, memory: NDArray[np.uint8]) -> Block:
    """Simulate and deflate one block, its images drawn into ``memory`` (3, ≥ n, H, W)."""
    n = span.stop - span.start
    triplets = simulate(spec, n, seed, split=span.split, start=span.start, out=memory[:, :n])
    assert triplets.latent is not None
    images = (triplets.s1, triplets.s2, triplets.r)
    deflated = [deflate(image.data) for series in images for image in series]
    return Block(span, images, deflated, triplets.latent)


def produce(spec: TaskSpec, seed: int, workers: int) -> Iterator[Block]:
    """Every block in file order.

    A block is the caller's until the next one is asked for: its images lie in memory that is
    drawn into again, since fresh pages cost more than the drawing. ``workers`` + 2 such pieces
    of memory are all there is.
    """
    shape = (len(IMAGES), triplets_per_block(spec), spec.height, spec.width)
    free: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
    for _ in range(workers + 2):
        free.put(np.empty(shape, dtype=np.uint8))

    def drawn(span: BlockRange) -> tuple[Block, NDArray[np.uint8]]:
        memory = free.get()
        return draw(spec, seed, span, memory), memory

    pool = ThreadPoolExecutor(workers)
    try:
        spans = ranges(spec)
        pending = deque(pool.submit(drawn, span) for span in spans[: workers + 1])
        for span in [*spans[workers + 1 :], *[None] * len(pending)]:
            block, memory = pending.popleft().result()
            if span is not None:
                pending.append(pool.submit(drawn, span))
            yield block
            free.put(memory)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
