"""Outlines: single pixels seen amid all others, learned from, and drawn again."""

import copy
import math

import numpy as np
import pytest
import torch

from tests.generators.test_flow import NUMBERS, fitted, untrained
from trendbench.generators.flow import outlines
from trendbench.generators.flow.correction import REACH, Correction
from trendbench.generators.flow.generator import Flow
from trendbench.generators.flow.law import Law
from trendbench.generators.flow.outlines import (
    around,
    framed,
    learn_outlines,
    redrawn_outlines,
)
from trendbench.generators.protocol import Inputs
from trendbench.simulation import simulate
from trendbench.training.context import RunContext

ALONE = RunContext(seed=0, device="cpu", precision="fp32", folder=None, identity="test")
ENDED = {"outline_epochs": 1, "outline_sweeps": 2}


@pytest.fixture
def triplets(small):
    return simulate(small, 10, seed=1)


class Constant(Correction):
    """Every pixel has the same log odds, whatever is around it."""

    def __init__(self, odds):
        super().__init__()
        self.odds = odds

    def forward(self, seen, logits):
        del seen
        return 0 * logits + self.odds


def undecided(monkeypatch, odds=0.0):
    monkeypatch.setattr(Law, "given_others", lambda _l, _g, image, _a: 0 * image + odds)


def test_a_window_shows_all_but_the_pixel_itself():
    torch.manual_seed(0)
    pair, images = torch.rand(2, 2, 32, 64).round(), torch.rand(2, 1, 32, 64).round()
    places = torch.tensor([[0, 0, 0], [1, 20, 33]])
    corner, inner = around(framed(pair, images), places)
    assert not corner[:, :REACH].any()
    assert not corner[:, :, :REACH].any()
    expected = 2 * torch.cat([pair, images], dim=1)[1, :, 10:31, 23:44] - 1
    expected[2, REACH, REACH] = 0
    assert torch.equal(inner, expected)
    flipped = images.clone()
    flipped[1, 0, 20, 33] = 1 - flipped[1, 0, 20, 33]
    assert torch.equal(around(framed(pair, flipped), places)[1], inner)


def test_an_untrained_correction_is_none():
    logits = torch.linspace(-7, 7, 5)
    assert torch.equal(Correction()(torch.randn(5, 3, 21, 21), logits), logits)


@pytest.mark.parametrize("odds", [math.log(3 / 7), 3.5, -3.5])
def test_uncertain_pixels_are_drawn_by_corrected_odds_up_to_the_cut(odds, monkeypatch):
    model = untrained()
    undecided(monkeypatch)
    given = model.network.given(torch.zeros(10, 2, 32, 64))
    torch.manual_seed(1)
    drawn = redrawn_outlines(model.law, Constant(odds), given, torch.zeros(10, 1, 32, 64), 3.0)
    if abs(odds) > 3:
        assert (drawn == (odds > 0)).all()
    else:
        p = 1 / (1 + math.exp(-odds))
        assert abs(drawn.mean().item() - p) < 4 * math.sqrt(p * (1 - p) / drawn.numel())


def test_settling_sets_decided_pixels_alone(monkeypatch):
    model = untrained()
    undecided(monkeypatch)
    given = model.network.given(torch.zeros(2, 2, 32, 64))
    images = torch.rand(2, 1, 32, 64).round()
    for odds, expected in ((2.9, images), (3.1, torch.ones_like(images))):
        settled = redrawn_outlines(model.law, Constant(odds), given, images, 3.0, settling=True)
        assert torch.equal(settled, expected)


@pytest.mark.parametrize("odds", [-40.0, 40.0])
def test_structural_zeros_stay(odds, monkeypatch):
    """What the network excludes, no correction brings back."""
    model = untrained()
    undecided(monkeypatch, odds)
    given = model.network.given(torch.zeros(2, 2, 32, 64))
    images = torch.rand(2, 1, 32, 64).round()
    drawn = redrawn_outlines(model.law, Constant(-odds), given, images, 3.0)
    assert (drawn == (odds > 0)).all()


