"""Render the manual's formulas to MathML at build time: the reader's browser fetches nothing.

Pages write ``$…$`` and ``$$…$$``, which GitHub renders too. Arithmatex marks them in the HTML, and
latex2mathml turns each into MathML. ``mkdocs.yml`` names this file as a hook.
"""

import html
import re
from typing import Any

from latex2mathml.converter import convert

_MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def on_page_content(text: str, page: Any, **_: Any) -> str:
    """The page's HTML with every formula as MathML.

    Raises:
        ValueError: a formula holds a command that latex2mathml has no symbol for.
    """

    def rendered(formula: re.Match[str]) -> str:
        display = "block" if formula["tag"] == "div" else "inline"
        mathml = convert(html.unescape(formula["latex"]), display=display)
        if "\\" in mathml:
            raise ValueError(f"{page.file.src_path}: cannot render {formula['latex']}")
        return mathml

    return _MARKED.sub(rendered, text)
