"""``import_pictures``, the public function behind ``trendbench import``."""

from pathlib import Path
from typing import Any

from trendbench.arguments import as_path, number, one_of, whole
from trendbench.errors import InputError
from trendbench.importing.frame import Crop, Cut
from trendbench.importing.make import Importing, make_file
from trendbench.importing.names import task_name
from trendbench.importing.phases import OTSU, Threshold
from trendbench.importing.reading import AXES, Given, Volume
from trendbench.importing.splits import SHARES
from trendbench.progress import Bar, quiet
from trendbench.spec import TaskSpec


def import_pictures(
    trend: Given,
    out: str | Path,
    *,
    name: str | None = None,
    left: Given | None = None,
    right: Given | None = None,
    threshold: Threshold = None,
    invert: bool = False,
    crop: tuple[int, int, int, int] | None = None,
    tile: tuple[int, int] | None = None,
    overlap: int = 0,
    along: str = "x",
    slices: str | None = None,
    every: int = 1,
    pairs: bool = False,
    splits: tuple[int, int, int] = SHARES,
    length: float | None = None,
    window: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    bar: Bar = quiet,
) -> TaskSpec:
    """Make a data file of pictures, as ``trendbench import`` does.

    Args:
        trend: the pictures with the trend, r: an array (H, W) or (n, H, W), the path of a file or
            folder, or a list of paths.
        out: the file to write, ``*.h5``.
        name: of the task; that of the file if None.
        left: the stationary textures s1, as many; None for a task without inputs.
        right: the stationary textures s2, with ``left``.
        threshold: pixels of this value and above are white, or ``"otsu"``; None for pictures of
            two values.
        invert: exchange black and white, after the threshold.
        crop: (W, H, X, Y), a part of each stored picture [px].
        tile: (W, H) of tiles, W along the trend [px]; None for whole pictures.
        overlap: of tiles [px].
        along: ``"x"`` or ``"y"``, the axis that the trend runs along.
        slices: ``"z"``, ``"y"`` or ``"x"``: take files as volumes, slice by slice along this axis.
        every: with ``slices``, every N-th slice, each a source of its own.
        pairs: pictures are A|B pairs in RGB.
        splits: shares of the source pictures for train, val and test.
        length: characteristic length [px]; measured if None.
        window: of ξ [px]; 16, or an eighth of a narrow frame, if None.
        seed: of the order in which source pictures are dealt to splits.
        overwrite: replace what stands at ``out``.
        bar: shows progress; nothing by default.

    Returns:
        The task, its split sizes included.

    Raises:
        ImagesError: pictures that cannot be used; the message gives the way out.
        InputError: another argument of no use.
        DataFileError: something stands at ``out``.
        SpecError: no name for a task, or that of a shipped one.
    """
    path = as_path(out, "out")
    if threshold is not None and threshold != OTSU:
        threshold = number(threshold, "threshold")  # type: ignore[arg-type]
    part = None if crop is None else Crop(*_wholes(crop, "crop", (1, 1, 0, 0)))
    width, height = (0, 0) if tile is None else _wholes(tile, "tile", (1, 1))
    one_of(along, "along", ("x", "y"))
    whole(every, "every", 1)
    if every > 1 and slices is None:
        raise InputError(f"every = {every} goes with slices: name the axis, as slices='z'")
    if pairs and slices is not None:
        raise InputError("pairs are no volume: leave out pairs or slices")
    axis = None if slices is None else one_of(slices, "slices", AXES)
    volume = next((Volume(known, every) for known in AXES if known == axis), None)
    if length is not None:
        number(length, "length", above=0)
    if window is not None:
        whole(window, "window", 1)
    cut = Cut(part, (width, height) if tile else None, whole(overlap, "overlap"), along)
    train, val, test = _wholes(splits, "splits", (1, 1, 1))
    how = Importing(
        threshold, invert, volume, pairs, cut, (train, val, test), length, window, seed
    )  # fmt: skip
    return make_file(
        trend, path, name or task_name(path), left=left, right=right, how=how,
        overwrite=overwrite, bar=bar,
    )  # fmt: skip


def _wholes(values: Any, name: str, least: tuple[int, ...]) -> tuple[int, ...]:
    """As many whole numbers as there are least values."""
    if not isinstance(values, tuple | list) or len(values) != len(least):
        raise InputError(f"{name} = {values!r:.60}: needed are {len(least)} whole numbers")
    return tuple(whole(value, name, low) for value, low in zip(values, least, strict=True))
