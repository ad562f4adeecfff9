"""Small tasks and files that many tests share."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

# What a user has set for terminal, locale, figures, proxies, warnings and the like decides nothing
# here, nor in the processes that tests start: a test of such a setting sets it. Kept are places,
# and what chooses the instructions and threads to compute with.
_KEPT = {
    "PATH", "HOME", "TMPDIR", "PYTHONPATH", "PYTHONHOME", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV",
    "NUMBA_NUM_THREADS", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES",
}  # fmt: skip
_KEPT_KINDS = (
    "PYTEST_", "OMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "VECLIB_", "NPY_", "ATEN_", "ONEDNN_",
    "DNNL_", "LD_", "DYLD_",
)  # fmt: skip
for _name in set(os.environ) - _KEPT:
    if not _name.startswith(_KEPT_KINDS):
        del os.environ[_name]
os.environ.update(LC_ALL="C.UTF-8", CUDA_VISIBLE_DEVICES="")

# Numba caches a kernel by its own file's date, not by that of the kernels it calls: a cache of
# its own for every state of the rooms with kernels keeps tests from running yesterday's code.
from trendbench.provenance import sources_sha256

_ROOT = Path(__file__).parents[1]
_KERNEL_ROOMS = {
    str(path.parent)
    for path in (_ROOT / "trendbench").rglob("*.py")
    if "from trendbench.compiling import kernel" in path.read_text(encoding="utf-8")
}
_CACHE = _ROOT / ".pytest_cache" / f"numba-{sources_sha256(*sorted(_KERNEL_ROOMS))[:16]}"
os.environ["NUMBA_CACHE_DIR"] = str(_CACHE)

import numpy as np
import pytest
from numpy.typing import NDArray

from trendbench import catalog
from trendbench.data.dataset import Dataset
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.metrics import full_card, pool
from trendbench.process.triplets import Triplets
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec, load_spec

_FULL_POOL, pool._MOST = pool._MOST, 64
SMALL = {
    "name": "small", "width": 64, "height": 32, "radius": 3.0, "lambda_left": 1e-3,
    "lambda_right": 1.2e-2, "window": 8, "train": 24, "val": 6, "test": 12,
}  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def ctrl_c():
    """SIGINT interrupts, here and in processes that tests start, also where a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def own_files_forgotten():
    """A generator's file that a test has loaded is no module for the next test."""
    path = list(sys.path)
    yield
    own_file = sys.modules.get("trendbench.generators.own_file")
    if own_file is not None and own_file._FOLDERS:
        for folder in own_file._FOLDERS.values():
            for name in folder.loaded:
                sys.modules.pop(name, None)
        own_file._FOLDERS.clear()
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not own_file._Finder]
        sys.path[:] = path


@pytest.fixture(scope="session")
def small() -> TaskSpec:
    return TaskSpec(**SMALL)


@pytest.fixture(scope="session")
def small_file(small: TaskSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small.h5"
    make_data(small, 3, path)
    return path


@pytest.fixture
def small_data(small_file: Path):
    with open_dataset(small_file) as dataset:
        yield dataset


@pytest.fixture(scope="session")
def trend_v1() -> TaskSpec:
    return load_spec("trend-v1")


@pytest.fixture(scope="session")
def drawn(trend_v1: TaskSpec) -> Triplets:
    """1500 triplets of the canonical process: enough for z-scores on the closed forms."""
    return simulate(trend_v1, 1500, seed=11)


@pytest.fixture(autouse=True)
def small_pool(request):
    """Reference ranges from 64 images, unless a test of them is marked ``full_pool``."""
    most = _FULL_POOL if request.node.get_closest_marker("full_pool") else 64
    if most != pool._MOST:
        pool._MOST = most
        pool.true_pool.cache_clear()
        full_card._KEPT.clear()


@pytest.fixture(scope="session")
def few_records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    shutil.copy(catalog.RESULTS / "paper.csv", folder)
    for arch in ("pix2pix-8", "gan"):
        shutil.copytree(catalog.RESULTS / "trend-v1" / arch, folder / "trend-v1" / arch)
    return folder


@pytest.fixture
def few_published(few_records, monkeypatch):
    """The published rows of two architectures in place of all, which take longer to read."""
    monkeypatch.setattr(catalog, "RESULTS", few_records)
    return few_records


@pytest.fixture
def in_process(monkeypatch, capsys):
    """The command line without a process of its own, which would import torch anew."""
    from trendbench.cli.main import main

    def call(*arguments, cwd="."):
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["trendbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return subprocess.CompletedProcess(arguments, left.value.code, *capsys.readouterr())

    return call


def z_score(per_image: NDArray[np.float64], exact: float) -> float:
    """(mean − exact)/standard error, the images being the independent units."""
    return float((per_image.mean() - exact) / (per_image.std(ddof=1) / np.sqrt(len(per_image))))


__all__ = ["Dataset", "z_score"]
