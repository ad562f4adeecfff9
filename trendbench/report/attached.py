"""The pictures and curves that records carry; a third party may have written them."""

import csv
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trendbench.errors import ResultError
from trendbench.figures.samples import BETWEEN, GAP
from trendbench.metrics.by_trend import ByTrend
from trendbench.metrics.curves import Curves
from trendbench.results import attachments
from trendbench.results.store import StoredRecord

_LARGEST = 8 << 20  # bytes of any attachment
_LONGEST_SIDE = 16_384  # px of a sheet of samples
_MOST_PIXELS = 1 << 25
_THUMB = 256  # px, so that it is sharp at half of that on a dense screen
_LONGEST_CURVE, _MOST_BANDS = 1 << 14, 16
_MOST_TRENDS = 1000
_MOST_COLUMNS, _MOST_LINES = 12, 20_000
_HEAD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_ROUNDING = 1e-6
_Content = TypeVar("_Content")


class _UnfitError(Exception):
    """Why an attachment is not shown."""


@dataclass(frozen=True)
class Sheet:
    """A contact sheet.

    Attributes:
        width, height: its size [px].
        true, drawn: its first true image and what was drawn for that triplet, as small PNGs.
    """

    width: int
    height: int
    true: bytes
    drawn: bytes


@dataclass(frozen=True)
class Log:
    """A log of a training: its first column, and the others by name, each (rows,)."""

    key: str
    position: NDArray[np.float64]
    columns: dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Attached:
    """The readable attachments of a record.

    Attributes:
        sheet, curves, losses, validation, trends: None where the record has none that can be shown.
        files: the bytes of those that were understood, by name.
        problems: a line on each that was not.
    """

    sheet: Sheet | None = None
    curves: Curves | None = None
    losses: Log | None = None
    validation: Log | None = None
    trends: ByTrend | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_attached(stored: StoredRecord) -> Attached:
    """Read and check the files of a record's folder; unreadable ones are named, not shown."""
    files: dict[str, bytes] = {}
    problems: list[str] = []

    def understood(name: str, read: Callable[[bytes], _Content]) -> _Content | None:
        try:
            content = stored.attachment(name)
            if content is None:
                return None
            if len(content) > _LARGEST:
                raise _UnfitError(f"it is larger than {_LARGEST >> 20} MB")
            found = read(content)
        except ResultError:
            problems.append(f"{name} is missing, or is not the one that was recorded")
            return None
        except _UnfitError as error:
            problems.append(f"{name} is not shown: {error}")
            return None
        except Exception:  # decoders raise anything on untrusted bytes
            problems.append(f"{name} is not shown: it is damaged")
            return None
        files[name] = content
        return found

    return Attached(
        understood(attachments.SAMPLES, _sheet),
        understood(attachments.CURVES, _curves),
        understood(attachments.LOSSES, _log),
        understood(attachments.VALIDATION, _log),
        understood(attachments.TRENDS, _trends),
        files,
        problems,
    )


def _sheet(content: bytes) -> Sheet:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the size is checked here, before a pixel is decoded
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            width, height = picture.size
            if max(width, height) > _LONGEST_SIDE or width * height > _MOST_PIXELS:
                raise _UnfitError(f"it has {width}×{height} px")
            if picture.mode not in ("L", "1") or getattr(picture, "n_frames", 1) != 1:
                raise _UnfitError("it is no single grey image")
            side = (width - 3 * GAP) // 4
            if side < 1:
                raise _UnfitError("it has no four images side by side")
            is_between = np.all(np.asarray(picture) == BETWEEN, axis=1)
            bottom = int(is_between.argmax()) or height  # of the first row of images
            lefts = (column * (side + GAP) for column in (2, 3))
            true, drawn = (_thumb(picture.crop((x, 0, x + side, bottom))) for x in lefts)
    return Sheet(width, height, true, drawn)


def _thumb(part: Image.Image) -> bytes:
    part.thumbnail((_THUMB, _THUMB))
    buffer = io.BytesIO()
    part.save(buffer, format="PNG")
    return buffer.getvalue()


def _curves(content: bytes) -> Curves:
    try:
        curves = attachments.unpack_curves(content)
    except ResultError:
        raise _UnfitError("it holds no curves") from None
    for values in curves.__dict__.values():
        if values is None:
            continue
        if (
            values.size == 0
            or values.shape[-1] > _LONGEST_CURVE
            or len(values) > (_MOST_BANDS if values.ndim > 1 else _LONGEST_CURVE)
        ):
            raise _UnfitError("it holds no curves that could be drawn")
        if not np.all((values >= -_ROUNDING) & (values <= 1 + _ROUNDING)):
            raise _UnfitError("it holds values that are no probabilities")
    return curves


def _trends(content: bytes) -> ByTrend:
    found = ByTrend.model_validate_json(content)
    if not 1 <= len(found.trends) <= _MOST_TRENDS:
        raise _UnfitError("it holds no trends that could be shown")
    return found


def _log(content: bytes) -> Log:
    text = content.decode("ascii")
    heads, *lines = [*csv.reader(io.StringIO(text))] or [[]]
    if not 2 <= len(heads) <= _MOST_COLUMNS or not all(map(_HEAD.fullmatch, heads)):
        raise _UnfitError("its first line names no columns")
    if not 1 <= len(lines) <= _MOST_LINES or any(len(line) != len(heads) for line in lines):
        raise _UnfitError("its lines do not fit its columns, or are too many")
    numbers = np.array(lines, np.float64)
    if not np.isfinite(numbers).all():
        raise _UnfitError("it holds what is no number")
    position, *columns = numbers.T
    return Log(heads[0], position, dict(zip(heads[1:], columns, strict=True)))
