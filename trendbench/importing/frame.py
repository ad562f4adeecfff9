"""From a picture to tiles of one size whose trend runs along x."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError, InputError

Black = NDArray[np.bool_]


@dataclass(frozen=True)
class Crop:
    """A part of every picture: W×H+X+Y of its pixels as they are stored."""

    width: int
    height: int
    left: int
    top: int


@dataclass(frozen=True)
class Cut:
    """How pictures become tiles.

    Attributes:
        crop: the part that is taken; all if None.
        tile: (W, H) of a tile, W along the trend; a tile is the whole picture if None.
        overlap: pixels that neighbouring tiles share.
        along: the axis of the stored picture that the trend runs along; ``"y"`` transposes.

    Raises:
        InputError: an overlap that leaves no step.
    """

    crop: Crop | None = None
    tile: tuple[int, int] | None = None
    overlap: int = 0
    along: str = "x"

    def __post_init__(self) -> None:
        if self.overlap < 0 or (self.tile and self.overlap >= min(self.tile)):
            raise InputError(
                f"an overlap of {self.overlap} px is not less than a side of the tile: --overlap 0"
            )
        if self.overlap and not self.tile:
            raise InputError("--overlap is that of tiles: --tile WxH gives their size")


def tiles(black: Black, cut: Cut, name: str) -> list[Black]:
    """The tiles of a picture (h, w), row by row, (H, W) each.

    What is left over on the right and at the bottom belongs to no tile.

    Raises:
        ImagesError: the picture is smaller than the crop or the tile.
    """
    if cut.crop is not None:
        black = _cropped(black, cut.crop, name)
    if cut.along == "y":
        black = black.T
    if cut.tile is None:
        return [np.ascontiguousarray(black)]
    (width, height), (rows, columns) = cut.tile, black.shape
    if width > columns or height > rows:
        raise ImagesError(
            f"{name} gives {columns}×{rows} px, less than a tile of {width}×{height} px: "
            f"--tile {min(width, columns)}x{min(height, rows)}"
        )
    return [
        np.ascontiguousarray(black[top : top + height, left : left + width])
        for top in range(0, rows - height + 1, height - cut.overlap)
        for left in range(0, columns - width + 1, width - cut.overlap)
    ]


def lie_side_by_side(shape: tuple[int, ...], cut: Cut) -> bool:
    """Whether tiles of a stored picture (h, w) begin at different places of its trend."""
    if cut.tile is None:
        return False
    rows, columns = (cut.crop.height, cut.crop.width) if cut.crop else shape
    return (columns if cut.along == "x" else rows) >= 2 * cut.tile[0] - cut.overlap


def _cropped(black: Black, crop: Crop, name: str) -> Black:
    bottom, right = crop.top + crop.height, crop.left + crop.width
    if bottom > black.shape[0] or right > black.shape[1]:
        rows, columns = black.shape
        raise ImagesError(
            f"{name} is {columns}×{rows} px, and --crop reaches to {right}×{bottom}: choose a part "
            "within it"
        )
    return black[crop.top : bottom, crop.left : right]
