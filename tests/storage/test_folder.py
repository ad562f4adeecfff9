"""A folder is the old one or the new one, whole, whatever happens in between."""

import os

import pytest

from trendbench.storage import folder
from trendbench.storage.folder import replacing_folder


def fill(path, text):
    with replacing_folder(path) as fresh:
        (fresh / "a").write_text(text)


@pytest.fixture(params=["at once", "by steps"])
def way(request, monkeypatch):
    if request.param == "by steps":
        monkeypatch.setattr(folder, "_exchange", folder._exchange_by_steps)


@pytest.mark.usefixtures("way")
def test_a_folder_appears_and_is_replaced(tmp_path):
    path = tmp_path / "deep" / "site"
    fill(path, "one")
    (path / "b").write_text("gone afterwards")
    fill(path, "two")
    assert [p.name for p in path.iterdir()] == ["a"]
    assert (path / "a").read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["site"]
    assert path.stat().st_mode & 0o777 == 0o777 & ~_umask()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.usefixtures("way")
def test_an_error_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "site"

    def fail():
        with replacing_folder(path) as fresh:
            (fresh / "a").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []
    fill(path, "one")
    with pytest.raises(error):
        fail()
    assert (path / "a").read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_step_that_fails_is_undone(tmp_path, monkeypatch):
    path = tmp_path / "site"
    fill(path, "one")
    monkeypatch.setattr(folder, "_exchange", folder._exchange_by_steps)
    rename, calls = os.rename, []

    def failing(a, b):
        calls.append(a)
        if len(calls) == 2:
            raise OSError(5, "no luck")
        rename(a, b)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(OSError, match="no luck"):
        fill(path, "two")
    assert (path / "a").read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def _umask():
    current = os.umask(0)
    os.umask(current)
    return current
