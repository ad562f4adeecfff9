"""A|B pairs: s1, s2 and r in one picture, as ``trendbench export --format aligned`` writes them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from trendbench.errors import ImagesError
from trendbench.importing.pixel_size import pixel_size
from trendbench.importing.reading import Page, must_be_small
from trendbench.metrics.files import picture_files
from trendbench.metrics.pictures import FORMATS, unreadable
from trendbench.process.images import Image

_CHANNEL: dict[Image, int] = {"s1": 0, "s2": 1, "r": 0}  # of the half that holds it


def halves(paths: list[Path], name: Image) -> Iterator[Page]:
    """One image of each pair.

    The left half A has s1 in its red channel and s2 in its green one; the right half B is r.

    Args:
        paths: pictures in colour, or folders of them.
        name: which of the three images.

    Raises:
        ImagesError: pictures that are missing, damaged, grey, or of an odd width.
    """
    for path in paths:
        for file in picture_files(path):
            kind = FORMATS.get(file.suffix.lower())
            if kind is None:
                raise ImagesError(f"{file} is no picture: A|B pairs are PNGs, TIFFs or JPEGs")
            try:
                with Picture.open(file, formats=[kind]) as picture:
                    must_be_small(picture.size[::-1], str(file))
                    if picture.mode != "RGB" or picture.width % 2:
                        raise ImagesError(
                            f"{file} has mode {picture.mode} and {picture.width} px across: an A|B "
                            "pair is in RGB, two pictures wide: leave out --pairs for single ones"
                        )
                    pixels, size = np.asarray(picture), pixel_size(picture)
            except Exception as error:
                raise unreadable(error, file, kind) from None
            width = pixels.shape[1] // 2
            half = pixels[:, width:] if name == "r" else pixels[:, :width]
            values = half[..., _CHANNEL[name]]
            yield Page(f"{file}, {name}", str(file), values, size, lossy=kind == "JPEG")