def test_pixels_are_drawn_given_those_just_drawn(monkeypatch):
    """Pairs side by side with P(both black) = 0.2, P(one of them) = 0.1 each, P(none) = 0.6."""
    model = untrained()

    class Partner(Correction):
        def forward(self, seen, logits):
            other = seen[:, 2, REACH, REACH + 1]
            left = seen[:, 0, REACH, REACH] > 0  # s1 marks the left one of a pair
            other = torch.where(left, other, seen[:, 2, REACH, REACH - 1])
            return torch.where(other > 0, math.log(0.2 / 0.1), math.log(0.1 / 0.6)) + 0 * logits

    undecided(monkeypatch)
    pair = torch.zeros(50, 2, 32, 64)
    pair[:, 0, :, ::2] = 1
    given, drawn = model.network.given(pair), torch.ones(50, 1, 32, 64)
    torch.manual_seed(1)
    for _ in range(8):
        drawn = redrawn_outlines(model.law, Partner(), given, drawn, 50.0)
    black = drawn.unflatten(3, (-1, 2)).sum(dim=-1)
    for count, p in ((0, 0.6), (1, 0.2), (2, 0.2)):
        share = (black == count).float().mean().item()
        assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / black.numel())


def test_training_learns_what_neighbours_show(small, monkeypatch):
    """From log odds of 0 to a log loss of new images well below that of the share of black."""
    model = untrained()
    undecided(monkeypatch)
    for name, value in (("_WARMUP", 5), ("_TOGETHER", 128), ("_AVERAGING", 0.9)):
        monkeypatch.setattr(outlines, name, value)
    torch.manual_seed(0)
    correction = Correction()
    train, new = simulate(small, 2, seed=1), simulate(small, 2, seed=2)
    learn_outlines(model.law, correction, train, ALONE, model.device, 3)
    found = outlines._uncertain_in(model.law, new, ALONE, model.device)
    assert len(found.places) == new.r.size
    some = found.places[::7]
    black = torch.from_numpy(new.r == 0)[tuple(some.unbind(dim=1))].float()
    with torch.no_grad():
        odds = correction(around(found.frames, some), found.logits[::7])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(odds, black)
    p = black.mean().item()
    assert loss < -0.8 * (p * math.log(p) + (1 - p) * math.log(1 - p))


def test_no_more_images_than_are_enough_are_looked_at(triplets, monkeypatch):
    monkeypatch.setattr(outlines, "_IMAGES", 3)
    model = untrained(batch=1)
    found = [
        outlines._uncertain_in(model.law, some, ALONE, model.device)
        for some in (triplets, triplets[:3])
    ]
    for of_ten, of_three in zip(*found, strict=True):
        assert torch.equal(of_ten, of_three)
    monkeypatch.setattr(outlines, "_PIXELS", 1)
    of_one = outlines._uncertain_in(model.law, triplets, ALONE, model.device)
    assert len(of_one.frames) == 1
    assert 0 < len(of_one.places) < len(found[0].places)


def test_the_other_weights_are_those_of_a_fit_without(triplets, tmp_path):
    for name in ("without", "with", "saved"):
        (tmp_path / name).mkdir()
    plain = fitted(tmp_path / "without", triplets)
    ended = fitted(tmp_path / "with", triplets, **ENDED)
    weights = dict(ended.network.named_parameters())
    for name, expected in plain.network.named_parameters():
        assert torch.equal(weights[name], expected)
    assert ended.network.correction.exit.weight.any()
    ended.save(tmp_path / "saved")
    inputs = Inputs(triplets.s1, triplets.s2)
    again = Flow.load(tmp_path / "saved")
    np.testing.assert_array_equal(again.sample(inputs, 1), ended.sample(inputs, 1))


def test_settings_saved_before_there_were_outlines_draw_as_before(triplets, tmp_path):
    """No key of outlines in the file: the same weights, and the same images."""
    model = untrained()
    model.save(tmp_path)
    path = tmp_path / "settings.json"
    lines = [line for line in path.read_text().splitlines() if '"outline_' not in line]
    assert len(lines) == len(path.read_text().splitlines()) - 3
    path.write_text("\n".join(lines).replace('"ridge": 0.0,', '"ridge": 0.0'))
    inputs = Inputs(triplets.s1, triplets.s2)
    np.testing.assert_array_equal(Flow.load(tmp_path).sample(inputs, 3), model.sample(inputs, 3))


def test_a_fit_asked_for_again_ends_alike(triplets, tmp_path):
    first = fitted(tmp_path, triplets, **ENDED)
    state = copy.deepcopy(first.network.state_dict())
    again = fitted(tmp_path, triplets, **ENDED)
    for name, expected in again.network.state_dict().items():
        assert torch.equal(state[name], expected), name


def test_steps_without_sweeps_are_refused():
    with pytest.raises(ValueError, match="outline_epochs, outline_sweeps = 2, 0: both"):
        Flow(**{**NUMBERS, "outline_epochs": 2})
