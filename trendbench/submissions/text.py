"""Text from strangers: what it may hold where it is shown."""

import re
from typing import NoReturn

from trendbench.errors import ResultError
from trendbench.plain_text import is_plain, must_read_back

LONGEST_LINE, LONGEST_PAGE = 80, 1 << 16
_LINE = re.compile(r"[A-Za-z0-9 .,:;()+/@_#%'×-]")
_MARKUP = re.compile(r"<[A-Za-z/!?]")
_PICTURE = re.compile(r"!\[")
_LINK = re.compile(r"\]\s*[(:]\s*<?\s*(?!https?://|#)[A-Za-z][A-Za-z0-9+.-]*:", re.IGNORECASE)


def checked_line(text: str, what: str) -> str:
    """A short line for a table's cell: letters, digits and a few signs, a letter or digit first.

    No first character can make it a formula of a spreadsheet.

    Raises:
        ResultError: anything else; ``what`` names the text.
    """
    if not text or len(text) > LONGEST_LINE:
        raise ResultError(f"{what} has {len(text)} characters: needed are 1 to {LONGEST_LINE}")
    for character in text:
        if not _LINE.fullmatch(character):
            _refuse(character, what, "letters, digits, spaces and . , : ; ( ) + / @ _ # % ' × - do")
    if not text[0].isalnum():
        _refuse(text[0], what, "it must begin with a letter or a digit")
    try:
        return must_read_back(text)
    except ValueError as error:
        raise ResultError(f"{what}: {error}") from None


def checked_page(content: bytes, what: str) -> str:
    """A page of Markdown or TOML: visible characters, no HTML, no pictures, links to the web only.

    Raises:
        ResultError: anything else; ``what`` names the text.
    """
    if not content.strip() or len(content) > LONGEST_PAGE:
        raise ResultError(f"{what} has {len(content)} bytes: needed are 1 to {LONGEST_PAGE}")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ResultError(f"{what} is not UTF-8 (byte {error.start})") from None
    for number, line in enumerate(text.split("\n"), start=1):
        where = f"{what}, line {number},"
        for character in line.removesuffix("\r"):
            if character != "\t" and not is_plain(character):
                _refuse(character, where, "control, invisible and direction marks do not go in")
        for pattern, kind in ((_MARKUP, "HTML"), (_PICTURE, "a picture"), (_LINK, "a link")):
            found = pattern.search(line)
            if found:
                hint = ": only http and https" if kind == "a link" else ": plain text is needed"
                raise ResultError(f"{where} holds {kind}{hint}")
    return text


def _refuse(character: str, what: str, hint: str) -> NoReturn:
    shown = f"'{character}' " if character.isprintable() else ""
    raise ResultError(f"{what} holds {shown}U+{ord(character):04X}: {hint}")
