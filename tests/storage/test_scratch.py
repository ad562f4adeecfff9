"""Large arrays lie on the disk; what is computed of them does not change."""

import errno
import mmap
import shutil
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import SMALL
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.metrics import full_card as cards
from trendbench.metrics import pool, resampling, sampling, votes
from trendbench.metrics.full_card import full_card
from trendbench.metrics.intake import Handling
from trendbench.metrics.repeats import _equal_parts
from trendbench.metrics.score import both_samples
from trendbench.spec import TaskSpec
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
def test_without_room_or_maps_it_is_memory_and_a_line_says_so(monkeypatch, capsys, code):
    def refused(*_):
        raise OSError(code, "refused")

    scratch_module._say_once.cache_clear()
    monkeypatch.setattr(scratch_module, "reserve", refused)
    for _ in range(2):
        assert not is_mapped(scratch((5,), np.uint8, large=0))
    (line,) = capsys.readouterr().err.splitlines()
    assert "they stay in memory; TMPDIR=FOLDER" in line


def test_a_nearly_full_disk_is_left_to_others(monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 30))
    assert not is_mapped(scratch((5,), np.uint8, large=0))


def test_a_folder_that_is_not_there_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    assert is_mapped(scratch((5,), np.uint8, large=0))


def test_columns_first_stay_in_memory(small_data, tmp_path, monkeypatch):
    r = small_data.images("test", "r")
    np.save(tmp_path / "samples.npy", np.asfortranarray(r))
    everything_on_disk(monkeypatch)
    first, _ = both_samples(tmp_path / "samples.npy", None, small_data, Handling())
    assert np.array_equal(first, r)


def test_pieces_cover_an_array_once(monkeypatch):
    monkeypatch.setattr(scratch_module, "_PIECE", 10)
    array = np.arange(21, dtype=np.uint8).reshape(7, 3)
    parts = [array[rows] for rows in pieces(array)]
    assert [len(part) for part in parts] == [3, 3, 1]
    assert np.array_equal(np.concatenate(parts), array)
    assert not list(pieces(array[:0]))


def everything_on_disk(monkeypatch):
    """Each array a map, few images and few replicates at a time, nothing kept from before."""
    monkeypatch.setattr(scratch_module, "LARGE", 0)
    monkeypatch.setattr(scratch_module, "_PIECE", 5000)
    monkeypatch.setattr(sampling, "_LARGE", 0)
    monkeypatch.setattr(resampling, "_AT_ONCE", 5)
    monkeypatch.setattr(resampling, "_WEIGHTS", 500)
    monkeypatch.setattr(votes, "_AT_ONCE", 7)
    forget()


def forget():
    cards._KEPT.clear()
    sampling._pool_weights.cache_clear()


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


TASKS = {
    "one trend": SMALL,
    "independent": SMALL | {"coupling": "independent"},
    "trends": {k: v for k, v in SMALL.items() if not k.startswith("lambda")}
    | {"trends": [[1e-3, 1.2e-2], [1.2e-2, 1e-3]]},
}  # fmt: skip


def numbers_of(card):
    return {
        name: np.array([
            score.value, score.low, score.high, score.truth, score.truth_low, score.truth_high,
            *card.per_image.get(name, ()),
        ])
        for name, score in card.scores.items()
        if score is not None
    }  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_the_card_is_the_same_from_disk_and_in_chunks(tmp_path, monkeypatch, task):
    make_data(TaskSpec(**TASKS[task]), 3, tmp_path / "data.h5", workers=1)
    with open_dataset(tmp_path / "data.h5") as data:
        r = data.images("test", "r")

        def numbers():
            forget()
            second = np.roll(r, len(data.spec.members), axis=0)
            return numbers_of(full_card(r, data, name="x", second=second, c2st=False))

        wanted = numbers()
        monkeypatch.setattr(scratch_module, "LARGE", 0)
        monkeypatch.setattr(sampling, "_LARGE", 0)
        for name, found in numbers().items():
            assert np.array_equal(found, wanted[name], equal_nan=True), name
        everything_on_disk(monkeypatch)
        if len(data.spec.members) > 1:  # chunks of replicates are other sets then
            monkeypatch.setattr(resampling, "_WEIGHTS", 1 << 22)
        for name, found in numbers().items():
            assert np.allclose(found, wanted[name], rtol=1e-9, atol=1e-12), name


def test_the_sums_of_a_pool_are_taken_at_once():
    """So that the reference of every published score is what it was, bit by bit."""
    rng = np.random.default_rng(1)
    weights, features = rng.random((3, pool._MOST)), rng.random((pool._MOST, 7))
    assert np.array_equal(resampling._product(weights, features), weights @ features)
    assert np.array_equal(resampling._mean(features), features.mean(axis=0))


def test_the_set_is_cut_as_numpy_cuts_it():
    for n, parts in ((10, 1), (10_000, 3), (12_289, 4), (7, 4)):
        cut = np.array_split(np.arange(n), parts)
        found = _equal_parts(n, parts)
        assert [(part[0], part[-1] + 1) for part in cut] == [(s.start, s.stop) for s in found]
