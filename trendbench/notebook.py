"""Small HTML for notebooks: a table with a heading, a picture inside the page."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_GAP, _GREY = 4, 160  # between pictures
_LARGEST = (780, 260)  # of a thumbnail [px]


def table(heading: str, rows: Iterable[Sequence[str]], columns: Sequence[str] = ()) -> str:
    """A table of text, which is escaped; ``columns`` are the heads of its columns."""
    heads = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><caption>{escape(heading)}</caption><tr>{heads}</tr>{body}</table>"


def picture(images: Sequence[NDArray[np.uint8]], alt: str) -> str:
    """Grey images (H, W) side by side, as a PNG that is part of the page."""
    gap = np.full((len(images[0]), _GAP), _GREY, dtype=np.uint8)
    spaced = [part for image in images for part in (image, gap)][:-1]
    drawn = Image.fromarray(np.hstack(spaced))
    drawn.thumbnail(_LARGEST)
    content = BytesIO()
    drawn.save(content, "PNG")
    code = base64.b64encode(content.getvalue()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{code}">'
