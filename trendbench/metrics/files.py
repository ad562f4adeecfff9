"""Read generated images: an array in a file, or pictures, in test order."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.metrics import pictures
from trendbench.metrics.intake import (
    Handling,
    Images,
    accepted_samples,
    must_fit,
    must_have_enough,
)
from trendbench.spec import TaskSpec
from trendbench.storage import hdf5
from trendbench.storage.bounded import ArrayError, Check, read_file, read_npy, read_npz

ARRAYS = (".npy", ".npz", ".h5", ".hdf5")
KNOWN = "known are .png, .tif, .npy, .npz, .h5 and folders of these, and .jpg with --threshold"
_LARGEST_ARCHIVE = 1 << 34
_MOST_ITEMS = 1000
_AS_IT_IS = Handling()


def read_samples(
    path: Path, spec: TaskSpec, n: int, how: Handling = _AS_IT_IS
) -> tuple[Images, Images | None]:
    """The images at a path, and a second sample for the same triplets where there is one.

    Args:
        path: a ``.npy``, ``.npz`` or ``.h5`` file with one array (n, H, W), or (2, n, H, W) for two
            samples, as a run leaves it; a ``.tif`` of n pages; or a folder of pictures, one a
            triplet, each name ending in its number, from 0 or from 1 without a gap.
        spec: the task, for the frame and for telling black from white.
        n: number of test triplets.
        how: what is done to the images.

    Returns:
        (n, H, W) uint8 each, a particle 0 and the background 255.

    Raises:
        ImagesError: nothing there, damaged, an order that cannot be known, or as
            ``metrics.intake.accepted_samples``.
    """
    must_have_enough(spec, n)  # before anything is read
    return accepted_samples(_array(path, spec, n, how), spec, n, str(path), how)


def _array(path: Path, spec: TaskSpec, n: int, how: Handling) -> NDArray[Any]:
    """The one array at a path, whatever its format, read if it can be images of the task."""
    where = str(path)
    if path.is_dir():
        return pictures.folder(path, spec, n, lossy=how.threshold is not None)
    if not path.is_file():
        if path.exists():
            raise ImagesError(f"{path} is a pipe or device: save it to a file, and name that")
        missing = ", a link to nothing" if path.is_symlink() else ""
        raise ImagesError(f"no images at {path}{missing}")
    if pictures.FORMATS.get(path.suffix.lower()) == "TIFF":
        return pictures.stack(path, spec, n)
    if path.suffix.lower() not in ARRAYS:
        raise ImagesError(
            f"{path}: known are .npy, .npz, .h5, .tif with a page a triplet, and folders of PNGs "
            "or TIFFs"
        )

    def check(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        del name  # there is one array
        must_fit(shape, dtype, spec, n, where)

    return read_array(path, check)


def read_array(path: Path, check: Check) -> NDArray[Any]:
    """The one array of a file whose name ends in one of ``ARRAYS``.

    Args:
        path: the file.
        check: refuses an array by its name, shape and type before it is read.

    Raises:
        ImagesError: damaged, or with more arrays than one.
    """
    readers: dict[str, Callable[[Path, Check], NDArray[Any]]] = {
        ".npy": _npy, ".npz": _npz, ".h5": _hdf5, ".hdf5": _hdf5,
    }  # fmt: skip
    return readers[path.suffix.lower()](path, check)


def picture_files(path: Path) -> list[Path]:
    """The files of pictures at a path: itself, or those in a folder in the order of their names.

    Raises:
        ImagesError: there are none.
    """
    if path.is_dir():
        inside = sorted(file for file in path.iterdir() if not file.name.startswith("."))
        files = [file for file in inside if file.suffix.lower() in (*pictures.FORMATS, *ARRAYS)]
        if not files:
            raise ImagesError(f"{path} holds no pictures: {KNOWN}")
        return files
    if not path.is_file():
        what = "is no file of pictures" if path.exists() else "does not exist"
        raise ImagesError(f"{path} {what}: {KNOWN}")
    if path.suffix.lower() not in (*pictures.FORMATS, *ARRAYS):
        raise ImagesError(f"{path}: {KNOWN}")
    return [path]


def must_be_pictures(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    """Refuse an array that cannot be a picture (H, W) or several (n, H, W).

    Raises:
        ImagesError: no plain numbers, in colour, or of another shape.
    """
    if dtype.kind not in "biuf":
        raise ImagesError(
            f"{where} has type {dtype!s:.60}: needed is uint8, bool, or floats in 0 … 1"
        )
    if len(shape) == 3 and shape[-1] in (3, 4) and shape[0] > 4:
        raise ImagesError(
            f"{where} has shape {shape}, a picture in colour: needed is grey: images.mean(axis=-1) "
            "with a threshold makes black and white of it"
        )
    if len(shape) not in (2, 3) or 0 in shape:
        raise ImagesError(f"{where} has shape {shape!s:.80}: needed is (H, W) or (n, H, W)")


def _npy(path: Path, check: Check) -> NDArray[Any]:
    try:
        return read_npy(path, check)
    except (OSError, ArrayError) as error:
        raise ImagesError(f"{path} is not a readable .npy ({_reason(error)})") from None


def _npz(path: Path, check: Check) -> NDArray[Any]:
    try:
        content = read_file(path, _LARGEST_ARCHIVE, typed=True)
        names = _names(content)
        if len(names) > 1:
            raise ImagesError(
                f"{path} holds {len(names)} arrays ({_some(names)}): needed is one: "
                f'np.save("images.npy", np.load("{path.name}")["{names[0]:.40}"]) takes one out'
            )
        arrays = read_npz(content, check, most=1)
    except (OSError, ArrayError) as error:
        raise ImagesError(f"{path} is not a readable .npz ({_reason(error)})") from None
    if not arrays:
        raise ImagesError(f'{path} holds no array: needed is one: np.savez("{path.name}", images)')
    return arrays.popitem()[1]


def _names(content: bytes) -> list[str]:
    """The names of the arrays in a .npz; none where it is damaged."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            files = archive.namelist()
    except Exception:  # zipfile raises a dozen kinds; read_npz says which
        return []
    return [name.removesuffix(".npy") for name in files if name.endswith(".npy")]


