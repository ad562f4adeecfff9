"""The any-order network: what an output sees, who is drawn when, and that coins are fair."""

import math

import numpy as np
import pytest
import torch

from trendbench.errors import RecipeError
from trendbench.generators.anyorder.generator import AnyOrder
from trendbench.generators.anyorder.network import Conditional
from trendbench.generators.protocol import Generator, Inputs
from trendbench.rendering.triplets import simulate
from trendbench.training.context import RunContext

NUMBERS = {
    "width": 8, "blocks": 1, "cell": 4, "learning_rate": 3e-3, "weight_decay": 0.01,
    "warmup": 0.1, "averaging": 0.9, "batch": 5, "epochs": 2, "fewest": 1e-3, "most": 0.1,
    "rounds": 12, "apart": 6, "certain": 0.004,
}  # fmt: skip


def untrained(**settings):
    model = AnyOrder(**{**NUMBERS, **settings})
    torch.manual_seed(0)
    model.use(model.build(32, 64), (32, 64), "cpu", "fp32")
    return model


@pytest.fixture
def triplets(small):
    return simulate(small, 10, seed=1)


@pytest.fixture
def inputs(triplets):
    return Inputs(triplets.s1, triplets.s2)


def fitted(folder, triplets, **settings):
    model = AnyOrder(**{**NUMBERS, **settings})
    context = RunContext(seed=0, device="cpu", precision="fp32", folder=folder, identity="test")
    model.fit(triplets, triplets[:0], context)
    return model


def by_square(_, known):
    """A stub's law: each 16×16 px square is black or white as a whole, with probability 0.3."""
    squares = known.unfold(2, 16, 16).unfold(3, 16, 16).amax(dim=(-2, -1))
    p = 0.3 + 0.7 * squares[:, :1] - 0.3 * squares[:, 1:]
    p = p.repeat_interleave(16, 2).repeat_interleave(16, 3)
    return p.where(known.sum(1, keepdim=True) == 0, known[:, :1])


def test_the_network_keeps_any_frame_of_whole_cells():
    network = Conditional(8, 1, 4)
    for shape in ((32, 64), (8, 96), (256, 16)):
        images = torch.rand(2, 2, *shape)
        assert network(images, torch.zeros_like(images)).shape == (2, 1, *shape)
    with pytest.raises(RecipeError, match="multiples of 8 px"):
        AnyOrder(**NUMBERS).build(36, 64)


def test_an_output_depends_on_its_surroundings_alone():
    """Nothing normalises over the frame: a change is felt within some 60 px and nowhere else."""
    network = Conditional(8, 1, 4)
    torch.nn.init.normal_(network.after[0].second.weight)
    pair, known = torch.rand(1, 2, 32, 256), torch.zeros(1, 2, 32, 256)
    with torch.no_grad():
        before = network(pair, known)
        pair[..., 128] += 1.0
        moved = (network(pair, known) != before)[0, 0].nonzero()[:, 1]
    assert moved.min() > 128 - 64
    assert moved.max() < 128 + 64


def test_the_place_along_x_reaches_the_output():
    """Same surroundings everywhere, another answer at each end."""
    network = Conditional(8, 1, 4)
    images = torch.zeros(1, 2, 32, 256)
    with torch.no_grad():
        row = network(images, images)[0, 0, 16]
    assert row[64:96].mean() != row[160:192].mean()


def test_what_is_known_stays_known():
    model = untrained()
    pair, known = torch.rand(2, 2, 32, 64), torch.zeros(2, 2, 32, 64)
    known[:, 0, 3, 5], known[:, 1, 9, 9] = 1.0, 1.0
    p = model.probabilities(pair, known)
    assert (p[:, 0, 3, 5] == 1).all()
    assert (p[:, 0, 9, 9] == 0).all()
    assert ((p > 0) & (p < 1)).sum() == p.numel() - 4


def test_pixels_of_one_round_are_apart_and_none_could_be_added():
    model = untrained(apart=5)
    p = torch.rand(4, 1, 40, 48)
    chosen = model.chosen(p, torch.rand_like(p))
    for image, law in zip(chosen[:, 0], p[:, 0], strict=True):
        places = image.nonzero()
        gaps = (places[:, None] - places[None]).abs().amax(dim=-1)
        assert gaps[gaps > 0].min() > 5
        assert ((law[image] - 0.5).abs() < 0.5 - 0.004).all()


