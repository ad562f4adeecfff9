"""make-data: the same bytes whatever happens on the way."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np
import pytest

from trendbench.data import blocks
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.errors import DataFileError, RunError
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec, canonical_file, load_spec
from trendbench.storage.lock import holding


@pytest.fixture
def many_blocks(small: TaskSpec, monkeypatch: pytest.MonkeyPatch) -> TaskSpec:
    """The small task, cut into blocks of five triplets."""
    monkeypatch.setattr(blocks, "_BLOCK_BYTES", 5 * 3 * small.width * small.height)
    return small


def test_bytes_do_not_depend_on_the_number_of_workers(many_blocks, tmp_path):
    for workers in (1, 2, 5):
        make_data(many_blocks, 3, tmp_path / f"{workers}.h5", workers=workers)
    contents = {path.read_bytes() for path in tmp_path.glob("*.h5")}
    assert len(contents) == 1


def test_an_interruption_leaves_nothing(many_blocks, tmp_path, monkeypatch):
    drawn, real_draw = [], blocks.draw

    def draw_three(spec, seed, span, memory):
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append(span)
        return real_draw(spec, seed, span, memory)

    monkeypatch.setattr(blocks, "draw", draw_three)
    with pytest.raises(KeyboardInterrupt):
        make_data(many_blocks, 3, tmp_path / "cut.h5", workers=1)
    assert list(tmp_path.iterdir()) == []


def test_content_does_not_depend_on_the_processor(small, small_file, tmp_path):
    """Kernels compiled for a generic processor give the same hashes."""
    code = (
        "from pathlib import Path; from trendbench.data.make import make_data; "
        "from trendbench.data.opening import open_dataset; from trendbench.spec import TaskSpec; "
        f"make_data(TaskSpec(**{small.model_dump()!r}), 3, Path('g.h5')); "
        "print(open_dataset('g.h5').sha256)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    with open_dataset(small_file) as dataset:
        assert run.stdout.strip() == dataset.sha256


def test_the_canonical_file_has_its_published_hash(tmp_path):
    canonical = canonical_file("trend-v1")
    assert canonical is not None
    make_data(load_spec("trend-v1"), canonical.seed, tmp_path / "c.h5")
    with open_dataset(tmp_path / "c.h5") as dataset:
        assert dataset.sha256 == canonical.sha256
        assert dataset.spec.train == canonical.train
    assert (tmp_path / "c.h5").stat().st_size < 120e6


def test_the_file_is_laid_out_as_the_format_says(small, small_file):
    with h5py.File(small_file) as file:
        assert set(file.attrs) == {"format", "spec", "seed", "trendbench_version"}
        assert file.attrs["format"] == b"trendbench/1"
        assert file.attrs["seed"] == 3
        again = simulate(small, 12, 3, split="test")
        for name in ("s1", "s2", "r"):
            stored = file["test"][name]
            np.testing.assert_array_equal(stored[:], getattr(again, name))
            assert stored.attrs["sha256"].decode() == sha256(stored[:].tobytes()).hexdigest()
        for name in ("offsets", "x", "y", "mark", "member"):
            np.testing.assert_array_equal(file["test/germs"][name][:], getattr(again.latent, name))
        np.testing.assert_array_equal(file["val/lambda_left"][:], np.full(6, 1e-3))
        np.testing.assert_array_equal(file["val/lambda_right"][:], np.full(6, 1.2e-2))


def test_what_stands_there_is_reused_or_left_alone(small, tmp_path):
    path = tmp_path / "a.h5"
    assert make_data(small, 3, path)
    assert not make_data(small, 3, path)
    before = path.read_bytes()
    with pytest.raises(DataFileError, match="holds other data"):
        make_data(small, 4, path)
    assert path.read_bytes() == before
    assert make_data(small, 4, path, overwrite=True)
    assert path.read_bytes() != before


def test_two_at_once_on_one_target(small, tmp_path):
    path = tmp_path / "a.h5"
    with (
        holding(Path(f"{path}.lock"), "another"),
        pytest.raises(RunError, match="at work in another process"),
    ):
        make_data(small, 3, path)
    assert make_data(small, 3, path)


def test_splits_may_be_empty(small, tmp_path):
    spec = small.model_copy(update={"val": 0, "test": 0})
    make_data(spec, 3, tmp_path / "a.h5")
    with open_dataset(tmp_path / "a.h5") as dataset:
        assert dataset.load("val").r.shape == (0, 32, 64)
        assert len(dataset.load("train")) == 24