def _some(names: list[str]) -> str:
    return ", ".join(f"{name:.40}" for name in names[:3]) + (", …" if len(names) > 3 else "")


def _hdf5(path: Path, check: Check) -> NDArray[Any]:
    with opened_hdf5(path, check) as data:
        return hdf5.read(data)


@contextmanager
def opened_hdf5(path: Path, check: Check) -> Iterator[h5py.Dataset]:
    """The one data set of an HDF5 file, for ``storage.hdf5.read``.

    Args:
        path: the file.
        check: refuses an array by its name, shape and type.

    Raises:
        ImagesError: damaged, or with more data sets than one.
    """
    try:
        with hdf5.opened(path) as file:
            items = [_own(file, name) for name in islice(file, _MOST_ITEMS)]
            found = [item for item in items if isinstance(item, h5py.Dataset)]
            if len(found) != 1:
                test = _own(file, "test") if not found else None
                is_ours = isinstance(test, h5py.Group) and _own(test, "r") is not None
                names = [item.name.lstrip("/") for item in found] or [
                    "test/r" if is_ours else "GROUP/NAME"
                ]
                held = f" ({_some(names)})" if found else ""
                raise ImagesError(
                    f"{path} holds {len(found)} data sets at its root{held}: needed is one: "
                    f'np.save("images.npy", h5py.File("{path.name}")["{names[0]:.40}"][:]) takes '
                    "one out"
                )
            if found[0].id.get_type().get_class() == h5py.h5t.ENUM:  # how h5py stores booleans
                raise ImagesError(
                    f"{path} holds booleans: save images.astype(np.uint8), and name --threshold 1, "
                    "with --invert where True is a particle"
                )
            hdf5.must_be_sound(found[0], path.stat().st_size)
            check("", found[0].shape, found[0].dtype)
            yield found[0]
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
