"""Training: resuming equals not stopping, bit for bit; damage is seen; divergence stops."""

import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from trendbench.errors import CheckpointError, TrainingError
from trendbench.generators.pix2pix.generator import Pix2Pix
from trendbench.simulation import simulate
from trendbench.training import loop
from trendbench.training.checkpoint import Checkpoint, Checkpoints
from trendbench.training.context import RunContext
from trendbench.training.losses import CurveLog
from trendbench.training.randomness import derived_seed, epoch_order

SETTINGS = {"nf": 4, "kernel": 4, "skips": True, "eta": 100.0, "learning_rate": 2e-4, "beta1": 0.5,
            "batch": 4}  # fmt: skip


def context(folder: Path, **changes) -> RunContext:
    folder.mkdir(exist_ok=True)
    fields = {"seed": 1, "device": "cpu", "precision": "fp32", "folder": folder, "identity": "x"}
    return RunContext(**{**fields, **changes})


@pytest.fixture(scope="module")
def triplets(small):
    return simulate(small, 22, seed=1)  # an epoch of 22: the last step takes 2


def fit(triplets, folder, epochs, **changes):
    """What the fit reports."""
    run = context(folder, **changes)
    Pix2Pix(**SETTINGS, epochs=epochs).fit(triplets, triplets, run)
    return run.reports[-1]


def everything(folder):
    """The final checkpoint's state, and the loss log."""
    newest = Checkpoints(folder, "x").latest()
    return newest.state, (folder / "losses.csv").read_text()


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    else:
        assert a == b


@pytest.fixture(scope="module")
def uninterrupted(triplets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    fit(triplets, folder, 3)
    return everything(folder)


@pytest.mark.parametrize("stops", [(3,), (6, 7), (1, 9, 14)])
def test_resuming_equals_an_uninterrupted_run(
    triplets, tmp_path, monkeypatch, uninterrupted, stops
):
    """Interrupted at the given steps, some mid-epoch: weights, optimisers, losses are equal."""
    steps = 0
    real = torch.manual_seed

    def count_and_interrupt(seed):
        nonlocal steps
        steps += 1
        if steps in stops:
            os.kill(os.getpid(), signal.SIGINT)
        return real(seed)

    monkeypatch.setattr(loop.torch, "manual_seed", count_and_interrupt)
    for _ in stops:
        with pytest.raises(KeyboardInterrupt):
            fit(triplets, tmp_path, 3)
    fit(triplets, tmp_path, 3)
    assert_same(everything(tmp_path), uninterrupted)


@contextmanager
def ignoring(number):
    before = signal.signal(number, signal.SIG_IGN)
    yield
    signal.signal(number, before)


def test_an_ignored_ctrl_c_stays_ignored_and_sigterm_stops(
    triplets, tmp_path, monkeypatch, uninterrupted
):
    """SIGINT is ignored under nohup, and in a job that a script starts with &."""
    real, sent = torch.manual_seed, []

    def interrupt(seed):
        if sent:
            os.kill(os.getpid(), sent.pop())
        return real(seed)

    monkeypatch.setattr(loop.torch, "manual_seed", interrupt)
    with ignoring(signal.SIGINT):
        sent += [signal.SIGTERM, *[signal.SIGINT] * 4]
        with pytest.raises(KeyboardInterrupt):
            fit(triplets, tmp_path, 3)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert Checkpoints(tmp_path, "x").latest().images_seen == 16  # seeded 1 + 4 times
    fit(triplets, tmp_path, 3)
    assert_same(everything(tmp_path), uninterrupted)


def test_a_longer_schedule_extends_to_the_same_end(triplets, tmp_path, uninterrupted):
    assert fit(triplets, tmp_path, 1).images_seen == 22
    assert fit(triplets, tmp_path, 3).epochs == 3
    assert_same(everything(tmp_path), uninterrupted)


def test_short_epochs_share_a_checkpoint(triplets, tmp_path):
    """Three epochs within five seconds leave that of the last one alone."""
    fit(triplets, tmp_path, 3)
    assert [p.name[11:23] for p in tmp_path.glob("checkpoint-*")] == [f"{3 * 22:012d}"]


def test_another_seed_trains_another_network(triplets, tmp_path, uninterrupted):
    fit(triplets, tmp_path, 3, seed=2)
    assert everything(tmp_path)[1] != uninterrupted[1]


def test_the_loss_falls(triplets, tmp_path):
    fit(triplets, tmp_path, 12)
    header, *rows = (tmp_path / "losses.csv").read_text().splitlines()
    assert header == "images_seen,d,g_adv,l1"
    l1 = [float(row.split(",")[3]) for row in rows]
    assert sum(l1[-12:]) < 0.97 * sum(l1[:12])


def test_a_loss_that_is_not_finite_stops_with_the_last_good_checkpoint(
    triplets, tmp_path, monkeypatch
):
    fit(triplets, tmp_path, 1)
    before, _ = everything(tmp_path)
    monkeypatch.setattr(
        "trendbench.generators.pix2pix.generator.l1_loss", lambda a, b: (a - b).mean() * torch.nan
    )
    with pytest.raises(TrainingError, match="no longer finite"):
        fit(triplets, tmp_path, 2)
    assert_same(everything(tmp_path)[0], before)


def save_two(folder):
    checkpoints = Checkpoints(folder, "x")
    for seen in (10, 20, 30):
        checkpoints.save(Checkpoint(seen, 1.0, {"w": torch.full((50,), float(seen))}))
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    "damage",
    [lambda c: c[: len(c) // 2], lambda c: b"", lambda c: c[:300] + bytes([c[300] ^ 1]) + c[301:]],
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, capsys, damage):
    older, newest = save_two(tmp_path)  # the oldest of the three is gone
    newest.write_bytes(damage(newest.read_bytes()))
    found = Checkpoints(tmp_path, "x").latest()
    assert found.images_seen == 20
    assert newest.name in capsys.readouterr().err
    older.write_bytes(b"")
    with pytest.raises(CheckpointError, match="intact"):
        Checkpoints(tmp_path, "x").latest()


def test_a_foreign_checkpoint_is_refused(tmp_path):
    save_two(tmp_path)
    with pytest.raises(CheckpointError, match="another recipe"):
        Checkpoints(tmp_path, "y").latest()


def test_curves_drop_what_lies_beyond_the_resumption(tmp_path):
    path = tmp_path / "c.csv"
    log = CurveLog(path, 0)
    for seen in (5, 10, 15):
        log.add(seen, {"a": seen / 3})
    with path.open("a") as file:
        file.write("20,")  # cut short by a kill
    CurveLog(path, 10).add(12, {"a": 0.5})
    assert path.read_text() == "images_seen,a\n5,1.66667\n10,3.33333\n12,0.5\n"


@pytest.mark.parametrize("left", ["", "images", "\n"])
def test_a_curve_cut_short_in_its_first_line_starts_again(tmp_path, left):
    path = tmp_path / "c.csv"
    path.write_text(left)
    CurveLog(path, 10).add(12, {"a": 0.5})
    assert path.read_text() == "images_seen,a\n12,0.5\n"


def test_randomness_is_named():
    assert derived_seed(1, "step", 4) == derived_seed(1, "step", 4)
    assert len({derived_seed(s, n, i) for s in (0, 1) for n in "ab" for i in (0, 1)}) == 8
    assert sorted(epoch_order(9, 0, 0)) == list(range(9))
    assert list(epoch_order(9, 0, 0)) != list(epoch_order(9, 0, 1))
