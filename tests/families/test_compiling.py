"""Whatever has become of Numba's cache, kernels compile and give the right numbers."""

import os

import numpy as np
import pytest
from numba.core import config

from trendbench.compiling import kernel


def _code(x):
    return 3 * x + 1


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A kernel as another process would find it, its cache in a folder of the test."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    return lambda: kernel(_code)


def misses(compiled):
    assert compiled(2) == 7
    return sum(compiled.stats.cache_misses.values())


def files(tmp_path, end):
    found = list(tmp_path.rglob(f"*.{end}"))
    assert found
    return found


def cut(content):
    return content[:-50]


def empty(_):
    return b""


def zeros_at_the_end(content):
    return content[:-400] + bytes(400)


def a_bit(content):
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :]


@pytest.mark.parametrize("damage", [empty, cut, zeros_at_the_end])
@pytest.mark.parametrize("end", ["nbi", "nbc"])
def test_a_damaged_cache_is_compiled_anew_and_mended(fresh, tmp_path, end, damage):
    assert misses(fresh()) == 1
    assert misses(fresh()) == 0
    for path in files(tmp_path, end):
        path.write_bytes(damage(path.read_bytes()))
    assert misses(fresh()) == 1
    assert misses(fresh()) == 0


def test_machine_code_with_one_bit_changed_is_not_run(fresh, tmp_path):
    misses(fresh())
    for path in files(tmp_path, "nbc"):
        path.write_bytes(a_bit(path.read_bytes()))
    assert misses(fresh()) == 1


@pytest.mark.parametrize("code", [28, 30, 13, 5])
def test_a_cache_that_cannot_be_written_costs_nothing_but_time(fresh, monkeypatch, code):
    def failing(*_):
        raise OSError(code, os.strerror(code))

    compiled = fresh()
    monkeypatch.setattr(os, "replace", failing)
    assert misses(compiled) == 1


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_cache_folder_that_is_a_file(tmp_path, monkeypatch, place):
    (tmp_path / "file").touch()
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / place))
    assert kernel(_code)(2) == 7


def test_no_place_for_a_cache_at_all(monkeypatch):
    from numba.core.caching import CacheImpl

    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert misses(kernel(_code)) == 1


def test_with_the_compiler_switched_off_kernels_compile_all_the_same(fresh, monkeypatch):
    """Of ``searchsorted`` Numba compiles parts of its own, which the setting would leave out."""

    def place(values, x):
        return np.searchsorted(values, x, side="right")

    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    compiled = kernel(place)
    assert compiled(np.array([1.0, 2.0, 3.0]), 2.0) == 2
    assert len(compiled.signatures) == 1
    assert misses(fresh()) == 1
    assert config.DISABLE_JIT == 1
