"""Read pictures to fit: black and white, of one size, from arrays, files and folders."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trendbench.errors import ImagesError
from trendbench.metrics.files import must_be_pictures, picture_files, read_array
from trendbench.metrics.intake import Handling, plain
from trendbench.metrics.pictures import (
    FORMATS,
    files_anew,
    grey_values,
    has_page,
    pages_anew,
    unreadable,
)
from trendbench.process.images import BLACK, WHITE
from trendbench.storage.bounded import Check, read_file

_LARGEST_FILE = 1 << 30
_MOST_PIXELS = 1 << 28  # of all pictures together
_IN_MEMORY = "the array"
_FEWER = ": give fewer pictures, or parts of them"
Pixels = NDArray[Any]


def read_pictures(
    images: Pixels | str | Path | Sequence[str | Path], how: Handling
) -> NDArray[np.uint8]:
    """Pictures as an array of black 0 and white 255, (n, H, W).

    Args:
        images: an array (H, W) or (n, H, W), a path, or a list of paths.
        how: what is done to them.

    Raises:
        ImagesError: pictures that are missing, damaged, too large, of several sizes or types, in
            colour, grey, labelled, or of one colour throughout.
    """
    if isinstance(images, str | Path):
        named = _at(Path(images), how)
    elif isinstance(images, np.ndarray):
        named = iter([(_IN_MEMORY, _stack(images, _IN_MEMORY))])
    elif isinstance(images, Sequence) and images and all(isinstance(i, str | Path) for i in images):
        named = (one for path in images for one in _at(Path(path), how))
    else:
        raise ImagesError(
            f"images = {images!r:.60}: needed is an array (n, H, W), a path, or a list of paths"
        )
    return _black_and_white(*_of_one_kind(named), how)


def _at(path: Path, how: Handling) -> Iterator[tuple[str, Pixels]]:
    """What stands at a path: names and stacks (n, H, W), the files of a folder by name."""
    for file in picture_files(path):
        kind, where = FORMATS.get(file.suffix.lower()), str(file)
        if kind is None:
            yield where, _stack(read_array(file, _check(where)), where)
        elif kind == "JPEG" and how.threshold is None:
            raise ImagesError(
                f"{file} is a JPEG, whose edges are blurred: save a PNG, or take it as black and "
                "white with --threshold 128 (threshold=128 in Python)"
            )
        else:
            yield from _pages(file, kind)


def _check(where: str) -> Check:
    """Refuses an array in the file ``where`` before it is read."""

    def check(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        del name
        _must_be_few_pictures(shape, dtype, where)

    return check


def _pages(path: Path, kind: str) -> Iterator[tuple[str, Pixels]]:
    """The pages of a picture file, one for PNG and JPEG."""
    try:
        content = read_file(path, _LARGEST_FILE, typed=True)
        if kind != "TIFF":
            with Image.open(io.BytesIO(content), formats=[kind]) as image:
                _must_be_few(image.width * image.height, str(path))
                image.verify()  # a PNG's checksums, and that it ends; no pixel is decoded
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            number = 0
            while has_page(image, number):
                _must_be_few(image.width * image.height * (number + 1), str(path))
                name = f"{path}, page {number}" if number else str(path)
                yield name, grey_values(image, name, pages_anew if number else files_anew)[None]
                number += 1
    except Exception as error:
        raise unreadable(error, path, kind) from None


def _stack(array: Pixels, where: str) -> Pixels:
    """One picture or several as (n, H, W)."""
    _must_be_few_pictures(array.shape, array.dtype, where)
    return array.reshape(-1, *array.shape[-2:])


def _must_be_few_pictures(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    must_be_pictures(shape, dtype, where)
    _must_be_few(int(np.prod(shape, dtype=object)), where)


def _must_be_few(pixels: int, where: str) -> None:
    if pixels > _MOST_PIXELS:
        raise ImagesError(f"{where} holds {pixels} pixels, more than {_MOST_PIXELS}{_FEWER}")


def _of_one_kind(named: Iterator[tuple[str, Pixels]]) -> tuple[Pixels, str]:
    """All pictures in one array, and what a message calls them."""
    parts: list[Pixels] = []
    first, pixels = "", 0
    for name, part in named:
        pixels += part.size
        _must_be_few(pixels, f"{first or name} and what follows it")
        if not parts:
            first = name
        elif part.shape[1:] != parts[0].shape[1:]:
            (tall, wide), (h, w) = part.shape[1:], parts[0].shape[1:]
            h, w = min(h, tall), min(w, wide)
            raise ImagesError(
                f"{name} is {wide}×{tall} px and {first} "
                f"{parts[0].shape[2]}×{parts[0].shape[1]} px: needed is one size: "
                + files_anew(f"im.crop((0, 0, {w}, {h}))")
            )
        elif part.dtype != parts[0].dtype:
            raise ImagesError(
                f"{name} has type {part.dtype} and {first} {parts[0].dtype}: save all alike"
            )
        parts.append(part)
    return np.concatenate(parts), first if len(parts) == 1 else f"{first} and {len(parts) - 1} more"


def _black_and_white(array: Pixels, where: str, how: Handling) -> NDArray[np.uint8]:
    """The pictures, if two colours and no more are in them."""
    images = plain(array, where, how)
    low, high = int(images.min()), int(images.max())
    grey = float(np.mean((images > BLACK) & (images < WHITE)))
    if low == high:
        raise ImagesError(
            f"{where}: every pixel is {low}, and one colour shows no disks: give pictures with "
            "black particles on white, or another --threshold"
        )
    if grey:
        raise ImagesError(
            f"{where}: {grey:.2%} of the pixels are grey, and a fit takes black and white: "
            "--threshold 128 (threshold=128 in Python, 0.5 for floats) makes those of 128 and more "
            "white"
        )
    return images
