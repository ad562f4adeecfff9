"""Two processes train as one does: the same numbers to rounding, and all stop together."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.fit_together import KINDS, fit
from trendbench.data.make import make_data
from trendbench.results.store import read_all
from trendbench.training.checkpoint import Checkpoints

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("fit_together.py")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1",
               "PYTHONPATH": str(ROOT)}  # fmt: skip
# How far another order of summation takes a tensor's weights, in learning rates, on the mean. Muon
# rounds gradients to bfloat16 and Adam divides them by their size, so that a step of one learning
# rate is known to 2^-8, and there are 6. Measured on several instruction sets: 0.008 for the
# flow's Muon, 0.0006 for Adam; a wrong share of the batch gives 0.3 and more.
EQUAL = 6 * 2**-8


def together(*arguments, cwd=ROOT):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [sys.executable, *torchrun, *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=300, env=ENVIRONMENT,
    )  # fmt: skip


def said(result):
    """What trendbench itself said of what is wrong, torchrun's own report left out."""
    return [line for line in result.stderr.splitlines() if line.startswith("trendbench: ")]


def weights(folder):
    """All that a fit has trained, discriminators included, by name."""
    state = Checkpoints(folder, "x").latest().state["trainable"]
    return {
        f"{part} {name}": tensor
        for part, tensors in state.items()
        if not part.startswith(("adam", "muon", "schedule"))
        for name, tensor in tensors.items()
    }


def must_equal(kind, folder, other):
    a, b = weights(folder), weights(other)
    assert a.keys() == b.keys()
    apart = {name: float((a[name] - b[name]).abs().double().mean()) for name in a}
    assert max(apart.values()) < EQUAL * KINDS[kind][1]["learning_rate"]


def losses(folder):
    header, *rows = (folder / "losses.csv").read_text().splitlines()
    return header, [[float(number) for number in row.split(",")] for row in rows]


@pytest.fixture(scope="module")
def by_one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for kind in KINDS:
        fit(kind, folder / kind)
    torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="module")
def by_two(tmp_path_factory):
    """All kinds; pix2pix in two sessions, as a signal to one process stops the first."""
    folder = tmp_path_factory.mktemp("two")
    stopped = together(SCRIPT, "pix2pix", folder, "3")
    assert "exitcode  : 130" in stopped.stderr
    assert Checkpoints(folder / "pix2pix", "x").latest().images_seen == 10
    assert not list(folder.rglob("*.safetensors"))
    result = together(SCRIPT, ",".join(KINDS), folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_train_what_one_does(by_one, by_two, kind):
    """Shares of 2 and 3, of 1 and 2; coins, noise and batch norm are those of the whole batch."""
    assert losses(by_one / kind)[0] == losses(by_two / kind)[0]
    for one, two in zip(losses(by_one / kind)[1], losses(by_two / kind)[1], strict=True):
        # Another order of summation: 1e-5. A wrong share of the batch: 3e-3 and more.
        assert two == pytest.approx(one, rel=1e-3)
    must_equal(kind, by_one / kind, by_two / kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_processes_never_part_and_one_alone_writes_checkpoints(by_two, kind):
    other = by_two / kind / "process1"
    mine, others = (load_file(f / "generator.safetensors") for f in (by_two / kind, other))
    assert all(torch.equal(mine[name], others[name]) for name in mine)
    assert not list(other.glob("checkpoint*"))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["!", "?"], ids=["dies", "is silent"])
def test_nobody_waits_for_ever_for_one_that(tmp_path, how):
    start = time.monotonic()
    result = together(SCRIPT, "flow", tmp_path, f"5{how}")
    assert result.returncode != 0
    if how == "?":  # torchrun ends the others of one that died before they can say so
        assert "0: another process of this training has ended, or has not" in result.stderr
    assert time.monotonic() - start < 60
    assert Checkpoints(tmp_path / "flow", "x").latest().images_seen == 13


def run_of(data):
    return ("-m", "trendbench", "run", "--arch", "nf2", "--data", data, "--epochs", 1,
            "--device", "cpu", "--no-c2st")  # fmt: skip


@pytest.mark.slow
def test_a_run_by_two_processes_is_recorded_once(small_file, tmp_path):
    result = together(*run_of(small_file), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (stored,) = [s for s in read_all(tmp_path / "results") if s.origin == "local"]
    assert stored.record.hardware.device.startswith("2 × ")
    assert stored.record.training.images_seen == 24
    assert result.stdout.count("leaderboard  ") == 1
    assert result.stderr.count("drawing 12 test images") == 1


@pytest.mark.slow
def test_a_run_by_two_processes_is_found_finished_by_them(small_file, tmp_path):
    for _ in range(2):
        result = together(*run_of(small_file), cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    assert result.stderr.count("this run is finished") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nf2", "--preset", "paper"), "2 processes cannot share a batch of 1"),
        (("oracle",), "oracle is fitted by one process: start it without torchrun"),
    ],
)
def test_what_cannot_be_shared_is_refused_in_one_line(small_file, tmp_path, arguments, words):
    result = together(
        "-m", "trendbench", "run", "--arch", *arguments, "--data", small_file, "--no-c2st",
        "--device", "cpu", cwd=tmp_path,
    )  # fmt: skip
    (line,) = said(result)
    assert words in line
    assert "exitcode  : 2" in result.stderr


def test_processes_with_different_data_are_refused_in_one_line(small, tmp_path):
    for seed in (0, 1):
        make_data(small.model_copy(update={"train": 4}), seed, tmp_path / f"{seed}.h5")
    options = "--arch nf2 --device cpu --no-c2st --data $RANK.h5"
    start = f'"{sys.executable}" -m trendbench run {options}'
    result = together("--no-python", "sh", "-c", start, cwd=tmp_path)
    (line,) = said(result)
    assert "process 1 on" in line
    assert "has data " in line
    assert "exitcode  : 2" in result.stderr
