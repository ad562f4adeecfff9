"""Pictures as arrays: a folder of PNGs, TIFFs or JPEGs in test order, or one TIFF of many pages."""

import io
import re
from collections.abc import Callable, Iterable
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trendbench.errors import ImagesError
from trendbench.spec import TaskSpec
from trendbench.storage.bounded import read_file
from trendbench.storage.scratch import let_go, scratch

FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".jpg": "JPEG", ".jpeg": "JPEG"}
_NUMBER = re.compile(r"(\d+)(?=\D*$)")
_PIXEL_BYTES, _SLACK = 5, 1 << 16  # a pixel of four channels barely grows when it is deflated
_DEEP = ("I;16", "I;16B", "I;16L", "I", "F")  # grey with more than 8 bits, taken as it is
_LOSSLESS = (
    "raw",
    "tiff_lzw",
    "tiff_adobe_deflate",
    "tiff_deflate",
    "packbits",
    "group3",
    "group4",
)
_TILE = (322, 323)  # TIFF tags: the width and length of a tile
_LARGEST_TILE = 1 << 20
_GREY = 'im.convert("L")'
_ON_WHITE = (
    'Image.alpha_composite(Image.new("RGBA", im.size, "white"), im.convert("RGBA")).convert("L")'
)

Anew = Callable[..., str]  # of an expression in ``im``, the line that saves all pictures so


def files_anew(picture: str, options: str = "") -> str:
    """The line for each file f of a folder; the originals stay as they are."""
    return (
        "for each f, into a new folder: im = Image.open(f); "
        f'{picture}.save("new/" + f.name{options})'
    )


def pages_anew(picture: str, options: str = "") -> str:
    """The line for all pages of one file f, which stays as it is."""
    return (
        "first, *others = ImageSequence.all_frames(Image.open(f), lambda im: "
        f'{picture}); first.save("new.tif", save_all=True, append_images=others{options})'
    )


def folder(path: Path, spec: TaskSpec, n: int, *, lossy: bool) -> NDArray[Any]:
    """One picture for each test triplet, each name ending in its number.

    Hidden files, such as macOS writes beside each picture, are left aside.

    Args:
        path: the folder.
        spec: the task, for the frame.
        n: number of test triplets.
        lossy: whether JPEG is taken.

    Returns:
        (n, H, W) of whatever type the pictures are.

    Raises:
        ImagesError: pictures of two formats, a gap in the numbers, a wrong count, or a picture
            that is damaged, in colour, transparent or of another size.
    """
    names = [file for file in path.iterdir() if not file.name.startswith(".")]
    files = [file for file in names if file.suffix.lower() in FORMATS]
    formats = sorted({FORMATS[file.suffix.lower()] for file in files})
    if not files:
        others = sorted({file.suffix for file in names if file.is_file()})[:3]
        hint = f", but {', '.join(others)}" if any(others) else ""
        line = ': Image.open(f).save(f"new/{f.stem}.png") for each f' if any(others) else ""
        line = line or ': Image.fromarray(image).save(f"{path}/{number:04}.png") for each'
        raise ImagesError(
            f"{path} holds no PNG or TIFF{hint}: needed is one a test {spec.counted[:-1]}{line}"
        )
    if len(formats) > 1:
        raise ImagesError(f"{path} holds {' and '.join(formats)}: keep one format in the folder")
    if formats == ["JPEG"] and not lossy:
        raise ImagesError(
            f"{path} holds JPEGs, whose edges are blurred: save PNGs, or take them as black and "
            "white with --threshold 128 (threshold=128 in Python)"
        )
    pages = (_single(file, spec) for file in _in_order(files, path, spec, n))
    return _stacked(pages, spec, n, files_anew)


def stack(path: Path, spec: TaskSpec, n: int) -> NDArray[Any]:
    """The pages of one TIFF file, one for each test triplet: (n, H, W).

    Raises:
        ImagesError: another number of pages, or as ``folder``.
    """
    try:
        content = read_file(
            path, n * (_PIXEL_BYTES * spec.width * spec.height + _SLACK), typed=True
        )
        with Image.open(io.BytesIO(content), formats=["TIFF"]) as image:
            read = (_page(image, i, path, spec, pages_anew) for i in range(n))
            pages = _stacked(read, spec, n, pages_anew)
            if has_page(image, n):
                raise ImagesError(
                    f"{path} holds more than {n} pages: needed is one for each of the {n} test "
                    f"{spec.counted}"
                )
            return pages
    except Exception as error:
        raise unreadable(error, path, "TIFF") from None


def _in_order(files: Iterable[Path], path: Path, spec: TaskSpec, n: int) -> list[Path]:
    """The files by their numbers, 0 … n − 1 or 1 … n."""
    numbered: dict[int, Path] = {}
    for file in files:
        number = _NUMBER.search(file.stem)
        if file.is_symlink():
            raise ImagesError(
                f"{file} is a link, and links within a folder are not followed: cp -rL {path} COPY "
                "makes a folder of plain files"
            )
        if number is None or int(number[0]) in numbered or not file.is_file():
            raise ImagesError(
                f"{file}: each picture must be a file of its own whose name ends in the number of "
                f"its test {spec.counted[:-1]}, or the order cannot be known"
            )
        numbered[int(number[0])] = file
    first = 0 if 0 in numbered else 1
    gaps = max(numbered) + 1 - first - len(numbered)
    if gaps:
        missing = islice((i for i in count(first) if i not in numbered), min(gaps, 5))
        raise ImagesError(
            f"{path}: the pictures must be numbered without a gap, from 0 or from 1: draw "
            f"{', '.join(map(str, missing))}{', …' if gaps > 5 else ''} as well, or rename the rest"
        )
    if len(numbered) != n:
        hint = ", whose inputs trendbench export --format png --split test writes"
        raise ImagesError(
            f"{path} holds {len(numbered)} picture(s): needed are {n}, as many as the test split "
            f"has {spec.counted}{hint if spec.has_inputs else ''}"
        )
    return [numbered[number] for number in sorted(numbered)]


