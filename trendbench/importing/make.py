"""Make a data file of pictures: read, cut, deal into splits, write."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import as_path, whole
from trendbench.data.blocks import Block, BlockRange, triplets_per_block
from trendbench.data.layout import must_be_named
from trendbench.data.writer import FileWriter
from trendbench.errors import DataFileError, ImagesError
from trendbench.families.images import made_of, sources_of
from trendbench.importing.frame import Cut
from trendbench.importing.gathered import Gathered, Series, gathered
from trendbench.importing.length import characteristic_length
from trendbench.importing.names import must_be_free
from trendbench.importing.pairs import halves
from trendbench.importing.phases import Threshold
from trendbench.importing.reading import Given, Volume, pages
from trendbench.importing.splits import SHARES, dealt
from trendbench.process.images import IMAGES, Image
from trendbench.process.seeds import SEED_LIMIT, SPLITS, Split
from trendbench.progress import Bar, quiet, say
from trendbench.spec import TaskSpec
from trendbench.storage.atomic import must_be_apart, plain_target, replacing
from trendbench.storage.deflate import deflate
from trendbench.storage.folder import must_be_writable

_WINDOW, _WINDOWS = 16, 8  # of ξ [px]: 16, or an eighth of a narrow frame
_MEASURED = 64  # training images that the characteristic length is taken from
_APART = 4  # lengths between slices that count as sources of their own
Dealt = dict[Split, NDArray[np.int64]]


@dataclass(frozen=True)
class Importing:
    """How pictures become a task.

    Attributes:
        threshold: a number, ``"otsu"``, or None for pictures of two values.
        invert: whether black and white are exchanged.
        volume: how stacks are cut; None where each page is a picture of its own.
        pairs: whether each picture is an A|B pair, see ``pairs.py``.
        cut: crop, tiles, axis of the trend.
        shares: of the sources, for train, val and test.
        length: characteristic length [px]; measured if None.
        window: of ξ [px]; 16, or an eighth of a narrow frame, if None.
        seed: of the order in which sources are dealt to splits.
    """

    threshold: Threshold = None
    invert: bool = False
    volume: Volume | None = None
    pairs: bool = False
    cut: Cut = field(default_factory=Cut)
    shares: tuple[int, int, int] = SHARES
    length: float | None = None
    window: int | None = None
    seed: int = 0


def make_file(
    trend: Given,
    out: str | Path,
    name: str,
    *,
    left: Given | None = None,
    right: Given | None = None,
    how: Importing | None = None,
    overwrite: bool = False,
    bar: Bar = quiet,
) -> TaskSpec:
    """Make a data file of pictures.

    Args:
        trend: the pictures with the trend, r; see ``reading.pages``.
        out: the file to write.
        name: of the task.
        left: the stationary textures s1, as many; None for a task without inputs.
        right: the stationary textures s2, with ``left``.
        how: what is done to the pictures.
        overwrite: replace what stands at ``out``.
        bar: shows progress.

    Returns:
        The task, its split sizes included.

    Raises:
        ImagesError: pictures that cannot be used; the message gives the way out.
        DataFileError: something stands at ``out``, or its name does not end in .h5.
        SpecError: no such name, or a number out of range.
        InputError: ``out`` is one of the pictures, or lies in a folder of them.
    """
    how = how or Importing()
    path = as_path(out, "out")
    must_be_free(name)
    seed = whole(how.seed, "seed", most=SEED_LIMIT - 1)
    if path.is_dir():
        raise DataFileError(f"{path} is a folder: --out names the file to write")
    must_be_apart(path, "--out", *_paths(trend), *_paths(left), *_paths(right))
    named, path = path, plain_target(path)
    must_be_named(named)
    if path.exists() and not overwrite:
        raise DataFileError(f"{path} is there already: choose another --out, or --overwrite it")
    must_be_writable(path)
    given = _series(trend, left, right, how)
    found = gathered(given, how.cut, how.threshold, invert=how.invert, bar=bar)
    splits = dealt(found.source, how.shares, seed)
    spec = _spec(name, found, splits, how)
    _say_what_came(found, spec)
    with replacing(path) as temporary, FileWriter(temporary, spec, seed) as writer:
        for block in _blocks(spec, found, splits):
            writer.add(block)
    return spec


def _series(
    trend: Given, left: Given | None, right: Given | None, how: Importing
) -> dict[Image, Series]:
    """Where s1, s2 and r are read from, as far as there are any."""
    if how.pairs:
        if left is not None or right is not None:
            raise ImagesError("A|B pairs hold all three images: leave out --left and --right")
        if not isinstance(trend, str | Path | list | tuple):
            raise ImagesError("A|B pairs are files: name their folder, or a list of paths")
        paths = [Path(path) for path in ([trend] if isinstance(trend, str | Path) else trend)]
        return {name: Series(str(paths[0]), partial(halves, paths, name)) for name in IMAGES}
    if left is None and right is None:
        return {"r": Series(_shown(trend), partial(pages, trend, how.volume))}
    if left is None or right is None:
        raise ImagesError("--left and --right go together: name both, or neither")
    given: dict[Image, Given] = {"s1": left, "s2": right, "r": trend}
    return {
        name: Series(_shown(where), partial(pages, where, how.volume))
        for name, where in given.items()
    }


def _shown(given: Given) -> str:
    """What a message calls pictures."""
    if isinstance(given, np.ndarray):
        return "the array"
    return str(given[0] if isinstance(given, list | tuple) else given)


def _spec(name: str, found: Gathered, splits: Dealt, how: Importing) -> TaskSpec:
    measured = found.images("r", splits["train"][:_MEASURED]) == 0
    length = how.length if how.length is not None else characteristic_length(measured)
    window = how.window or min(_WINDOW, max(1, found.width // _WINDOWS))
    if how.volume is not None and 1 < how.volume.every < _APART * length:
        raise ImagesError(
            f"slices {how.volume.every} px apart depend on one another, as the characteristic "
            f"length is {length:.3g} px: --every {int(np.ceil(_APART * length))}"
        )
    fields = made_of(
        found.images("r", splits["test"]),
        characteristic_length=float(f"{length:.4g}"),
        inputs="s1" in found.series,
        pixel_size=found.pixel.size if found.pixel else None,
        pixel_unit=found.pixel.unit if found.pixel else None,
    )
    sizes = {split: len(rows) for split, rows in splits.items()}
    return TaskSpec(name=name, window=window, **fields, **sizes)


def _say_what_came(found: Gathered, spec: TaskSpec) -> None:
    sources = len(np.unique(found.source))
    say(
        f"{len(found.source)} pictures of {spec.width}×{spec.height} px from {sources} sources, "
        f"characteristic length {spec.length:.3g} px"
    )


def _blocks(spec: TaskSpec, found: Gathered, splits: Dealt) -> Iterator[Block]:
    """The triplets in file order."""
    step = triplets_per_block(spec)
    for split in SPLITS:
        rows = splits[split]
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            s1, s2, r = (found.images(name, part) for name in IMAGES)
            deflated = [deflate(image.data) for series in (s1, s2, r) for image in series]
            span = BlockRange(split, start, start + len(part))
            yield Block(span, (s1, s2, r), deflated, sources_of(found.source[part]))


def _paths(given: Given | None) -> list[Path]:
    """The files and folders among what is given."""
    many = given if isinstance(given, list | tuple) else [given]
    return [Path(one) for one in many if isinstance(one, str | Path)]
