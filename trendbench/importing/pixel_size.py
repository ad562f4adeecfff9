"""The physical size of a pixel, where a picture's file says it."""

import re
from dataclasses import dataclass

from PIL import Image

_X_RESOLUTION, _UNIT, _DESCRIPTION = 282, 296, 270  # TIFF tags
_MM_IN = {2: 25.4, 3: 10.0}  # an inch, a centimetre
_INVENTED = frozenset({72, 96, 300})  # pixels per inch that programs write where nobody measured
_NAME = re.compile(r"^unit=(\S{1,40})\s*$", re.MULTILINE)
_MICRON = frozenset({"micron", "microns", "um", "\\u00B5m", "µm", "μm"})
_PLAIN = re.compile(r"[\w/^-]{1,16}")
_NO_UNIT = frozenset({"pixel", "pixels", "px"})


@dataclass(frozen=True)
class PixelSize:
    """Width of a pixel.

    Attributes:
        size: in units.
        unit: for example "µm".
    """

    size: float
    unit: str


def pixel_size(image: Image.Image) -> PixelSize | None:
    """What an open picture says: ImageJ's unit, else its resolution per inch or centimetre.

    A resolution of 72, 96 or 300 pixels per inch is a default of programs and counts for nothing.
    """
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return _of_resolution(image.info.get("dpi", (0,))[0], 2)
    per_unit = _number(tags.get(_X_RESOLUTION))
    named = _NAME.search(str(tags.get(_DESCRIPTION, "")))
    if named and per_unit > 0:
        unit = "µm" if named[1] in _MICRON else named[1]
        is_length = bool(_PLAIN.fullmatch(unit)) and unit not in _NO_UNIT
        return PixelSize(1 / per_unit, unit) if is_length else None
    return _of_resolution(per_unit, int(_number(tags.get(_UNIT))))


def _of_resolution(per_unit: object, unit: int) -> PixelSize | None:
    resolution, mm = _number(per_unit), _MM_IN.get(unit)
    if mm is None or resolution <= 0 or round(resolution * 25.4 / mm) in _INVENTED:
        return None
    return PixelSize(mm / resolution, "mm")


def _number(value: object) -> float:
    """A tag's number; 0 where it is none."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
