"""Triplets of tiles from series of pictures, in memory with eight pixels a byte."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.importing.frame import Cut, lie_side_by_side, tiles
from trendbench.importing.phases import Survey, Threshold, survey, threshold_of
from trendbench.importing.pixel_size import PixelSize
from trendbench.importing.reading import Page
from trendbench.process.images import IMAGES, WHITE, Image
from trendbench.progress import Bar, say

_SAME_SIZE = 1e-3  # relative difference of pixel sizes that rounding in a file may make
Bits = NDArray[np.uint8]
_OPTIONS: dict[Image, str] = {"s1": "--left", "s2": "--right", "r": "the trend"}


@dataclass(frozen=True)
class Series:
    """Pictures that can be read more than once.

    Attributes:
        name: what a message calls them.
        pages: reads them, one after another.
    """

    name: str
    pages: Callable[[], Iterator[Page]]


@dataclass(frozen=True, eq=False)
class Gathered:
    """Tiles of one size.

    Attributes:
        width, height: of a tile [px].
        series: name to packed tiles, (H, ⌈W/8⌉) each, a bit set where a pixel is white.
        source: (n,) number of the picture that each triplet was cut from.
        pixel: size of a pixel, if all files that say it agree.
    """

    width: int
    height: int
    series: Mapping[Image, list[Bits]]
    source: NDArray[np.int64]
    pixel: PixelSize | None

    def images(self, name: Image, triplets: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Chosen images of a series, (n, H, W) uint8; white where there is no such series."""
        shape = (len(triplets), self.height, self.width)
        if name not in self.series:
            return np.full(shape, WHITE, dtype=np.uint8)
        if not len(triplets):
            return np.empty(shape, dtype=np.uint8)
        bits = np.stack([self.series[name][i] for i in triplets])
        return np.unpackbits(bits, axis=2)[:, :, : self.width] * np.uint8(WHITE)


def gathered(
    given: Mapping[Image, Series],
    cut: Cut,
    threshold: Threshold,
    *,
    invert: bool,
    bar: Bar,
) -> Gathered:
    """Read all series twice: once for the values of their pixels, once for their tiles.

    Args:
        given: r alone, or s1, s2 and r with as many pictures in each.
        cut: how pictures become tiles.
        threshold: see ``threshold_of``; one for all series.
        invert: whether black and white are exchanged.
        bar: shows progress.

    Raises:
        ImagesError: series of different lengths, pictures of different sizes, one colour in a
            whole series, or as ``pages``, ``survey`` and ``tiles``.
    """
    counts = dict.fromkeys(given, 0)

    def looked_at() -> Iterator[Page]:
        for name, series in given.items():
            for page in series.pages():
                counts[name] += 1
                yield page

    found = survey(_said_if_lossy(looked_at()))
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{_OPTIONS[name]} {count}" for name, count in counts.items())
        raise ImagesError(
            f"the numbers of pictures differ ({shown}): needed is one of each for a triplet"
        )
    value = threshold_of(found, threshold, given["r"].name)
    total = sum(counts.values())
    with bar("cutting pictures", total, "pictures") as progress:
        cutter = _Cutter(cut, value, invert)
        for triplet in zip(*(series.pages() for series in given.values()), strict=True):
            cutter.add(dict(zip(given, triplet, strict=True)))
            progress.advance(len(triplet))
    return cutter.gathered(list(given), found)


