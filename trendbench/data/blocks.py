"""Blocks: the short runs of triplets that a data file is made of, drawn and deflated.

A block is a pure function of (spec, seed, split, range), so blocks are drawn on any number of
threads, and those that a killed run left in its spool folder serve the next run.
"""

import io
import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trendbench.data.deflate import DeflateError, deflate, inflate
from trendbench.process.germs import Germs
from trendbench.process.seeds import SPLITS, Split
from trendbench.rendering.triplets import IMAGES, simulate
from trendbench.spec import TaskSpec

_BLOCK_BYTES = 1 << 24  # of raw images: large enough to amortise, small enough to hold several


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


def ranges(spec: TaskSpec) -> list[BlockRange]:
    """How a file is cut into blocks, in file order; the same for any number of workers."""
    step = max(1, _BLOCK_BYTES // (len(IMAGES) * spec.width * spec.height))
    return [
        BlockRange(split, start, min(start + step, spec.sizes[split]))
        for split in SPLITS
        for start in range(0, spec.sizes[split], step)
    ]


def draw(spec: TaskSpec, seed: int, span: BlockRange) -> Block:
    """Simulate and deflate one block."""
    triplets = simulate(spec, span.stop - span.start, seed, split=span.split, start=span.start)
    assert triplets.germs is not None
    images = (triplets.s1, triplets.s2, triplets.r)
    deflated = [deflate(image.data) for series in images for image in series]
    return Block(span, images, deflated, triplets.germs)


class Spool:
    """A folder of finished blocks, each written under its name in one piece.

    A block that cannot be read back whole (cut short, or failing its CRC) counts as not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, block: Block) -> None:
        """Keep a block; what a power cut may take of it is noticed on reading."""
        path = self._path(block.span)
        temporary = path.with_suffix(".tmp")
        germs = block.germs
        with temporary.open("wb") as file:
            np.savez(
                file,
                streams=np.frombuffer(b"".join(block.deflated), dtype=np.uint8),
                sizes=np.array([len(stream) for stream in block.deflated], dtype=np.int64),
                offsets=germs.offsets, x=germs.x, y=germs.y, mark=germs.mark,
                member=germs.member,
            )  # fmt: skip
        os.replace(temporary, path)

    def load(self, span: BlockRange, spec: TaskSpec) -> Block | None:
        """The block of that range, if it is there and whole."""
        try:
            content = io.BytesIO(self._path(span).read_bytes())
            with np.load(content, allow_pickle=False) as stored:
                columns = {name: stored[name] for name in stored.files}
            ends = np.cumsum(columns["sizes"])
            streams = columns["streams"].tobytes()
            deflated = [
                streams[end - size : end] for end, size in zip(ends, columns["sizes"], strict=True)
            ]
            size = spec.width * spec.height
            pixels = b"".join(inflate(stream, size) for stream in deflated)
            shape = (len(IMAGES), span.stop - span.start, spec.height, spec.width)
            images = tuple(np.frombuffer(pixels, dtype=np.uint8).reshape(shape))
            germs = Germs(*(columns[name] for name in ("offsets", "x", "y", "mark", "member")))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, DeflateError):
            return None
        return Block(span, images, deflated, germs)

    def _path(self, span: BlockRange) -> Path:
        return self._folder / f"{span.split}-{span.start:09d}-{span.stop:09d}.npz"


def produce(spec: TaskSpec, seed: int, spool: Spool, workers: int) -> Iterator[Block]:
    """Every block in file order, from the spool where it has it, else drawn and spooled.

    At most ``workers`` + 1 blocks are in memory beside the one in the caller's hands.
    """

    def fetch(span: BlockRange) -> Block:
        block = spool.load(span, spec)
        if block is None:
            block = draw(spec, seed, span)
            spool.save(block)
        return block

    waiting = iter(ranges(spec))
    pool = ThreadPoolExecutor(workers)
    pending: list[Future[Block]] = []
    try:
        for span in waiting:
            pending.append(pool.submit(fetch, span))
            if len(pending) > workers:
                yield pending.pop(0).result()
        while pending:
            yield pending.pop(0).result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
