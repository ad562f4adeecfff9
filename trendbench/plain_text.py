"""Text that a third party may have written, made harmless for a terminal, a table, a title."""

import re
import unicodedata

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, bidirectional marks, surrogates, …
_LONGEST_LINE = 2000
LONGEST_PAGE = 1 << 16
_MARKUP = {
    "HTML": re.compile(r"<[A-Za-z/!?]"),
    "a picture": re.compile(r"!\["),
    "a link that is not http or https": re.compile(
        r"\]\s*[(:]\s*<?\s*(?!https?://|#)[A-Za-z][A-Za-z0-9+.-]*:", re.IGNORECASE
    ),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# What pandas.read_csv takes for a missing or a truth value, in any case of its letters.
_NOT_TEXT = {
    "", "#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "1.#ind", "1.#qnan", "<na>", "n/a", "na",
    "null", "none", "true", "false",
}  # fmt: skip


def is_plain(text: str) -> bool:
    """Whether every character shows as itself and moves nothing else about."""
    return not any(unicodedata.category(character) in _UNSEEN for character in text)


def inert(text: str, longest: int = _LONGEST_LINE) -> str:
    """``text`` in one line, what does not show as itself written as an escape, cut to a length."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    if is_plain(cut):
        return cut
    return "".join(c if is_plain(c) else c.encode("unicode_escape").decode() for c in cut)


def reads_back(text: str) -> bool:
    """Whether a reader of CSV files, pandas or a spreadsheet, gives this text back as it is.

    A missing value (``NA``, ``nan``), a truth value (``True``), a number (``007``, ``1e5``,
    ``inf``) or digits alone that may be a date (``2017-06-02``) do not come back as text.
    """
    try:
        float(text)
    except ValueError:
        return text.casefold() not in _NOT_TEXT and any(c.isalpha() for c in text)
    return False


def must_read_back(text: str) -> str:
    """The text, if the leaderboard's CSV gives it back.

    Raises:
        ValueError: ``reads_back`` says that it does not.
    """
    if not reads_back(text):
        raise ValueError(
            f"{text!r} would not be read back from leaderboard.csv: pandas and spreadsheets take "
            "it for a missing value, a truth value or a number; choose another"
        )
    return text


def checked_name(name: str) -> str:
    """The name of a row: letters, digits, and . _ - after the first, and no number.

    Raises:
        ValueError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name[:64]!r} does not name a row: up to 64 letters, digits and . _ -, a letter or "
            "digit first"
        )
    return must_read_back(name)


def checked_page(content: bytes) -> str:
    """A page of Markdown or TOML: visible characters, no HTML, no pictures, links to the web only.

    Raises:
        ValueError: anything else; the message names the line.
    """
    if not content.strip() or len(content) > LONGEST_PAGE:
        raise ValueError(f"it has {len(content)} bytes: needed are 1 to {LONGEST_PAGE}")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 (byte {error.start})") from None
    for number, line in enumerate(text.split("\n"), start=1):
        unseen = [c for c in line.removesuffix("\r") if c != "\t" and not is_plain(c)]
        if unseen:
            raise ValueError(
                f"line {number} holds U+{ord(unseen[0]):04X}: control, invisible and direction "
                "marks do not go in"
            )
        for what, pattern in _MARKUP.items():
            if pattern.search(line):
                raise ValueError(f"line {number} holds {what}: write plain text")
    return text
