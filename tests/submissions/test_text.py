"""Strangers' text: what goes in, and what is refused with the place named."""

import pytest

from trendbench.errors import ResultError
from trendbench.submissions.text import checked_line, checked_page

GOOD_LINES = ["RTX 4090, 24 GB", "2 x A100 (80 GB)", "not said", "a", "CPU: 8 cores @ 3.2 GHz"]
BAD_LINES = ["", "=1+1", "+1", "-1", "@SUM(A1)", " x", "a\tb", "a\nb", "a\x1b[31m", "<b>", "a|b",
             "a`b", "a\u202eb", "a\u200bb", "\ufeffa", "Ａ", "é", "a" * 81, "[x](y)", "a\\b",
             "{{x}}", '"', "a;<script>"]  # fmt: skip


@pytest.mark.parametrize("text", GOOD_LINES)
def test_plain_lines_go_in(text):
    assert checked_line(text, "device") == text


@pytest.mark.parametrize("text", BAD_LINES)
def test_other_lines_do_not(text):
    with pytest.raises(ResultError, match=r"^device ") as caught:
        checked_line(text, "device")
    assert str(caught.value).isprintable()


GOOD_PAGES = [
    "# How\n\n- trained for 10 epochs, x < 3 and a<3, *emphasis*\n\t1. tab\n",
    "[paper](https://example.org/a), [here](#below), E ξ = ½, 素材\r\n",
    'epochs = 3\nname = "x"\n',
]
BAD_PAGES = {
    "": "0 bytes", " \n": "2 bytes", "x" * 65537: "65537 bytes",
    "a\x00b": r"line 1, holds U\+0000", "ok\na\u202eb": r"line 2, holds U\+202E",
    "a\u200bb": r"U\+200B", "\ufeffa": r"U\+FEFF", "a\x1b[2J": r"U\+001B", "a\rb": r"U\+000D",
    "<script>x</script>": "HTML", "a <img src=x>": "HTML", "<!-- x -->": "HTML", "</p>": "HTML",
    "![x](https://example.org/p.png)": "a picture", "![x][1]": "a picture",
    "[x](javascript:alert)": "a link", "[x]( data:text/html,x)": "a link",
    "[x]: javascript:alert": "a link", "[x](JavaScript:alert)": "a link",
    "[x](file:///etc)": "a link",
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD_PAGES)
def test_plain_pages_go_in(text):
    assert checked_page(text.encode(), "recipe.md") == text


@pytest.mark.parametrize("text", BAD_PAGES)
def test_other_pages_do_not(text):
    with pytest.raises(ResultError, match=f"^recipe.md.*{BAD_PAGES[text]}"):
        checked_page(text.encode(), "recipe.md")


def test_a_page_that_is_no_text():
    with pytest.raises(ResultError, match=r"not UTF-8 \(byte 1\)"):
        checked_page(b"a\xff", "recipe.md")
    with pytest.raises(ResultError, match="not UTF-8"):
        checked_page("a\ud800".encode("utf-8", "surrogatepass"), "recipe.md")
