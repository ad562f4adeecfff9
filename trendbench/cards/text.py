"""Pieces that cards share: front matter, tables, numbers as people write them."""

import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

DATA_LICENSE = "cc-by-4.0"  # of data and weights, as registries spell it
DATA_LICENSE_URL = "https://creativecommons.org/licenses/by/4.0/"
_WIDTH = 100
_NOT_PROSE = ("---", "|", "#", "```")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def page(parts: Iterable[str]) -> str:
    """Paragraphs, tables and blocks as one Markdown text, the paragraphs wrapped."""
    return "\n\n".join(_wrapped(part.rstrip()) for part in parts if part) + "\n"


def _wrapped(part: str) -> str:
    if part.startswith(_NOT_PROSE):
        return part
    indent = "> " if part.startswith("> ") else ""
    return textwrap.fill(
        part, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def front_matter(fields: Mapping[str, Any]) -> str:
    """The YAML block that hosts of data and models read, values as JSON, which YAML contains."""
    lines = ["---"]
    for name, value in fields.items():
        if isinstance(value, Sequence) and not isinstance(value, str):
            lines += [f"{name}:", *(f"  - {json.dumps(item)}" for item in value)]
        else:
            lines.append(f"{name}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join([*lines, "---"])


def markdown_table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A pipe table; the cells are text already."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def inline(text: str) -> str:
    """Text that nothing in it can turn into markup, in a paragraph or a table's cell."""
    return "".join(f"&#{ord(c)};" if c in "|`<>&*_[]\\" else c for c in text)


def scientific(value: float) -> str:
    """4e-3 as 4·10⁻³; 0 as 0."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    mantissa = f"{value / 10.0**exponent:.4g}"
    if mantissa in ("10", "-10"):  # rounding carried over
        mantissa, exponent = mantissa[:-1], exponent + 1
    power = f"10{str(exponent).translate(_SUPERSCRIPTS)}"
    return f"{mantissa}·{power}" if exponent else mantissa
