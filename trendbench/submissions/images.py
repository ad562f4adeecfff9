"""Read generated images: a .npy, .npz or .h5 file, or a folder of PNGs, in test order."""

import io
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trendbench import theory
from trendbench.errors import ImagesError
from trendbench.metrics.batch import THRESHOLD
from trendbench.progress import say
from trendbench.rendering.disks import WHITE
from trendbench.spec import TaskSpec
from trendbench.storage import hdf5
from trendbench.storage.bounded import ArrayError, Check, read_file, read_npy, read_npz

_NUMBER = re.compile(r"(\d+)(?=\D*$)")
_INVERTED_MARGIN = 2.0
_LARGEST_ARCHIVE = 1 << 34
_MOST_ITEMS = 1000
_PNG_BYTES, _PNG_SLACK = 5, 1 << 16  # a pixel of four channels barely grows when it is deflated


def read_samples(
    path: Path, spec: TaskSpec, n: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The images at ``path``, and a second sample for the same triplets where there is one.

    An array (2, n, H, W), as a run leaves it, holds both. Otherwise as ``read_images``.

    Raises:
        ImagesError: as ``read_images``.
    """
    if path.is_dir():
        return read_images(path, spec, n), None
    array = _array(path, spec, n)
    if array.shape != (2, n, spec.height, spec.width):
        return _checked(_grey(array, path), spec, n, path), None
    first, second = (_checked(_grey(part, path), spec, n, path) for part in array)
    return first, second


def read_images(path: Path, spec: TaskSpec, n: int) -> NDArray[np.uint8]:
    """The images at ``path`` as (n, H, W) uint8, white 255.

    Grey values 0 … 255 as integers, or 0 … 1 as floats, which is said. A folder holds one PNG a
    triplet, each name ending in its number, numbered without a gap from 0 or from 1.

    Args:
        path: file or folder.
        spec: the task, for the frame and for telling black from white.
        n: number of test triplets.

    Raises:
        ImagesError: wrong count, shape, type or range, an order that cannot be known, or images
            with black and white exchanged.
    """
    images = _folder(path, spec, n) if path.is_dir() else _grey(_array(path, spec, n), path)
    return _checked(images, spec, n, path)


def _array(path: Path, spec: TaskSpec, n: int) -> NDArray[Any]:
    """The one array in a file, whatever its format, read if it can be images of the task."""
    readers: dict[str, Callable[[Path, Check], NDArray[Any]]] = {
        ".npy": _npy, ".npz": _npz, ".h5": _hdf5, ".hdf5": _hdf5,
    }  # fmt: skip
    reader = readers.get(path.suffix.lower())
    if not path.is_file():
        raise ImagesError(f"no images at {path}")
    if reader is None:
        raise ImagesError(f"{path}: known are .npy, .npz, .h5 and folders of PNGs")
    frame = (spec.height, spec.width)
    usable = {(n, *frame), (n, 1, *frame), (n, *frame, 1), (2, n, *frame)}

    def check(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        del name  # there is one array
        if dtype.kind not in "iuf" or 0 in shape:
            raise ImagesError(f"{path} has type {dtype!s:.60}: needed is uint8, or floats in 0 … 1")
        if shape not in usable:
            raise _wrong_shape(path, shape, spec, n)

    return reader(path, check)


def _wrong_shape(path: Path, shape: tuple[int, ...], spec: TaskSpec, n: int) -> ImagesError:
    return ImagesError(
        f"{path} holds images of shape {shape!s:.80}: needed is {(n, spec.height, spec.width)}, "
        "one for each test triplet in the file's order"
    )


def _checked(images: NDArray[np.uint8], spec: TaskSpec, n: int, path: Path) -> NDArray[np.uint8]:
    """Images, if they are one for each triplet, black on white."""
    if images.shape != (n, spec.height, spec.width):
        raise _wrong_shape(path, images.shape, spec, n)
    _must_not_be_inverted(images, spec, path)
    return images


def _npy(path: Path, check: Check) -> NDArray[Any]:
    try:
        return read_npy(path, check)
    except (OSError, ArrayError) as error:
        raise ImagesError(f"{path} is not a readable .npy ({_reason(error)})") from None


def _npz(path: Path, check: Check) -> NDArray[Any]:
    try:
        arrays = read_npz(read_file(path, _LARGEST_ARCHIVE), check, most=1)
    except (OSError, ArrayError) as error:
        raise ImagesError(f"{path} is not a readable .npz ({_reason(error)})") from None
    if not arrays:
        raise ImagesError(f"{path} holds no array: needed is one")
    return arrays.popitem()[1]


def _hdf5(path: Path, check: Check) -> NDArray[Any]:
    try:
        with hdf5.opened(path) as file:
            items = [_own(file, name) for name in islice(file, _MOST_ITEMS)]
            found = [item for item in items if isinstance(item, h5py.Dataset)]
            if len(found) != 1:
                raise ImagesError(f"{path} holds {len(found)} data sets at its root: needed is one")
            hdf5.must_be_sound(found[0], path.stat().st_size)
            check("", found[0].shape, found[0].dtype)
            return hdf5.read(found[0])
    except ImagesError:
        raise
    except Exception as error:  # HDF5 finds damage in many ways, and h5py names it in many
        raise ImagesError(f"{path} is not a readable HDF5 file ({_reason(error)})") from None


def _own(file: h5py.File, name: str) -> h5py.Group | h5py.Dataset | None:
    """What the file itself holds under a name; None for links to elsewhere."""
    try:
        return hdf5.member(file, name)
    except hdf5.UnsafeError:
        return None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _folder(path: Path, spec: TaskSpec, n: int) -> NDArray[np.uint8]:
    files = [file for file in path.iterdir() if file.suffix.lower() == ".png"]
    if not files:
        others = sorted({file.suffix for file in path.iterdir() if file.is_file()})[:3]
        hint = f", but {', '.join(others)}" if any(others) else ""
        raise ImagesError(f"{path} holds no PNG{hint}: needed is one a test triplet")
    numbered: dict[int, Path] = {}
    for file in files:
        number = _NUMBER.search(file.stem)
        plain = file.is_file() and not file.is_symlink()
        if number is None or int(number[0]) in numbered or not plain:
            raise ImagesError(
                f"{file}: each PNG must be a file of its own whose name ends in the number of its "
                "test triplet, or the order cannot be known"
            )
        numbered[int(number[0])] = file
    first = min(numbered)
    if first not in (0, 1) or sorted(numbered) != list(range(first, first + len(numbered))):
        raise ImagesError(f"{path}: the PNGs must be numbered without a gap, from 0 or from 1")
    if len(numbered) != n:
        raise ImagesError(f"{path} holds {len(numbered)} PNGs: needed are {n}, one a test triplet")
    images = np.empty((n, spec.height, spec.width), dtype=np.uint8)
    for i, key in enumerate(sorted(numbered)):
        images[i] = _png(numbered[key], spec)
    return images


def _png(path: Path, spec: TaskSpec) -> NDArray[np.uint8]:
    try:
        content = read_file(path, _PNG_BYTES * spec.width * spec.height + _PNG_SLACK)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            image.verify()  # every checksum, and that it ends; no pixel is decoded
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.size != (spec.width, spec.height):
                raise ImagesError(
                    f"{path} is {image.width}×{image.height} px, not {spec.width}×{spec.height}"
                )
            if image.mode not in ("1", "L", "P", "RGB") or getattr(image, "n_frames", 1) != 1:
                raise ImagesError(f"{path} has mode {image.mode}: needed is one 8-bit grey image")
            if image.mode in ("P", "RGB"):
                colours: NDArray[np.uint8] = np.asarray(image.convert("RGB"))
                if bool((colours != colours[..., :1]).any()):
                    raise ImagesError(f"{path} is in colour: needed is grey")
            grey: NDArray[np.uint8] = np.asarray(image.convert("L"), dtype=np.uint8)
            return grey
    except ImagesError:
        raise
    except Exception as error:  # damage comes out of the decoder as a dozen kinds
        raise ImagesError(f"{path} is not a readable PNG ({_reason(error)})") from None


def _grey(array: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Integers 0 … 255 or floats 0 … 1 to uint8; a channel axis of length one is dropped."""
    if array.ndim == 4 and 1 in (array.shape[1], array.shape[3]):
        array = array[:, 0] if array.shape[1] == 1 else array[..., 0]
    if array.ndim != 3:
        raise ImagesError(f"{path} has shape {array.shape}: needed is (n, H, W)")
    if array.dtype.kind not in "iuf" or array.size == 0:
        raise ImagesError(f"{path} has type {array.dtype}: needed is uint8, or floats in 0 … 1")
    low, high = float(array.min()), float(array.max())
    if not np.isfinite(low + high):
        raise ImagesError(f"{path} holds values that are not finite")
    if array.dtype.kind == "f":
        if low < 0 or high > 1:
            raise ImagesError(f"{path} holds floats from {low:.3g} to {high:.3g}: needed is 0 … 1")
        say(f"{path}: floats in 0 … 1, taken as grey with 1 for white")
        grey: NDArray[np.uint8] = np.rint(array * WHITE).astype(np.uint8)
        return grey
    if low < 0 or high > WHITE:
        raise ImagesError(f"{path} holds integers from {low:g} to {high:g}: needed is 0 … 255")
    if high <= 1:
        raise ImagesError(f"{path} holds only 0 and 1: needed is 0 for particles and 255 for white")
    return np.ascontiguousarray(array, dtype=np.uint8)


def _must_not_be_inverted(images: NDArray[np.uint8], spec: TaskSpec, path: Path) -> None:
    """Refuse white particles on black, told by coverage where the task's is not near one half."""
    x = theory.pixel_centres(spec.width)
    exact = theory.coverage(x, spec.intensity, spec.radius)
    columns = (images < THRESHOLD).mean(axis=(0, 1))
    as_is, inverted = (np.square(c - exact).sum() for c in (columns, 1 - columns))
    if as_is > _INVERTED_MARGIN * inverted and np.square(1 - columns - exact).mean() < 0.02:
        raise ImagesError(
            f"{path} seems to have white particles on black: exchange them (255 − image), so that "
            "a particle is 0 and the background 255"
        )
