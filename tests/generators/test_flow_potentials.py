"""Patterns and their potentials: counted, drawn by, and estimated to match."""

import copy
import math
import time

import numpy as np
import pytest
import torch

from tests.generators.test_flow import NUMBERS, fitted, untrained
from trendbench.conformance.calls import Interrupting
from trendbench.generators.flow import potentials
from trendbench.generators.flow.generator import Flow
from trendbench.generators.flow.law import PHASES, Law
from trendbench.generators.flow.network import Given
from trendbench.generators.flow.orientation import rising
from trendbench.generators.flow.patterns import CLASSES, classes, redrawn, states
from trendbench.generators.flow.potentials import Unsettled, estimated, unsettled
from trendbench.generators.network import generator as network
from trendbench.generators.protocol import Inputs
from trendbench.process.triplets import Triplets
from trendbench.simulation import simulate
from trendbench.training.checkpoint import Checkpoints
from trendbench.training.context import RunContext

ALONE = RunContext(seed=0, device="cpu", precision="fp32", folder=None, identity="test")


def number(pattern):
    """Of a 3×3 pattern of states, its digits row by row."""
    return int(np.dot(np.ravel(pattern), 4 ** np.arange(9)[::-1]))


def test_turns_and_mirror_images_of_a_pattern_are_one_class():
    found = classes()
    assert len(found) == 4**9
    assert np.array_equal(np.unique(found), np.arange(CLASSES))
    pattern = np.array([[0, 1, 2], [3, 2, 1], [0, 0, 3]])
    alike = [np.rot90(p, k) for p in (pattern, pattern.T) for k in range(4)]
    assert len({found[number(p)] for p in alike}) == 1
    assert found[number(pattern)] != found[number(pattern[[1, 0, 2]])]


def test_states_tell_structural_zeros_from_chance():
    odds = torch.tensor([-40.0, 40.0, -3.0, 3.0]).view(1, 1, 1, 4)
    given = Given(torch.zeros(1, 2, 1, 4), odds, torch.zeros(1, 4))
    assert states(given, torch.tensor([0.0, 1, 0, 1]).view(1, 1, 1, 4)).ravel().tolist() == [
        0, 1, 2, 3
    ]  # fmt: skip


