"""Patterns and their potentials: counted as they are, minded as the law says, learned to match."""

import math
import time

import numpy as np
import pytest
import torch

from tests.generators.test_flow import NUMBERS, fitted, untrained
from trendbench.conformance.calls import Interrupting
from trendbench.generators.flow import potentials
from trendbench.generators.flow.generator import Flow
from trendbench.generators.flow.network import Given
from trendbench.generators.flow.patterns import classes, counts, redrawn, states
from trendbench.generators.protocol import Inputs
from trendbench.rendering.triplets import simulate
from trendbench.training.context import RunContext, read_report


def number(pattern):
    """Of a 3×3 pattern of states, its digits row by row."""
    return int(np.dot(np.ravel(pattern), 4 ** np.arange(9)[::-1]))


def test_turns_and_mirror_images_of_a_pattern_are_one_class():
    """As many classes as Burnside's lemma counts orbits of 4⁹ patterns under eight symmetries."""
    found = classes()
    assert found.max() + 1 == (4**9 + 4**5 + 2 * 4**3 + 4 * 4**6) // 8
    pattern = np.array([[0, 1, 2], [3, 2, 1], [0, 0, 3]])
    alike = [np.rot90(p, k) for p in (pattern, pattern.T) for k in range(4)]
    assert len({found[number(p)] for p in alike}) == 1
    assert found[number(pattern)] != found[number(pattern[[1, 0, 2]])]


def test_every_pattern_that_lies_within_the_frame_is_counted():
    seen = np.random.default_rng(0).integers(4, size=(2, 6, 9), dtype=np.int8)
    expected = np.zeros(classes().max() + 1, dtype=int)
    for image in seen:
        for square in np.lib.stride_tricks.sliding_window_view(image, (3, 3)).reshape(-1, 3, 3):
            expected[classes()[number(square)]] += 1
    assert np.array_equal(counts(seen), expected)


def test_states_tell_what_is_certain_from_what_is_chance():
    odds = torch.tensor([-40.0, 40.0, -3.0, 3.0]).view(1, 1, 1, 4)
    given = Given(torch.zeros(1, 2, 1, 4), odds, torch.zeros(1, 4))
    assert states(given, torch.tensor([0.0, 1, 0, 1]).view(1, 1, 1, 4)).ravel().tolist() == [
        0, 1, 2, 3
    ]  # fmt: skip


def test_a_pass_redraws_by_the_network_s_word_and_the_potentials():
    """One pixel amid eight certain ones, in 40 000 images: P = σ(logit + θ(black) − θ(white))."""
    b = 40_000
    before = np.tile(np.array([[0, 1, 0], [1, 2, 1], [0, 0, 1]], dtype=np.int8), (b, 1, 1))
    white, black = number(before[0]), number(before[0]) + 4**4
    theta = torch.zeros(classes().max() + 1)
    theta[classes()[black]], theta[classes()[white]] = 0.8, -0.3
    logits = torch.full((b, 1, 3, 3), -1.7)
    coins = 1 - torch.rand(b, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    after = redrawn(before, logits, theta, (1, 1), coins)
    p = 1 / (1 + math.exp(1.7 - 0.8 - 0.3))
    assert abs((after[:, 1, 1] == 3).mean() - p) < 4 * math.sqrt(p * (1 - p) / b)
    after[:, 1, 1] = before[:, 1, 1]
    assert np.array_equal(after, before)


def test_pixels_of_one_pass_see_each_other():
    """Two corners of a pattern that must be alike and are not: drawn together, they would swap."""
    b = 4000
    before = np.zeros((b, 3, 3), dtype=np.int8)
    before[:, 0, 0], before[:, 2, 2] = 2, 3
    theta = torch.zeros(classes().max() + 1)
    theta[classes()[number(before[0])]] = -50.0
    coins = 1 - torch.rand(b, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    after = redrawn(before, torch.zeros(b, 1, 3, 3), theta, (0, 0), coins)
    assert (after[:, 0, 0] == after[:, 2, 2]).all()


@pytest.fixture
def triplets(small):
    return simulate(small, 10, seed=1)


def independent_pixels(monkeypatch, model):
    """The network says 3 in 10 of every pixel, whatever is beside it."""
    constant = math.log(3 / 7)
    monkeypatch.setattr(model, "logits", lambda _n, _g, y, _r: 0 * y + constant)
    monkeypatch.setattr(model, "conditionals", lambda _n, _g, image, _a: 0 * image + constant)


def test_learned_potentials_bring_patterns_to_their_frequencies(small, monkeypatch):
    """From independent pixels to those of disks: new images are nearer by half and more."""
    train = simulate(small, 60, seed=1)
    model = untrained(rounds=30, sweeps=2, batch=20)
    independent_pixels(monkeypatch, model)
    context = RunContext(seed=0, device="cpu", precision="fp32", folder=None, identity="test")
    wanted = potentials._true_counts(model, train)

    def distance():
        torch.manual_seed(9)
        given, _ = potentials._rising(model, train)
        found = counts(states(given, model.swept(given, model.followed(given))))
        return np.abs(found - wanted).sum() / wanted.sum()

    before = distance()
    model.conclude(train, context)
    assert distance() < 0.5 * before


def test_without_rounds_nothing_is_learned_or_stored(triplets, tmp_path):
    assert "potentials" not in fitted(tmp_path, triplets).network.state_dict()
    (tmp_path / "with").mkdir()
    assert fitted(tmp_path / "with", triplets, rounds=2).network.potentials.any()


def test_potentials_without_sweeps_are_refused():
    with pytest.raises(ValueError, match="rounds = 2: potentials are for sweeps"):
        Flow(**{**NUMBERS, "rounds": 2, "sweeps": 0})


def test_potentials_are_saved_and_loaded(triplets, tmp_path):
    model = fitted(tmp_path, triplets, rounds=2)
    model.save(tmp_path)
    again = Flow.load(tmp_path)
    assert torch.equal(again.network.potentials, model.network.potentials)
    inputs = Inputs(triplets.s1, triplets.s2)
    assert np.array_equal(again.sample(inputs, 1), model.sample(inputs, 1))


def test_an_interruption_while_potentials_are_learned_costs_nothing_else(triplets, tmp_path):
    """Learned anew from the trained network, to the same numbers."""
    for name in ("whole", "part"):
        (tmp_path / name).mkdir()
    whole = fitted(tmp_path / "whole", triplets, rounds=2)
    trial, stop = Flow(**{**NUMBERS, "rounds": 2}), Interrupting()
    context = RunContext(
        seed=0, device="cpu", precision="fp32", folder=tmp_path / "part", identity="test",
        bar=lambda title, *a, **k: (stop if title == "potentials" else _Calm()).bar(title, *a, **k),
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        trial.fit(triplets, triplets[:0], context)
    again = fitted(tmp_path / "part", triplets, rounds=2)
    assert torch.equal(again.network.potentials, whole.network.potentials)
    assert read_report(tmp_path / "part").images_seen == 20


def test_what_follows_training_counts_as_training(triplets, tmp_path, monkeypatch):
    """Its seconds are added to those of the epochs."""
    before = []

    def sleep(_self, _train, run):
        before.append(read_report(run.folder))
        time.sleep(0.3)

    monkeypatch.setattr(Flow, "conclude", sleep)
    fitted(tmp_path, triplets)
    after = read_report(tmp_path)
    assert after.seconds >= before[0].seconds + 0.3
    assert (after.epochs, after.images_seen) == (before[0].epochs, before[0].images_seen)


class _Calm(Interrupting):
    """A bar at which nobody presses anything."""

    def __init__(self):
        super().__init__()
        self.done = True
