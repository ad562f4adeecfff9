"""Large arrays lie on the disk; what is computed of them does not change."""

import errno
import mmap
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from trendbench.metrics import resampling, sampling
from trendbench.metrics.full_card import full_card
from trendbench.metrics.intake import Handling
from trendbench.metrics.score import both_samples
from trendbench.storage import scratch as scratch_module
from trendbench.storage.scratch import let_go, pieces, scratch

_MEGABYTE = 1 << 20


def is_mapped(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array.obj if isinstance(array, memoryview) else array, mmap.mmap)


def test_a_large_array_is_a_map_and_a_small_one_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    small, large = scratch((7, 3), np.int16), scratch((7, 3), np.int16, large=42)
    assert not is_mapped(small)
    assert is_mapped(large)
    assert large.shape == (7, 3)
    assert large.dtype == np.int16
    assert not list(tmp_path.iterdir())  # without a name


def test_pages_that_were_let_go_come_back(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    array = scratch((3, _MEGABYTE), np.uint8, large=0)
    array[:] = np.arange(3, dtype=np.uint8)[:, None]
    let_go()
    assert (array == np.arange(3)[:, None]).all()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.ENODEV, errno.EDQUOT])
def test_without_room_or_maps_it_is_memory(monkeypatch, code):
    def refused(*_):
        raise OSError(code, "refused")

    monkeypatch.setattr(scratch_module, "reserve", refused)
    assert not is_mapped(scratch((5,), np.uint8, large=0))


def test_a_folder_that_is_not_there_is_memory_too(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    assert not is_mapped(scratch((5,), np.uint8, large=0))


def test_pieces_cover_an_array_once(monkeypatch):
    monkeypatch.setattr(scratch_module, "_PIECE", 10)
    array = np.arange(21, dtype=np.uint8).reshape(7, 3)
    parts = [array[rows] for rows in pieces(array)]
    assert [len(part) for part in parts] == [3, 3, 1]
    assert np.array_equal(np.concatenate(parts), array)
    assert not list(pieces(array[:0]))


def everything_on_disk(monkeypatch):
    """Each array a map, few images at a time."""
    monkeypatch.setattr(scratch_module, "LARGE", 0)
    monkeypatch.setattr(scratch_module, "_PIECE", 5000)
    monkeypatch.setattr(sampling, "_LARGE", 0)
    monkeypatch.setattr(resampling, "_AT_ONCE", 5)


KINDS: dict[str, Callable[[NDArray[np.uint8]], tuple[NDArray[np.number], Handling]]] = {
    "uint8": lambda r: (r, Handling()),
    "bool": lambda r: (r == 255, Handling(threshold=1)),
    "labels": lambda r: (r // 255, Handling(threshold=1)),
    "inverted": lambda r: (255 - r, Handling(invert=True)),
    "int64": lambda r: (r.astype(np.int64), Handling()),
    "16 bits": lambda r: (r.astype(np.uint16) * 257, Handling()),
    "floats": lambda r: ((r / 255).astype(np.float32), Handling()),
    "cut floats": lambda r: (r / 255, Handling(threshold=0.5)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_read_alike_from_memory_and_from_disk(small_data, tmp_path, monkeypatch, kind):
    r = small_data.images("test", "r")
    array, how = KINDS[kind](np.stack([r, r[::-1]]))
    np.save(tmp_path / "samples.npy", array)
    everything_on_disk(monkeypatch)
    first, second = both_samples(tmp_path / "samples.npy", None, small_data, how)
    assert is_mapped(first)
    assert np.array_equal(first, r)
    assert np.array_equal(second, r[::-1])


def test_the_card_is_the_same(small_data, monkeypatch):
    r = small_data.images("test", "r")
    card = full_card(r, small_data, name="x", second=np.roll(r, 1, axis=0), c2st=False)
    everything_on_disk(monkeypatch)
    again = full_card(r, small_data, name="x", second=np.roll(r, 1, axis=0), c2st=False)
    for name, score in card.scores.items():
        if score is not None:
            values = [score.value, score.low, score.high, score.truth_low, score.truth_high]
            there = again.scores[name]
            found = [there.value, there.low, there.high, there.truth_low, there.truth_high]
            assert np.allclose(found, values, rtol=1e-9, atol=1e-12), name
            assert np.allclose(again.per_image[name], card.per_image[name], rtol=1e-9, atol=1e-12)
