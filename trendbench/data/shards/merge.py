"""Shards into the one file that make-data would have written, byte for byte."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trendbench.data import layout
from trendbench.data.blocks import Block, BlockRange, ranges
from trendbench.data.file import FileDataset
from trendbench.data.shards.dataset import ShardedDataset
from trendbench.data.writer import FileWriter
from trendbench.errors import DataFileError
from trendbench.process.germs import Germs
from trendbench.progress import bar
from trendbench.rendering.triplets import IMAGES
from trendbench.storage.atomic import replacing
from trendbench.storage.deflate import deflate


def merge_shards(folder: Path, path: Path) -> None:
    """Write the data set in ``folder`` to one file at ``path``, in the memory of a few blocks.

    Raises:
        DataFileError: something stands at ``path``; a shard is missing, damaged or another's.
        OSError: the file cannot be written or the disk is full.
    """
    if path.exists():
        raise DataFileError(f"{path} is there already: choose another --out")
    with ShardedDataset(folder) as shards:
        with (
            replacing(path) as temporary,
            FileWriter(temporary, shards.spec, shards.seed) as writer,
            bar(path.name, sum(shards.spec.sizes.values()), "triplets") as progress,
        ):
            for span in ranges(shards.spec):
                writer.add(_block(shards, span))
                progress.advance(span.stop - span.start)
        with FileDataset(path) as merged:
            if merged.sha256 == shards.sha256:
                return
    path.unlink()
    raise DataFileError(f"{folder}: a shard's content does not match the manifest: verify it")


def _block(shards: ShardedDataset, span: BlockRange) -> Block:
    rows = slice(span.start, span.stop)
    images = tuple(shards.numbers(f"{span.split}/{name}", rows) for name in IMAGES)
    deflated = [deflate(image.data) for series in images for image in series]
    return Block(span, images, deflated, _joined(list(_germs(shards, span))))


def _germs(shards: ShardedDataset, span: BlockRange) -> Iterator[Germs]:
    """The germs of the range, shard by shard."""
    group = f"{span.split}/germs"
    for part in shards.parts:
        held = part.rows(shards.spec)[span.split]
        low, high = max(span.start, held.start), min(span.stop, held.stop)
        if low >= high:
            continue
        shard = shards.shard(part)
        offsets = shard.numbers(f"{group}/{layout.GERM_OFFSETS}")[
            low - held.start : high - held.start + 1
        ]
        rows = slice(int(offsets[0]), int(offsets[-1]))
        columns = (shard.numbers(f"{group}/{name}", rows) for name in layout.GERM_COLUMNS)
        yield Germs(offsets - offsets[0], *columns)


def _joined(pieces: list[Germs]) -> Germs:
    ends = np.cumsum([0, *(piece.offsets[-1] for piece in pieces)])
    offsets = [piece.offsets[1:] + end for piece, end in zip(pieces, ends, strict=False)]
    columns = (
        np.concatenate([getattr(piece, name) for piece in pieces])
        for name in ("x", "y", "mark", "member")
    )
    return Germs(np.concatenate([np.zeros(1, np.int64), *offsets]), *columns)
