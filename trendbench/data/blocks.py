"""Blocks: the short runs of triplets that a data file is made of, drawn and deflated.

A block is a pure function of (spec, seed, split, range), so blocks are drawn on any number of
threads, and those that a killed run left in its spool folder serve the next run.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from trendbench.data.parts import WHOLE, Part
from trendbench.process.germs import Germs
from trendbench.process.seeds import Split
from trendbench.progress import say
from trendbench.rendering.triplets import IMAGES, compile_kernels, simulate
from trendbench.spec import TaskSpec
from trendbench.storage.deflate import deflate, inflate

_BLOCK_BYTES = 1 << 25  # of raw images: large enough to amortise, small enough to hold several
_CRC_BYTES = 4
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
        germs: of these triplets.
    """

    span: BlockRange
    images: tuple[NDArray[np.uint8], ...]
    deflated: list[bytes]
    germs: Germs


def triplets_per_block(spec: TaskSpec) -> int:
    """The longest range of a block, whatever the number of workers."""
    return max(1, _BLOCK_BYTES // (len(IMAGES) * spec.width * spec.height))


def ready_kernels() -> None:
    """Have the simulator compiled, and say so where this machine had not: it takes a while.

    To be called when the target is known to be usable, and before a bar counts the time.
    """
    if compile_kernels():
        say("compiled the simulator's kernels (once on this machine)")


def ranges(spec: TaskSpec, part: Part = WHOLE) -> list[BlockRange]:
    """How a file is cut into blocks, in file order."""
    step = triplets_per_block(spec)
    return [
        BlockRange(split, start, min(start + step, rows.stop))
        for split, rows in part.rows(spec).items()
        for start in range(rows.start, rows.stop, step)
    ]


def draw(spec: TaskSpec, seed: int, span: BlockRange, memory: NDArray[np.uint8]) -> Block:
    """Simulate and deflate one block, its images drawn into ``memory`` (3, ≥ n, H, W)."""
    n = span.stop - span.start
    triplets = simulate(spec, n, seed, split=span.split, start=span.start, out=memory[:, :n])
    assert triplets.germs is not None
    images = (triplets.s1, triplets.s2, triplets.r)
    deflated = [deflate(image.data) for series in images for image in series]
    return Block(span, images, deflated, triplets.germs)


class Spool:
    """A folder of finished blocks, a file each.

    A file holds a CRC-32 and then, end to end, the streams' sizes, the germs' columns and the
    streams. One that cannot be read back whole counts as not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, block: Block) -> None:
        """Keep a block; what a kill or a power cut may take of it is noticed on reading."""
        path = self._path(block.span)
        germs = block.germs
        sizes = np.array([len(stream) for stream in block.deflated], dtype=np.int64)
        columns = (sizes, germs.offsets, germs.x, germs.y, germs.mark, germs.member)
        parts = [*(column.tobytes() for column in columns), *block.deflated]
        check = reduce(lambda crc, part: crc32(part, crc), parts, 0)
        try:
            with path.open("wb") as file:
                file.write(check.to_bytes(_CRC_BYTES, "little"))
                file.writelines(parts)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def load(self, span: BlockRange, spec: TaskSpec) -> Block | None:
        """The block of that range, if it is there and whole."""
        try:
            content = self._path(span).read_bytes()
        except OSError:
            return None
        whole = len(content) > _CRC_BYTES  # of nothing, the CRC-32 is 0: an empty file's, too
        if not whole or crc32(content[_CRC_BYTES:]) != int.from_bytes(
            content[:_CRC_BYTES], "little"
        ):
            return None
        n = span.stop - span.start
        rest = _Reader(content, _CRC_BYTES)
        sizes = rest.take(len(IMAGES) * n, np.int64)
        offsets = rest.take(n + 1, np.int64)
        m = int(offsets[-1])
        x, y, mark = (rest.take(m, np.float64) for _ in range(3))
        germs = Germs(offsets, x, y, mark, rest.take(m, np.uint8))
        deflated = [rest.take(int(size), np.uint8).tobytes() for size in sizes]
        pixels = b"".join(inflate(stream, spec.width * spec.height) for stream in deflated)
        shape = (len(IMAGES), n, spec.height, spec.width)
        images = tuple(np.frombuffer(pixels, dtype=np.uint8).reshape(shape))
        return Block(span, images, deflated, germs)

    def _path(self, span: BlockRange) -> Path:
        return self._folder / f"{span.split}-{span.start:09d}-{span.stop:09d}.block"


class _Reader:
    """Arrays one after another out of one run of bytes."""

    def __init__(self, content: bytes, start: int) -> None:
        self._content, self._at = content, start

    def take(self, count: int, dtype: type[Any]) -> NDArray[Any]:
        array = np.frombuffer(self._content, dtype, count, self._at)
        self._at += array.nbytes
        return array


def produce(
    spec: TaskSpec, seed: int, spool: Spool | None, workers: int, part: Part = WHOLE
) -> Iterator[Block]:
    """Every block in file order, from the spool where it has it, else drawn and spooled.

    Where there is no spool, every block is drawn.

    A block is the caller's until the next one is asked for: its images lie in memory that is
    drawn into again, since fresh pages cost more than the drawing. ``workers`` + 2 such pieces
    of memory are all there is.
    """
    shape = (len(IMAGES), triplets_per_block(spec), spec.height, spec.width)
    free: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
    for _ in range(workers + 2):
        free.put(np.empty(shape, dtype=np.uint8))

    def fetch(span: BlockRange) -> tuple[Block, NDArray[np.uint8]]:
        memory = free.get()
        block = spool.load(span, spec) if spool else None
        if block is None:
            block = draw(spec, seed, span, memory)
            if spool:
                spool.save(block)
        return block, memory

    pool = ThreadPoolExecutor(workers)
    try:
        spans = ranges(spec, part)
        pending = deque(pool.submit(fetch, span) for span in spans[: workers + 1])
        for span in [*spans[workers + 1 :], *[None] * len(pending)]:
            block, memory = pending.popleft().result()
            if span is not None:
                pending.append(pool.submit(fetch, span))
            yield block
            free.put(memory)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