def test_a_pass_redraws_by_the_network_s_odds_and_the_potentials():
    """One pixel amid eight certain ones, in 40 000 images: P = σ(logit + θ(black) − θ(white))."""
    b = 40_000
    before = np.tile(np.array([[0, 1, 0], [1, 2, 1], [0, 0, 1]], dtype=np.int8), (b, 1, 1))
    white, black = number(before[0]), number(before[0]) + 4**4
    theta = torch.zeros(classes().max() + 1)
    theta[classes()[black]], theta[classes()[white]] = 0.8, -0.3
    logits = torch.full((b, 1, 3, 3), -1.7)
    uniforms = 1 - torch.rand(b, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    after = redrawn(before, logits, theta, (1, 1), uniforms)
    p = 1 / (1 + math.exp(1.7 - 0.8 - 0.3))
    assert abs((after[:, 1, 1] == 3).mean() - p) < 4 * math.sqrt(p * (1 - p) / b)
    after[:, 1, 1] = before[:, 1, 1]
    assert np.array_equal(after, before)


def test_without_potentials_a_pass_is_bernoulli_draws_by_the_logits_alone():
    """Black iff u ≤ σ(logit) at every other pixel of every other row; structural zeros stay."""
    random = np.random.default_rng(0)
    before = random.integers(4, size=(3, 8, 10), dtype=np.int8)
    logits = torch.from_numpy(random.normal(0, 9, size=(3, 1, 8, 10)).astype(np.float32))
    uniforms = torch.from_numpy(1 - random.random((3, 1, 8, 10), dtype=np.float32))
    p = 1 / (1 + np.exp(-logits[:, 0].double().numpy()))
    for row, column in PHASES:
        drawn = np.zeros(before.shape, dtype=bool)
        drawn[:, row::2, column::2] = True
        expected = np.where(drawn & (before >= 2), 2 + (uniforms[:, 0].numpy() <= p), before)
        after = redrawn(before, logits, torch.zeros(CLASSES), (row, column), uniforms)
        np.testing.assert_array_equal(after, expected)


def test_pixels_of_one_pass_see_each_other():
    """Two corners of a pattern that must be alike and are not: drawn together, they would swap."""
    b = 4000
    before = np.zeros((b, 3, 3), dtype=np.int8)
    before[:, 0, 0], before[:, 2, 2] = 2, 3
    theta = torch.zeros(classes().max() + 1)
    theta[classes()[number(before[0])]] = -50.0
    uniforms = 1 - torch.rand(b, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    after = redrawn(before, torch.zeros(b, 1, 3, 3), theta, (0, 0), uniforms)
    assert (after[:, 0, 0] == after[:, 2, 2]).all()


def seen_by_hand(seen, logits, phase):
    """Of each unsettled pixel: the logit, what it is, the classes about it, it being either."""
    for image, says in zip(seen, logits[:, 0].numpy(), strict=True):
        for y in range(phase[0], image.shape[0], 2):
            for x in range(phase[1], image.shape[1], 2):
                if image[y, x] < 2 or abs(says[y, x]) >= 14:
                    continue
                either = []
                for state in (3, 2):
                    trial = image.copy()
                    trial[y, x] = state
                    squares = np.lib.stride_tricks.sliding_window_view(trial, (3, 3))
                    either.append(
                        sorted(
                            classes()[number(squares[i - 1, j - 1])]
                            for i in range(max(y - 1, 1), min(y + 2, len(image) - 1))
                            for j in range(max(x - 1, 1), min(x + 2, image.shape[1] - 1))
                        )
                    )
                yield says[y, x], image[y, x] == 3, *either


@pytest.mark.parametrize("phase", PHASES)
def test_unsettled_pixels_and_the_patterns_that_hold_them(phase):
    random = np.random.default_rng(0)
    seen = random.integers(4, size=(2, 6, 9), dtype=np.int8)
    before = seen.copy()
    logits = torch.from_numpy(random.normal(0, 12, size=(2, 1, 6, 9)).astype(np.float32))
    found = unsettled(seen, logits, phase)
    expected = list(seen_by_hand(seen, logits, phase))
    assert len(expected) == len(found.logits) > 3
    for k, (says, black, if_black, if_white) in enumerate(expected):
        assert (found.logits[k], found.black[k]) == (says, black)
        # Where the frame ends before the pattern does, both have class 0, which comes to nothing.
        assert sorted(c for c in found.if_black[k] if c) == [c for c in if_black if c]
        assert sorted(c for c in found.if_white[k] if c) == [c for c in if_white if c]
    assert np.array_equal(seen, before)


def a_pattern_and_its_pixel(logit, n, share_of_black):
    """Pixels amid eight certain ones, with one logit, a share of them black."""
    seen = np.array([[0, 1, 0], [1, 2, 1], [0, 0, 1]], dtype=np.int8)
    white, black = number(seen), number(seen) + 4**4
    classes_of = [np.zeros((n, 9), np.uint16) for _ in range(2)]
    for held, pattern in zip(classes_of, (black, white), strict=True):
        held[:, 4] = classes()[pattern]
    said = np.full(n, logit, np.float32)
    return Unsettled(said, np.arange(n) < round(share_of_black * n), *classes_of), (black, white)


def test_potentials_correct_the_network():
    """A pattern of which it says 3 in 100, and 2 are true: θ's difference is that of log odds."""
    found, (black, white) = a_pattern_and_its_pixel(math.log(3 / 97), 10_000, 0.02)
    theta = estimated(found, ridge=1e-3)
    gained = theta[classes()[black]] - theta[classes()[white]]
    assert gained == pytest.approx(math.log(2 / 98) - math.log(3 / 97), abs=1e-3)
    assert np.count_nonzero(np.abs(theta) > 1e-6) == 2


def test_the_ridge_holds_back_potentials_of_few_pixels():
    """At the least loss, ridge·θ is what is missing of the black ones."""
    found, (black, _) = a_pattern_and_its_pixel(0.0, 10, 0.8)
    theta = estimated(found, ridge=3.0)[classes()[black]]
    assert 3 * theta == pytest.approx(8 - 10 / (1 + math.exp(-2 * theta)), abs=1e-3)


@pytest.fixture
def triplets(small):
    return simulate(small, 10, seed=1)


def independent_pixels(monkeypatch):
    """The network gives every pixel a probability of 3 in 10, whatever is beside it."""
    constant = math.log(3 / 7)
    monkeypatch.setattr(Law, "given_noise", lambda _l, _g, y, _r: 0 * y + constant)
    monkeypatch.setattr(Law, "given_others", lambda _l, _g, image, _a: 0 * image + constant)


def test_potentials_bring_patterns_nearer_to_their_frequencies(small, monkeypatch):
    """From independent pixels to those of disks: images drawn of new inputs are nearer by half."""
    train, new = simulate(small, 60, seed=1), simulate(small, 30, seed=2)
    model = untrained(ridge=1.0, sweeps=4, batch=20)
    independent_pixels(monkeypatch)
    triplet = rising(new)
    given, real = model.network.given(triplet[:, :2]), triplet[:, 2:]

    def frequencies(images):
        patterns = np.lib.stride_tricks.sliding_window_view(states(given, images), (3, 3), (1, 2))
        numbers = patterns.reshape(-1, 9).astype(int) @ 4 ** np.arange(9)[::-1]
        return np.bincount(classes()[numbers], minlength=CLASSES) / len(numbers)

    def distance():
        torch.manual_seed(9)
        drawn = model.swept(given, model.followed(given))
        return np.abs(frequencies(drawn) - frequencies(real)).sum()

    before = distance()
    model.conclude(train, ALONE)
    assert distance() < 0.5 * before


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    """A fit that nothing disturbed, with potentials."""
    return fitted(tmp_path_factory.mktemp("whole"), simulate(small, 10, seed=1), ridge=2.0)


def test_potentials_are_estimated_where_a_ridge_is_stated(triplets, whole, tmp_path):
    assert not fitted(tmp_path, triplets).network.potentials.any()
    assert whole.network.potentials.any()


def test_a_falling_trend_has_the_potentials_of_the_rising_one(triplets, whole):
    """The network knows rising ones alone; mirrored triplets are seen from the other end."""
    series = (triplets.s2, triplets.s1, triplets.r)
    mirrored = Triplets(triplets.spec, *(images[..., ::-1].copy() for images in series), None)
    again = copy.deepcopy(whole)
    again.network.potentials.zero_()
    again.conclude(mirrored, ALONE)
    assert torch.equal(again.network.potentials, whole.network.potentials)


def test_no_more_images_than_are_enough_are_looked_at(triplets, whole, monkeypatch):
    """Of ten triplets the first three, where three are said to be enough."""
    monkeypatch.setattr(potentials, "_IMAGES", 3)
    found = [
        potentials._unsettled_in(whole.law, some, ALONE, whole.device)
        for some in (triplets, triplets[:3])
    ]
    for of_ten, of_three in zip(*found, strict=True):
        assert np.array_equal(of_ten, of_three)


def test_potentials_without_sweeps_are_refused():
    with pytest.raises(ValueError, match=r"ridge = 2\.0: potentials are for sweeps"):
        Flow(**{**NUMBERS, "ridge": 2.0, "sweeps": 0})


def test_potentials_are_saved_and_loaded(triplets, whole, tmp_path):
    whole.save(tmp_path)
    again = Flow.load(tmp_path)
    assert torch.equal(again.network.potentials, whole.network.potentials)
    inputs = Inputs(triplets.s1, triplets.s2)
    assert np.array_equal(again.sample(inputs, 1), whole.sample(inputs, 1))


def test_an_interruption_while_potentials_are_estimated_costs_nothing_else(
    triplets, whole, tmp_path
):
    """Estimated anew from the trained network, to the same numbers."""
    trial, stop = Flow(**{**NUMBERS, "ridge": 2.0}), Interrupting()
    context = RunContext(
        seed=0, device="cpu", precision="fp32", folder=tmp_path, identity="test",
        bar=lambda title, *a, **k: (stop if title == "potentials" else _Calm()).bar(title, *a, **k),
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        trial.fit(triplets, triplets[:0], context)
    again = fitted(tmp_path, triplets, ridge=2.0)
    assert torch.equal(again.network.potentials, whole.network.potentials)


def test_what_follows_training_counts_as_training(triplets, tmp_path, monkeypatch):
    """Its seconds are added to those of the epochs, and once where a fit is asked for again."""
    clock, late = time.monotonic, [0.0]

    def conclude(_self, _train, _run):
        late[0] += 1000.0

    monkeypatch.setattr(network.time, "monotonic", lambda: clock() + late[0])
    monkeypatch.setattr(Flow, "conclude", conclude)
    run = RunContext(seed=0, device="cpu", precision="fp32", folder=tmp_path, identity="test")
    for _ in range(2):
        Flow(**NUMBERS).fit(triplets, triplets[:0], run)
    trained = Checkpoints(tmp_path, "test").latest()
    for report in run.reports:
        assert 999 < report.seconds - trained.seconds < 1500
        assert (report.epochs, report.images_seen) == (2, trained.images_seen)


class _Calm(Interrupting):
    """A bar at which nobody presses anything."""

    def __init__(self):
        super().__init__()
        self.done = True
