"""Text that a stranger may have written, made harmless for a terminal, a table, a title."""

import unicodedata

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, bidirectional marks, surrogates, …
_LONGEST_LINE = 2000


def is_plain(text: str) -> bool:
    """Whether every character shows as itself and moves nothing else about."""
    return not any(unicodedata.category(character) in _UNSEEN for character in text)


def inert(text: str, longest: int = _LONGEST_LINE) -> str:
    """``text`` in one line, what does not show as itself written as an escape, cut to a length."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    if is_plain(cut):
        return cut
    return "".join(c if is_plain(c) else c.encode("unicode_escape").decode() for c in cut)