class _Cutter:
    """Packs the tiles of one triplet of pictures after another."""

    def __init__(self, cut: Cut, threshold: float, invert: bool) -> None:
        self._cut, self._threshold, self._invert = cut, threshold, invert
        self._series: dict[Image, list[Bits]] = {name: [] for name in IMAGES}
        self._sources: list[str] = []
        self._sizes: list[PixelSize | None] = []
        self._frame: tuple[int, int] | None = None
        self._first = ""
        self._is_said = False

    def add(self, triplet: Mapping[Image, Page]) -> None:
        """The tiles of s1, s2 and r that lie at the same places."""
        counts = set()
        if not self._is_said and lie_side_by_side(triplet["r"].values.shape, self._cut):
            self._is_said = True
            say(
                f"{triplet['r'].name}: tiles lie side by side, so each has another part of the "
                "trend: --tile as wide as the picture, or --crop, keeps the whole of it"
            )
        for name, page in triplet.items():
            black = (page.values < self._threshold) != self._invert
            cut = tiles(black, self._cut, page.name)
            for tile in cut:
                self._must_fit(tile.shape[0], tile.shape[1], page.name)
                self._series[name].append(np.packbits(~tile, axis=1))
            counts.add(len(cut))
            self._sizes.append(page.pixel)
        names = ", ".join(page.name for page in triplet.values())
        if len(counts) > 1:
            raise ImagesError(f"{names} are of different sizes: needed is one size in a triplet")
        self._sources += [triplet["r"].source] * counts.pop()

    def _must_fit(self, height: int, width: int, name: str) -> None:
        if self._frame is None:
            self._frame, self._first = (height, width), name
        if (height, width) != self._frame:
            (h, w), turned = self._frame, self._cut.along == "y"
            least = min(h, height), min(w, width)
            crop = least if turned else least[::-1]
            raise ImagesError(
                f"{name} is {width}×{height} px and {self._first} {w}×{h} px: needed is one size: "
                f"--crop {crop[0]}x{crop[1]}+0+0 takes as much of each, or --tile WxH cuts tiles"
            )

    def gathered(self, names: list[Image], found: Survey) -> Gathered:
        """All tiles; sources that share one are one source."""
        assert self._frame is not None
        height, width = self._frame
        for name in names:
            _must_have_both(self._series[name], width, _OPTIONS[name], found)
        series = {name: self._series[name] for name in names}
        source = _numbered(self._sources, series.values(), width)
        return Gathered(width, height, series, source, _agreed(self._sizes))


def _numbered(sources: list[str], series: Iterable[list[Bits]], width: int) -> NDArray[np.int64]:
    """Numbers of sources, (n,), in order of appearance.

    Sources that share a tile of any series are one source, and so are those that a chain of shared
    tiles connects. Tiles of one colour do not count.
    """
    keys: dict[str, int] = {}
    owner = np.array([keys.setdefault(key, len(keys)) for key in sources], dtype=np.int64)
    first: dict[bytes, int] = {}  # source that had a tile first, by the tile's digest
    links = [
        (number, first.setdefault(sha256(tile.tobytes()).digest(), number))
        for tiles_of_series in series
        for number, tile in zip(owner.tolist(), tiles_of_series, strict=True)
        if not _is_of_one_colour(tile, width)
    ]
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = scipy.sparse.coo_array(
        (np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(len(keys),) * 2
    )
    count, group = scipy.sparse.csgraph.connected_components(graph, directed=False)
    if count < len(keys):
        say(
            f"{len(keys) - count} of {len(keys)} source pictures share tiles with others, and "
            "count as one source with these"
        )
    _, at, which = np.unique(group[owner], return_index=True, return_inverse=True)
    number: NDArray[np.int64] = np.argsort(np.argsort(at))[which]
    return number


def _is_of_one_colour(tile: Bits, width: int) -> bool:
    pixels = np.unpackbits(tile, axis=1, count=width)
    return bool((pixels == pixels[0, 0]).all())


def _must_have_both(bits: list[Bits], width: int, what: str, found: Survey) -> None:
    """Refuse a series of one colour, and say of single pictures that have one."""
    shares = np.array([np.unpackbits(tile, axis=1)[:, :width].mean() for tile in bits])
    one = int(((shares == 0) | (shares == 1)).sum())
    if one == len(shares):
        raise ImagesError(
            f"{what}: every pixel of all pictures has one colour, of values from {found.low:.6g} "
            f"to {found.high:.6g}: choose another --threshold, or look whether they are blank "
            "(export writes r of a test split --with-truth)"
        )
    if one:
        say(f"{what}: {one} of {len(shares)} pictures or tiles have one colour throughout")


def _agreed(sizes: list[PixelSize | None]) -> PixelSize | None:
    """The size of a pixel that the files say, if they agree."""
    said = [size for size in sizes if size is not None]
    if not said:
        return None
    first = said[0]
    if any(
        other.unit != first.unit or abs(other.size - first.size) > _SAME_SIZE * first.size
        for other in said
    ):
        say("the files state different sizes of a pixel, so none is kept")
        return None
    return first


def _said_if_lossy(read: Iterator[Page]) -> Iterator[Page]:
    said = False
    for page in read:
        if page.lossy and not said:
            said = True
            say(f"{page.name} is a JPEG, whose edges are blurred: outlines depend on the threshold")
        yield page