def _stacked(
    pages: Iterable[tuple[str, NDArray[Any]]], spec: TaskSpec, n: int, anew: Anew
) -> NDArray[Any]:
    """Named pages in one array, if they are of one type."""
    images: NDArray[Any] = np.empty(0)
    for i, (name, page) in enumerate(pages):
        if i == 0:
            first, images = name, scratch((n, spec.height, spec.width), page.dtype)
        elif page.dtype != images.dtype:
            raise ImagesError(
                f"{name} has type {page.dtype} and {first} {images.dtype}: save all pictures "
                f"alike: {anew(_in_8_bits(images[:i], page))}"
            )
        images[i] = page
        let_go()
    return images


def _in_8_bits(*pages: NDArray[Any]) -> str:
    """Any picture ``im`` in 8 bits, as an expression; 32 bits may hold 8 or 16."""
    f = 1 if any(page.dtype.kind == "f" and page.max() > 2 for page in pages) else 255
    i = "1" if any(page.dtype == np.int32 and page.max() <= 255 for page in pages) else "1 / 257"
    return (
        f'(Image.fromarray((np.asarray(im) * {{"F": {f}, "I": {i}}}[im.mode[0]]).round().astype('
        'np.uint8)) if im.mode[0] in "FI" else im.convert("L"))'
    )


def _single(path: Path, spec: TaskSpec) -> tuple[str, NDArray[Any]]:
    kind = FORMATS[path.suffix.lower()]
    try:
        content = read_file(path, _PIXEL_BYTES * spec.width * spec.height + _SLACK)
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            image.verify()  # a PNG's checksums, and that it ends; no pixel is decoded
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            if has_page(image, 1):
                raise ImagesError(
                    f"{path} holds several pictures: needed is one: save each page as a file of "
                    "its own, or name the file in place of the folder"
                )
            return _page(image, 0, path, spec, files_anew)
    except Exception as error:
        raise unreadable(error, path, kind) from None


def has_page(image: Image.Image, number: int) -> bool:
    """Whether there is a page of that number, found without counting all of them."""
    try:
        image.seek(number)
    except EOFError:
        return False
    return True


def _page(
    image: Image.Image, number: int, path: Path, spec: TaskSpec, anew: Anew
) -> tuple[str, NDArray[Any]]:
    """One page's name and its grey values: 8 bits, or as deep as they are stored."""
    if not has_page(image, number):
        raise ImagesError(f"{path} holds {number} pages: needed is one a test {spec.counted[:-1]}")
    name = f"{path}, page {number}" if number else str(path)
    if image.size != (spec.width, spec.height):
        raise ImagesError(
            f"{name} is {image.width}×{image.height} px, not {spec.width}×{spec.height}: draw it "
            f"in that size; {anew(f'im.crop((0, 0, {spec.width}, {spec.height}))')} keeps the "
            "upper left of a larger one"
        )
    return name, grey_values(image, name, anew)


def grey_values(image: Image.Image, name: str, anew: Anew) -> NDArray[Any]:
    """The grey values of an open picture: 8 bits, or as deep as they are stored.

    Args:
        image: at the page that is read.
        name: what a message calls it.
        anew: gives the line that saves it so that it can be read.

    Raises:
        ImagesError: it is in colour, transparent, or packed in another way than is taken.
    """
    _must_be_lossless(image, name, anew)
    if image.has_transparency_data:
        if np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
            raise ImagesError(
                f"{name} has transparent pixels (mode {image.mode}), over which background cannot "
                f"be known: {anew(_ON_WHITE)}"
            )
    elif image.mode in _DEEP:
        return np.asarray(image)
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        raise ImagesError(f"{name} has mode {image.mode}: needed is grey: {anew(_GREY)}")
    colours: NDArray[np.uint8] = np.asarray(image.convert("RGB"))
    if bool((colours != colours[..., :1]).any()):
        raise ImagesError(f"{name} is in colour: needed is grey: {anew(_GREY)}")
    return colours[..., 0]


def _must_be_lossless(image: Image.Image, name: str, anew: Anew) -> None:
    """Refuse a TIFF that holds a JPEG, or tiles far larger than any picture of a task."""
    if image.format != "TIFF":
        return
    packed = image.info.get("compression", "raw")
    width, length = (int(getattr(image, "tag_v2", {}).get(tag, 0)) for tag in _TILE)
    if packed not in _LOSSLESS or width * length > _LARGEST_TILE:
        tiles = f", in tiles of {width}×{length} px" if width * length else ""
        again = anew("im", ', compression="tiff_deflate"')
        raise ImagesError(f"{name} is packed as {packed!s:.20}{tiles}: save it again: {again}")


def unreadable(error: Exception, path: Path, kind: str) -> ImagesError:
    """The error for a file that cannot be decoded: damage comes out as a dozen kinds."""
    if isinstance(error, ImagesError):
        return error
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, UnidentifiedImageError):
        reason = "damaged, or of another format than its name says"
    return ImagesError(f"{path} is not a readable {kind} ({reason})")
