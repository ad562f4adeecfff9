"""The pages say what the program prints today."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def refresh():
    spec = importlib.util.spec_from_file_location("docs_refresh", ROOT / "docs" / "refresh.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_quick_block_is_up_to_date(refresh, monkeypatch):
    monkeypatch.chdir(ROOT)
    stale = [
        page.name
        for page in refresh.pages()
        if refresh.refreshed(text := page.read_text(encoding="utf-8")) != text
    ]
    assert stale == []


@pytest.mark.slow
def test_every_slow_block_is_up_to_date(refresh, monkeypatch):
    monkeypatch.chdir(ROOT)
    stale = [
        page.name
        for page in refresh.pages()
        if refresh.refreshed(text := page.read_text(encoding="utf-8"), slow=True) != text
    ]
    assert stale == []


def test_a_block_is_filled_and_the_rest_left_alone(refresh):
    page = (
        "before\n<!-- output of: trendbench --version -->\nold\n<!-- end of output -->\nafter\n"
        "<!-- output of: trendbench power (slow) -->\nkept\n<!-- end of output -->\n"
    )
    filled = refresh.refreshed(page)
    assert filled.startswith("before\n<!-- output of: trendbench --version -->\n\ntrendbench, ver")
    assert "old" not in filled
    assert filled.endswith("kept\n<!-- end of output -->\n")
    assert refresh.refreshed(filled) == filled
