"""Long runs: memory stays flat; numbers that run away stop the training with good ones kept."""

import json
import math
import mmap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.faults.jobs import TINY
from tests.faults.moments import in_child
from trendbench.errors import TrainingError
from trendbench.progress import quiet
from trendbench.storage.scratch import pieces, scratch
from trendbench.training import loop
from trendbench.training.checkpoint import Checkpoints
from trendbench.training.context import RunContext
from trendbench.training.loop import train

_MOST_GROWTH = 32 << 20
_PAGE = 4096


class Runaway:
    """One weight, one loss; after ``good`` steps one of them takes a value."""

    def __init__(self, good, loss=0.5, weight=1.0):
        self.good, self.loss, self.weight = good, loss, weight
        self.steps = 0
        self.weights = torch.ones(3)
        self.parts = {"runaway": self}

    def step(self, chosen):
        del chosen
        self.steps += 1
        gone = self.steps > self.good
        if gone:
            self.weights = torch.full((3,), self.weight)
        return {"d": torch.tensor(self.loss if gone else 0.5)}

    def state_dict(self):
        return {"weights": self.weights}

    def load_state_dict(self, state):
        self.weights = state["weights"]


def fit(folder, trainable, epochs=4):
    folder.mkdir(exist_ok=True)
    run = RunContext(1, "cpu", "fp32", folder, "x", bar=quiet)
    train(trainable, 10, batch=2, epochs=epochs, run=run, after_epoch=lambda epoch: None)


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("trainable", "said"),
    [
        (Runaway(12, loss=NAN), "no longer finite"),
        (Runaway(12, loss=INF), "no longer finite"),
        (Runaway(12, loss=1e9), "exploded"),
        (Runaway(12, loss=-1e9), "exploded"),
        (Runaway(14, weight=NAN), "the weights are no longer finite"),
        (Runaway(14, weight=INF), "the weights are no longer finite"),
    ],
)
def test_runaway_numbers_stop_and_the_last_good_checkpoint_stays(
    tmp_path, trainable, said, monkeypatch
):
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_EPOCHS_CHECKPOINTS", -1.0)
    with pytest.raises(TrainingError, match=said) as caught:
        fit(tmp_path / "run", trainable)
    assert "learning_rate" in str(caught.value)
    kept = Checkpoints(tmp_path / "run", "x").latest()
    assert kept.images_seen == 20
    assert torch.equal(kept.state["trainable"]["runaway"]["weights"], torch.ones(3))


def test_a_checkpoint_in_the_middle_of_an_epoch_is_held_to_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    with pytest.raises(TrainingError):
        fit(tmp_path / "run", Runaway(2, weight=NAN))
    assert Checkpoints(tmp_path / "run", "x").latest().images_seen == 4


def test_large_losses_that_are_none_the_less_honest_go_on(tmp_path):
    fit(tmp_path / "run", Runaway(0, loss=6.5e6), epochs=1)


def grown(place, work):
    """Bytes by which a process grows between the first and the last call of what ``work`` calls."""
    log = place / "memory.json"

    def job():
        readings = []
        work(lambda: readings.append(int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE))
        log.write_text(json.dumps(readings[-1] - readings[0]))

    assert in_child(job) == 0
    return json.loads(log.read_text())


@pytest.mark.parametrize(("is_on_disk", "is_flat"), [(True, True), (False, False)])
def test_an_array_on_the_disk_does_not_stay_in_memory(tmp_path, is_on_disk, is_flat):
    shape = 128, 1 << 20

    def work(note):
        fresh = np.frombuffer(mmap.mmap(-1, math.prod(shape)), np.uint8).reshape(shape)
        array = scratch(shape, np.uint8, large=0) if is_on_disk else fresh
        for rows in pieces(array):
            array[rows] = 1
            note()

    assert (grown(tmp_path, work) < _MOST_GROWTH) == is_flat


@pytest.mark.slow
def test_ten_thousand_steps_in_flat_memory(tmp_path):
    def work(note):
        from trendbench.generators.pix2pix.generator import Pix2Pix
        from trendbench.simulation import simulate

        triplets = simulate(TINY, 100, 1)
        model = Pix2Pix(nf=1, kernel=4, skips=True, eta=100.0, learning_rate=2e-4, beta1=0.5,
                        batch=1, epochs=100)  # fmt: skip
        run = RunContext(1, "cpu", "fp32", tmp_path, "x", bar=quiet)
        later = replace(run, observe=lambda _, epoch: note() if epoch >= 20 else None)
        model.fit(triplets, triplets, later)

    assert grown(tmp_path, work) < _MOST_GROWTH


@pytest.mark.slow
def test_a_hundred_thousand_scored_images_in_flat_memory(tmp_path):
    def work(note):
        from trendbench.data.make import make_data
        from trendbench.data.opening import open_dataset
        from trendbench.metrics.full_card import full_card

        make_data(TINY.model_copy(update={"test": 10_000}), 1, tmp_path / "many.h5", workers=1)
        for _ in range(10):
            with open_dataset(tmp_path / "many.h5") as dataset:
                full_card(dataset.images("test", "r"), dataset, name="mine", c2st=False)
            note()

    assert grown(tmp_path, work) < _MOST_GROWTH