def test_certain_pixels_are_not_drawn():
    model = untrained(certain=0.01)
    p = torch.tensor([0.0, 0.0099, 0.9901, 1.0]).reshape(1, 1, 2, 2)
    assert not model.chosen(p, torch.rand_like(p)).any()
    p[0, 0, 0, 0] = 0.0101
    assert model.chosen(p, torch.rand_like(p)).sum() == 1


def test_coins_are_fair_and_a_whole_falls_with_its_first_pixel(monkeypatch):
    """500 images of eight squares: each black with probability 0.3, squares independent."""
    model = untrained(apart=15)
    monkeypatch.setattr(model, "probabilities", by_square)
    torch.manual_seed(3)
    drawn = model.draw(torch.zeros(500, 2, 32, 64))
    squares = drawn.unfold(2, 16, 16).unfold(3, 16, 16)
    assert torch.equal(squares.amax(dim=(-2, -1)), squares.amin(dim=(-2, -1)))
    black = squares[:, 0, :, :, 0, 0].flatten(1)
    spread = math.sqrt(0.3 * 0.7 / black.numel())
    assert abs(black.mean().item() - 0.3) < 4 * spread
    counts = black.sum(dim=1)
    assert counts.var().item() == pytest.approx(8 * 0.3 * 0.7, rel=0.3)


def test_pixels_too_close_in_one_round_would_tear_a_whole_apart(monkeypatch):
    """The guard of the test above: with ``apart`` below the squares' size they come out torn."""
    model = untrained(apart=4)
    monkeypatch.setattr(model, "probabilities", by_square)
    torch.manual_seed(3)
    squares = model.draw(torch.zeros(50, 2, 32, 64)).unfold(2, 16, 16).unfold(3, 16, 16)
    assert not torch.equal(squares.amax(dim=(-2, -1)), squares.amin(dim=(-2, -1)))


def test_an_image_does_not_depend_on_its_neighbours(inputs):
    model = untrained()
    changed = Inputs(inputs.s1.copy(), inputs.s2.copy())
    changed.s1[1:], changed.s2[1:] = 0, 0
    np.testing.assert_array_equal(model.sample(inputs, 1)[0], model.sample(changed, 1)[0])


def test_sampling_follows_the_seed_and_leaves_the_world_alone(inputs):
    model = untrained()
    assert isinstance(model, Generator)
    before = torch.get_rng_state()
    first, again, other = (model.sample(inputs, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert set(np.unique(first)) == {0, 255}
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_save_and_load_sample_alike(inputs, tmp_path):
    model = untrained()
    model.save(tmp_path)
    loaded = AnyOrder.load(tmp_path)
    np.testing.assert_array_equal(loaded.sample(inputs, 3), model.sample(inputs, 3))


def test_it_learns_and_draws_with_the_average(triplets, inputs, tmp_path):
    """60 epochs on ten triplets: the log loss falls; ink lies where s1 has it, not outside s2."""
    model = fitted(tmp_path, triplets, epochs=60)
    rows = (tmp_path / "losses.csv").read_text().splitlines()
    first, last = (float(row.split(",")[1]) for row in (rows[1], rows[-1]))
    assert last < 0.5 * first
    drawn, ink = model.sample(inputs, 0) == 0, triplets.s1 == 0
    assert drawn[ink].mean() > 0.6
    assert drawn[triplets.s2 != 0].mean() < 0.1


def test_the_average_is_not_the_last_step_s_weights(triplets):
    model = untrained()
    trainable = model.trainable(triplets)
    for _ in range(3):
        trainable.step(torch.arange(5))
    network = trainable.parts["network"].state_dict()
    apart = [n for n, w in model.network.state_dict().items() if not torch.equal(w, network[n])]
    assert apart


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fewest": 0.2}, "fewest ≤ most"), ({"most": 1.0}, "most < 1"),
        ({"certain": -0.1}, "certain"), ({"warmup": 1.0}, "warmup"), ({"rounds": 0}, "rounds = 0"),
        ({"averaging": 1.0}, "averaging"),
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        AnyOrder(**{**NUMBERS, **change})
