"""Write a data file's images for programs that read no HDF5: arrays, pictures, or A|B pairs."""

import io
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.data.export_readme import readme
from trendbench.errors import DataFileError
from trendbench.process.images import BLACK, IMAGES, WHITE, Image
from trendbench.process.seeds import SPLITS, Split
from trendbench.progress import Progress, bar
from trendbench.storage.folder import must_take_files, replacing_folder

Format = Literal["npz", "png", "aligned"]
Series = dict[Image, NDArray[np.uint8]]
_TARGET = "r"
_CHUNK = 64  # images written between two words of progress
_FEWEST_DIGITS = 4
_README = "README.md"


def export(
    dataset: Dataset,
    folder: Path,
    form: Format,
    *,
    splits: Sequence[Split] = SPLITS,
    with_truth: bool = False,
) -> None:
    """Write splits of a data file into a new folder, whole or not at all.

    - ``npz``: ``<split>.npz`` with s1, s2 and r, each (n, H, W) uint8.
    - ``png``: ``<split>/s1/0000.png`` and so on, 8-bit grey.
    - ``aligned``: ``<split>/0000.png`` of twice the width in RGB. The left half A has s1 in its
      red channel, s2 in green and 0 in blue; the right half B is r in all three.

    Names count triplets from 0 in the file's order. The test split's r is left out, in
    ``aligned`` left white, unless ``with_truth``.

    Args:
        dataset: an open data file.
        folder: where to; it may exist, empty.
        form: which of the three.
        splits: which of the splits.
        with_truth: whether the test split's r goes along.

    Raises:
        DataFileError: something stands at ``folder``, or the data file is damaged.
        InputError: a file or a device stands above it.
        OSError: the folder cannot be written, or the disk is full.
    """
    write = {"npz": _write_npz, "png": _write_png, "aligned": _write_aligned}[form]
    sizes = dataset.spec.sizes
    empty = [split for split in splits if not sizes[split]]
    if empty:
        raise DataFileError(
            f"{dataset.path} has no {empty[0]} {dataset.spec.counted}: leave out that split"
        )
    _must_be_free(folder)
    with replacing_folder(folder) as scratch:
        for split in splits:
            series = {
                name: dataset.images(split, name)
                for name in IMAGES
                if name != _TARGET or split != "test" or with_truth
            }
            with bar(f"{folder.name}/{split}", _steps(form, series), "images") as progress:
                write(scratch, split, series, progress)
        (scratch / _README).write_text(
            readme(dataset, form, list(splits), with_truth=with_truth), encoding="utf-8"
        )


def _must_be_free(folder: Path) -> None:
    must_take_files(folder, "--out", DataFileError)
    if folder.is_dir() and any(folder.iterdir()):
        raise DataFileError(f"{folder} is not empty: name a folder that is new or empty")
    if os.path.realpath(folder) == os.getcwd():
        raise DataFileError(f"{folder} is the current folder: name one below it or elsewhere")


def _steps(form: Format, series: Series) -> int:
    n = len(next(iter(series.values())))
    return n if form == "aligned" else n * len(series)


def _write_npz(folder: Path, split: Split, series: Series, progress: Progress) -> None:
    with zipfile.ZipFile(
        folder / f"{split}.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as archive:
        for name, images in series.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # its date is 1980, whenever it is written
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as file:
                header = io.BytesIO()
                np.lib.format.write_array_header_1_0(
                    header, np.lib.format.header_data_from_array_1_0(images)
                )
                file.write(header.getvalue())
                for start in range(0, len(images), _CHUNK):
                    part = images[start : start + _CHUNK]
                    file.write(part.tobytes())
                    progress.advance(len(part))


def _write_png(folder: Path, split: Split, series: Series, progress: Progress) -> None:
    for name, images in series.items():
        place = folder / split / name
        place.mkdir(parents=True)
        _write_each(place, len(images), images, progress)


def _write_aligned(folder: Path, split: Split, series: Series, progress: Progress) -> None:
    s1, s2 = series["s1"], series["s2"]
    target = series.get("r")
    height, width = s1.shape[1:]

    def pair(i: int) -> NDArray[np.uint8]:
        picture = np.full((height, 2 * width, 3), WHITE, dtype=np.uint8)
        picture[:, :width] = np.stack([s1[i], s2[i], np.full_like(s1[i], BLACK)], axis=-1)
        if target is not None:
            picture[:, width:] = target[i][..., None]
        return picture

    place = folder / split
    place.mkdir()
    _write_each(place, len(s1), map(pair, range(len(s1))), progress)


def _write_each(
    folder: Path, n: int, pictures: Iterable[NDArray[np.uint8]], progress: Progress
) -> None:
    digits = max(_FEWEST_DIGITS, len(str(n - 1)))
    for i, picture in enumerate(pictures):
        PIL.Image.fromarray(picture).save(folder / f"{i:0{digits}}.png", compress_level=1)
        progress.advance()
