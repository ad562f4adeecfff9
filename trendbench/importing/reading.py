"""Read pictures one by one, however many a file holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trendbench.errors import ImagesError
from trendbench.importing.pixel_size import PixelSize, pixel_size
from trendbench.metrics.files import must_be_pictures, opened_hdf5, picture_files, read_array
from trendbench.metrics.pictures import (
    FORMATS,
    files_anew,
    grey_values,
    has_page,
    pages_anew,
    unreadable,
)
from trendbench.storage import hdf5
from trendbench.storage.bounded import Check

Axis = Literal["z", "y", "x"]
AXES: tuple[Axis, ...] = ("z", "y", "x")  # of a volume: slices, rows, columns
_MOST_PIXELS = 1 << 27  # of one picture; as grey values of 16 bits they take 256 MiB
_LARGEST_VOLUME = 1 << 31  # bytes of a volume of pictures that is cut along y or x
_HDF5 = (".h5", ".hdf5")
_AT_ONCE = 1 << 26  # bytes of the pictures that are read from HDF5 at a time
_IN_MEMORY = "the array"
Pixels = NDArray[Any]
Given = Pixels | str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Volume:
    """How files are taken as volumes.

    A file of several pictures is a volume. Files of one picture in one folder are one volume.

    Attributes:
        axis: that slices are taken along: z, the order of pages and files, or y or x of a page.
        every: one slice in so many is taken, and each counts as a source of its own. 1 takes all,
            and the volume is one source.
    """

    axis: Axis
    every: int = 1


@dataclass(frozen=True)
class Page:
    """One picture.

    Attributes:
        name: what a message calls it.
        source: what it is a part of; pages of one source are dependent.
        values: (H, W), of the type that is stored.
        pixel: its size, where the file says it.
        lossy: whether it comes from a JPEG.
    """

    name: str
    source: str
    values: Pixels
    pixel: PixelSize | None = None
    lossy: bool = False


def pages(given: Given, volume: Volume | None) -> Iterator[Page]:
    """Every picture of an array, a path, or several paths, in order.

    Args:
        given: an array (H, W) or (n, H, W); the path of a PNG, TIFF, JPEG, ``.npy``, ``.npz`` or
            ``.h5`` file or of a folder of these; or a list of paths.
        volume: how stacks are cut; None where each page is a picture of its own.

    Raises:
        ImagesError: pictures that are missing, damaged, in colour or too large.
    """
    if isinstance(given, np.ndarray):
        yield from _of_array(given, _IN_MEMORY, volume)
        return
    paths = list(given) if isinstance(given, list | tuple) else [given]
    if not paths or not all(isinstance(path, str | Path) for path in paths):
        raise ImagesError(
            f"pictures = {given!r:.60}: needed is an array (n, H, W), a path, or a list of paths"
        )
    files = [file for path in paths for file in picture_files(Path(str(path)))]
    if volume is None:
        for file in files:
            yield from _of_file(file, None)
        return
    stacks: dict[Path, list[Path]] = {}
    for file in files:
        stacks.setdefault(file.parent if _is_single(file) else file, []).append(file)
    for where, parts in stacks.items():
        yield from _of_file(where, volume) if parts == [where] else _of_slices(where, parts, volume)


def _of_file(file: Path, volume: Volume | None) -> Iterator[Page]:
    """The pictures of one file, or the slices of the volume that it holds."""
    kind = FORMATS.get(file.suffix.lower())
    if file.suffix.lower() in _HDF5:
        yield from _of_hdf5(file, volume)
    elif kind is None:
        yield from _of_array(_array(file), str(file), volume)
    elif volume is not None and volume.axis != "z":
        yield from _of_array(_loaded([file], str(file)), str(file), volume)
    else:
        yield from _of_pages(file, kind, volume)


def _of_slices(folder: Path, files: list[Path], volume: Volume) -> Iterator[Page]:
    """The slices of the volume that files of one picture make, in their order along z."""
    if volume.axis != "z":
        yield from _of_array(_loaded(files, str(folder)), str(folder), volume)
        return
    for number in range(0, len(files), volume.every):
        for page in _of_file(files[number], None):
            yield replace(page, source=_source(folder, number, volume))


def _is_single(file: Path) -> bool:
    """Whether a file holds one picture."""
    kind = FORMATS.get(file.suffix.lower())
    if file.suffix.lower() in _HDF5:
        with opened_hdf5(file, _check_of(file)) as data:
            return len(data.shape) == 2
    if kind is None:
        return _array(file).ndim == 2
    with _opened(file, kind) as image:
        return not has_page(image, 1)


@contextmanager
def _opened(file: Path, kind: str) -> Iterator[Image.Image]:
    """An open picture file. What goes wrong with it is an ``ImagesError``."""
    try:
        with Image.open(file, formats=[kind]) as image:
            yield image
    except Image.DecompressionBombError:
        raise _too_large(str(file)) from None
    except Exception as error:
        raise unreadable(error, file, kind) from None


def _of_pages(file: Path, kind: str, volume: Volume | None) -> Iterator[Page]:
    """The pages of a picture file, each decoded when it is asked for."""
    every = volume.every if volume else 1
    if kind != "TIFF":
        with _opened(file, kind) as image:
            must_be_small(image.size[::-1], str(file))
            image.verify()  # a PNG's checksums, and that it ends; no pixel is decoded
    with _opened(file, kind) as image:
        number = 0
        while has_page(image, number):
            name = f"{file}, page {number}" if number else str(file)
            if number % every == 0:
                must_be_small(image.size[::-1], name)
                anew = pages_anew if number else files_anew
                values, size = grey_values(image, name, anew), pixel_size(image)
                source = _source(file, number, volume)
                yield Page(name, source, values, size, lossy=kind == "JPEG")
            number += 1


def _of_hdf5(file: Path, volume: Volume | None) -> Iterator[Page]:
    """The pictures of an HDF5 file, a few at a time; all at once where slices are not along z."""
    with opened_hdf5(file, _check_of(file)) as data:
        if len(data.shape) == 2 or (volume is not None and volume.axis != "z"):
            yield from _of_array(hdf5.read(data), str(file), volume)
            return
        every = volume.every if volume else 1
        step = max(1, _AT_ONCE // (data.shape[1] * data.shape[2] * data.dtype.itemsize))
        for start in range(0, len(data), step):
            block = hdf5.read(data, slice(start, start + step))
            for number in range(start + -start % every, start + len(block), every):
                source = _source(file, number, volume)
                yield Page(f"{file}, [{number}]", source, block[number - start])


def _of_array(array: Pixels, where: str, volume: Volume | None) -> Iterator[Page]:
    """The pictures of an array (H, W) or (n, H, W), or its slices along an axis."""
    must_be_pictures(array.shape, array.dtype, where)
    stack = array if array.ndim == 3 else array[None]
    axis = AXES.index(volume.axis) if volume else 0
    for number in range(0, stack.shape[axis], volume.every if volume else 1):
        values = np.take(stack, number, axis=axis)
        must_be_small(values.shape, where)
        yield Page(f"{where}, [{number}]", _source(where, number, volume), values)


def _source(file: str | Path, number: int, volume: Volume | None) -> str:
    """A volume is one source, unless its slices are taken far apart."""
    return str(file) if volume is not None and volume.every == 1 else f"{file} {number}"


def _array(file: Path) -> Pixels:
    """The array of a file; a ``.npy`` stays on the disk and is read slice by slice."""
    if file.suffix.lower() == ".npy":
        try:
            return np.load(file, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        except (OSError, ValueError, EOFError) as error:
            raise ImagesError(f"{file} is not a readable .npy ({error})") from None
    return read_array(file, _check_of(file))


def _check_of(file: Path) -> Check:
    """What refuses an array that holds no pictures."""

    def check(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        del name
        must_be_pictures(shape, dtype, str(file))
        must_be_small(shape[-2:], str(file))

    return check


def _loaded(files: list[Path], where: str) -> Pixels:
    """The pictures of files as one array: slices along y or x need all of them."""
    planes: list[Pixels] = []
    size = 0
    for page in (page for file in files for page in _of_file(file, None)):
        size += page.values.nbytes
        if size > _LARGEST_VOLUME:
            raise ImagesError(
                f"{where} holds more than {_LARGEST_VOLUME >> 30} GiB, too much to cut along y or "
                "x: --slices z reads it page by page, and so does any axis of an array in a .npy"
            )
        if planes and page.values.shape != planes[0].shape:
            raise ImagesError(f"{page.name} has another size than the pages before it")
        planes.append(page.values)
    return np.stack(planes)


def must_be_small(shape: tuple[int, ...], where: str) -> None:
    """Refuse a picture (H, W) of more than 2²⁷ pixels.

    Raises:
        ImagesError: it has more.
    """
    if shape[0] * shape[1] > _MOST_PIXELS:
        raise _too_large(where)


def _too_large(where: str) -> ImagesError:
    return ImagesError(
        f"{where} has more than the {_MOST_PIXELS} pixels that one picture may have: cut it into "
        "several files first"
    )
