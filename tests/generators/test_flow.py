"""The flow: what an output depends on, fair Bernoulli draws, and noise carried to the law."""

import math

import numpy as np
import pytest
import torch

from trendbench.conformance.calls import Interrupting
from trendbench.errors import RecipeError, WeightsError
from trendbench.generators.flow.generator import Flow
from trendbench.generators.flow.law import Law
from trendbench.generators.flow.learner import windows
from trendbench.generators.flow.network import Denoiser
from trendbench.generators.protocol import Generator, Inputs
from trendbench.generators.recipes import find_recipe
from trendbench.simulation import simulate
from trendbench.training.context import RunContext

NUMBERS = {
    "width": 8, "coarse": 12, "blocks": 1, "cell": 4, "learning_rate": 3e-3, "weight_decay": 0.01,
    "warmup": 0.1, "averaging": 0.9, "batch": 5, "epochs": 2, "faintest": 0.01, "clearest": 4.0,
    "steps": 12, "window": 48, "emphasis": 1.0, "pseudolikelihood": 0.25,
    "sweeps": 1, "ridge": 0.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _seeded():
    """What a test draws without a seed of its own follows from this one."""
    torch.manual_seed(0)


def spoken(network):
    """The network with random numbers where it is silent at first."""
    for layer in (network.exit, *(b.second for b in network.after)):
        torch.nn.init.normal_(layer.weight)
    return network


def untrained(**settings):
    model = Flow(**{**NUMBERS, **settings})
    torch.manual_seed(0)
    model.use(spoken(model.build(32, 64)), (32, 64), "cpu", "fp32")
    return model


@pytest.fixture
def triplets(small):
    return simulate(small, 10, seed=1)


@pytest.fixture
def inputs(triplets):
    return Inputs(triplets.s1, triplets.s2)


def fitted(folder, triplets, **settings):
    model = Flow(**{**NUMBERS, **settings})
    context = RunContext(seed=0, device="cpu", precision="fp32", folder=folder, identity="test")
    model.fit(triplets, triplets[:0], context)
    return model


def out(network, pair, noisy):
    with torch.no_grad():
        return network(network.given(pair), noisy, torch.zeros(len(pair)))


def test_the_network_keeps_any_frame_of_whole_cells():
    network = Denoiser(8, 12, 1, 4)
    for shape in ((32, 64), (8, 96), (256, 16)):
        images = torch.rand(2, 2, *shape)
        assert out(network, images, images).shape == (2, 1, *shape)
    with pytest.raises(RecipeError, match="multiples of 8 px"):
        Flow(**NUMBERS).build(36, 64)


def test_an_output_depends_on_its_surroundings_alone():
    """Nothing normalises over the frame: a change is felt within some 60 px and nowhere else."""
    network = spoken(Denoiser(8, 12, 1, 4))
    pair, noisy = torch.rand(1, 2, 32, 256), torch.rand(1, 2, 32, 256)
    before = out(network, pair, noisy)
    pair[..., 128] += 1.0
    moved = ((out(network, pair, noisy) - before).abs() > 1e-6)[0, 0].nonzero()[:, 1]
    assert moved.min() > 128 - 64
    assert moved.max() < 128 + 64


def test_tiles_of_a_wide_frame_agree_with_the_whole(monkeypatch):
    """Margins hold all that an output depends on; four grid points would not."""
    network = spoken(Denoiser(8, 12, 2, 4))
    pair, noisy = torch.rand(1, 2, 16, 512), torch.randn(1, 2, 16, 512)
    whole = out(network, pair, noisy)
    monkeypatch.setattr("trendbench.generators.flow.network._TILE", 16)
    torch.testing.assert_close(out(network, pair, noisy), whole, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(Denoiser, "reach", 4)
    assert (out(network, pair, noisy) - whole).abs().max() > 0.01


def test_the_place_along_x_and_the_level_reach_the_output():
    """Same surroundings everywhere, another answer at each end and for another level."""
    network = spoken(Denoiser(8, 12, 1, 4))
    images = torch.zeros(1, 2, 32, 256)
    row = out(network, images, images)[0, 0, 16]
    assert abs(row[64:96].mean() - row[160:192].mean()) > 1e-3
    louder = network(network.given(images), images, torch.ones(1))[0, 0, 16]
    assert (louder - row).abs().max() > 1e-3


def test_an_output_knows_the_places_around_it_alone():
    """Places far off change nothing, and convolutions see no map of places to tell steps from."""
    network = spoken(Denoiser(8, 12, 1, 4))
    images = torch.rand(1, 2, 32, 256)
    given = network.given(images)
    level = given._replace(along=torch.full_like(given.along, 0.3))
    bent = given._replace(along=level.along.clone())
    bent.along[..., :64] = 0.9
    with torch.no_grad():
        flat, other = (network(g, images, torch.zeros(1))[..., 128:] for g in (level, bent))
    torch.testing.assert_close(flat, other)
    rows = network.entry.weight.shape[1]
    assert rows == 4 * 4**2  # no map of places among what convolutions see


def as_the_recipe(**settings):
    """A stubbed model that draws as the published recipe does."""
    parameters = find_recipe("flow").parameters
    drawing = {name: parameters[name] for name in ("steps", "faintest", "clearest", "sweeps")}
    return untrained(**{**drawing, **settings})


@pytest.mark.parametrize("pixels", [30, 60, 113])
@pytest.mark.parametrize("p", [0.02, 0.1, 0.3, 0.5, 0.9])
def test_wholes_come_out_with_their_probability(pixels, p, monkeypatch):
    """Carried by the exact field from quantiles of the noise, so that no chance is in it.

    Pixels that live or die together are known by the mean of their noise, N(0, 1/pixels): one of
    them stands for all. Of the mean's last change, half or all would miss 0.1 by 0.004 and more.
    """
    model = as_the_recipe(sweeps=0)

    def logits(_law, _given, y, ratio):
        return math.log(p / (1 - p)) + 2 * ratio[:, None, None, None] * pixels * y

    quantiles = torch.special.ndtri((torch.arange(32 * 64) + 0.5) / (32 * 64)) / math.sqrt(pixels)
    monkeypatch.setattr(torch, "randn_like", lambda _: quantiles.view(1, 1, 32, 64))
    monkeypatch.setattr(Law, "given_noise", logits)
    assert abs(model.draw(torch.zeros(1, 2, 32, 64)).mean().item() - p) < 0.0025


def test_a_whole_lives_or_dies_as_one(monkeypatch):
    """800 squares of 256 px that pool their likelihood terms: none torn, and independent."""
    model = as_the_recipe(sweeps=0)

    def logits(_law, _given, y, ratio):
        pooled = (2 * ratio[:, None, None, None] * y).unfold(2, 16, 16).unfold(3, 16, 16)
        pooled = pooled.sum(dim=(-2, -1)) + math.log(3 / 7)
        return pooled.repeat_interleave(16, 2).repeat_interleave(16, 3)

    monkeypatch.setattr(Law, "given_noise", logits)
    torch.manual_seed(3)
    squares = model.draw(torch.zeros(100, 2, 32, 64)).unfold(2, 16, 16).unfold(3, 16, 16)
    assert torch.equal(squares.amax(dim=(-2, -1)), squares.amin(dim=(-2, -1)))
    black = squares[:, 0, :, :, 0, 0].flatten(1)
    assert black.sum(dim=1).var().item() == pytest.approx(8 * 0.3 * 0.7, rel=0.5)


def test_nothing_is_read_in_pure_noise(monkeypatch):
    """At a ratio of 0 the network is shown 0 everywhere; at every other integration step, noise."""
    model, shown = untrained(steps=5, sweeps=0), {}

    def logits(_law, _given, y, ratio):
        shown[ratio[0].item()] = y.abs().max().item()
        return y

    monkeypatch.setattr(Law, "given_noise", logits)
    model.draw(torch.zeros(2, 2, 32, 64))
    assert shown.pop(0.0) == 0
    assert len(shown) == 4
    assert min(shown.values()) > 2


def test_a_sweep_draws_every_pixel_once_and_no_two_neighbours_together(monkeypatch):
    """Within each pass the pixels asked for touch nowhere, not even at corners."""
    model, passes = untrained(), []

    def conditionals(_law, _given, image, asked):
        passes.append(asked[0, 0])
        return torch.zeros_like(image)

    monkeypatch.setattr(Law, "given_others", conditionals)
    model.draw(torch.zeros(2, 2, 32, 64))
    assert torch.equal(torch.stack(passes).sum(dim=0), torch.ones(32, 64))
    for asked in passes:
        crowd = torch.nn.functional.avg_pool2d(asked[None].float(), 3, 1, padding=1) * 9
        assert (crowd[0][asked] == 1).all()


def test_sweeps_carry_black_images_to_the_law_whose_conditionals_are_known(monkeypatch):
    """Pairs of pixels with P(both black) = 0.2, P(one of them) = 0.1 each, P(none) = 0.6."""
    model = untrained(sweeps=8)

    def partners(_law, _given, image, asked):
        partner = image.unflatten(3, (-1, 2)).flip(4).flatten(3)
        assert not (asked & asked.unflatten(3, (-1, 2)).flip(4).flatten(3)).any()
        return torch.where(partner > 0, math.log(0.2 / 0.1), math.log(0.1 / 0.6))

    monkeypatch.setattr(Law, "given_noise", lambda _law, _given, y, _ratio: 99 + 0 * y)
    monkeypatch.setattr(Law, "given_others", partners)
    torch.manual_seed(1)
    drawn = model.draw(torch.zeros(50, 2, 32, 64)).unflatten(3, (-1, 2))
    black = drawn.sum(dim=-1)
    for count, p in ((0, 0.6), (1, 0.2), (2, 0.2)):
        share = (black == count).float().mean().item()
        assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / black.numel())


def test_a_structural_zero_is_kept_by_a_random_number_of_zero(monkeypatch):
    """rand is exactly 0 once in 16 million times, and every image takes 131 000 of them."""
    model = untrained()
    monkeypatch.setattr(torch, "rand_like", torch.zeros_like)
    monkeypatch.setattr(Law, "given_noise", lambda _law, _given, y, _ratio: 0 * y - 40)
    monkeypatch.setattr(Law, "given_others", lambda _l, _g, image, _asked: 0 * image - 40)
    assert not model.draw(torch.zeros(1, 2, 32, 64)).any()


def test_sweeps_draw_single_pixels_with_their_probability(monkeypatch):
    """After the last integration step single pixels are open, and rounded too rarely black."""
    model = as_the_recipe()
    odds = math.log(3 / 7)
    monkeypatch.setattr(
        Law, "given_noise", lambda _l, _g, y, ratio: odds + 2 * ratio[:, None, None, None] * y
    )
    monkeypatch.setattr(Law, "given_others", lambda _l, _g, image, _a: odds + 0 * image)
    pair, spread = torch.zeros(25, 2, 32, 64), math.sqrt(0.21 / (25 * 32 * 64))
    torch.manual_seed(1)
    assert abs(model.draw(pair).mean().item() - 0.3) < 4 * spread
    model = as_the_recipe(sweeps=0)
    monkeypatch.setattr(
        Law, "given_noise", lambda _l, _g, y, ratio: odds + 2 * ratio[:, None, None, None] * y
    )
    assert model.draw(pair).mean().item() < 0.3 - 20 * spread


def test_a_pixel_asked_for_is_hidden_and_its_neighbours_are_not():
    """Its law given all others cannot depend on itself, and does on those beside it."""
    model = untrained()
    torch.manual_seed(2)
    image = torch.randint(2, (1, 1, 32, 64)) * 2.0 - 1
    asked = torch.zeros(1, 1, 32, 64, dtype=torch.bool)
    asked[..., 16, 30] = True
    given = model.network.given(torch.rand(1, 2, 32, 64))

    def odds(changed):
        other = image.clone()
        other[..., 16, changed] *= -1
        with torch.no_grad():
            return model.law.given_others(given, other, asked)[0, 0, 16, 30]

    with torch.no_grad():
        here = model.law.given_others(given, image, asked)[0, 0, 16, 30]
    assert torch.equal(odds(30), here)
    assert not torch.equal(odds(31), here)


def test_without_noise_the_loss_is_that_of_hidden_pixels_alone(triplets, monkeypatch):
    """Whatever is said of pixels that are shown counts for nothing; of noisy ones it counts."""

    def odds(law, _given, view):
        return -20 * view.noisy[:, :1] + 0 * law.network.exit.bias.sum()

    monkeypatch.setattr(Law, "odds", odds)

    def first_loss(share):
        model = Flow(**{**NUMBERS, "pseudolikelihood": share})
        model.use(model.build(32, 64), (32, 64), "cpu", "fp32")
        torch.manual_seed(1)
        return model.trainable(triplets).step(torch.arange(10))["log_loss"].item()

    assert first_loss(0.999) == pytest.approx(math.log(2))
    assert first_loss(0.0) > 1


def test_the_likelihood_term_is_the_exact_likelihood_ratio():
    """Where the network says nothing, the logit is log N(y; ρ, 1) − log N(y; −ρ, 1)."""
    model = untrained()
    for parameter in model.network.exit.parameters():
        torch.nn.init.zeros_(parameter)
    y = torch.linspace(-2, 2, 64).expand(1, 1, 32, 64)
    ratio = torch.tensor([0.7])
    both = torch.distributions.Normal(torch.stack([ratio, -ratio]), 1).log_prob(y[0, 0, 0])
    with torch.no_grad():
        given = model.network.given(torch.zeros(1, 2, 32, 64))
        logits = model.law.given_noise(given, y, ratio)
    torch.testing.assert_close(logits[0, 0, 0], both[0] - both[1], rtol=1e-4, atol=1e-4)


def counted(triplets):
    """An untrained network that has met the triplets, and its log odds for them."""
    model = Flow(**NUMBERS)
    model.use(model.build(*triplets.r.shape[1:]), triplets.r.shape[1:], "cpu", "fp32")
    model.trainable(triplets)
    s1, s2, r = (torch.from_numpy(s < 128) for s in (triplets.s1, triplets.s2, triplets.r))
    pair = torch.stack([s1, s2], dim=1).float()
    return out(model.network, pair, torch.zeros_like(pair))[:, 0], s1, s2, r


def test_a_network_begins_with_the_odds_that_the_inputs_alone_give(triplets):
    """What a pixel's own s1 and s2 leave open has its counted share."""
    odds, s1, s2, r = counted(triplets)
    case = s2 & ~s1
    black, white = r[case].sum() + 0.5, (~r[case]).sum() + 0.5
    torch.testing.assert_close(odds[case].unique(), (black / white).log()[None])


def test_structural_zeros_are_kept(trend_v1):
    """After 120 triplets of 256² px: no noise and no network gives black outside of s2.

    But near the dense end, where r may show particles that the inputs lack: their germs lie
    outside of the frame. A frame of another width has the same ends.
    """
    train = simulate(trend_v1, 120, seed=1)
    model = Flow(**{**NUMBERS, "steps": 3})
    model.use(spoken(model.build(256, 256)), (256, 256), "cpu", "fp32")
    model.trainable(train)
    for width in (256, 320):
        images = torch.zeros(1, 2, 32, width)
        outside = out(model.network, images, torch.randn_like(images))[0, 0, 0]
        assert (outside[: width - 6] == -40).all()
        assert (outside[width - 3 :] != -40).all()
        inside = out(model.network, images + 1, torch.randn_like(images))[0, 0, 0]
        assert (inside[32:-32] == 40).all()
        assert (inside[:6] != 40).all()
    inputs = Inputs(train.s1[:2], train.s2[:2])
    drawn, s1, s2 = (
        images[..., 32:-32] == 0 for images in (model.sample(inputs, 0), inputs.s1, inputs.s2)
    )
    assert not (drawn & ~s2).any()
    assert not (s1 & ~drawn).any()


def test_a_few_pixels_do_not_make_a_structural_zero(triplets):
    """It takes 16 384 pixels of a case: ten small triplets leave every colour possible."""
    odds, *_ = counted(triplets)
    assert odds.abs().max() < 15


def test_windows_keep_what_belongs_together():
    """Pieces of 24 px reach all of the frame, each with the places, inputs and odds it had."""
    network = Denoiser(8, 12, 1, 4)
    torch.nn.init.uniform_(network.odds)
    pair = torch.rand(500, 2, 8, 64)
    given = network.given(pair)
    pieces, real = windows(given, pair[:, :1], 24)
    assert pieces.pair.shape == (500, 2, 8, 24)
    assert torch.equal(pieces.pair[:, :1], real)
    lefts = (pieces.along[:, 0] * 64 - 0.5).round().long()
    assert set(lefts.tolist()) == set(range(41))
    for i in (0, 250, 499):
        span = slice(int(lefts[i]), int(lefts[i]) + 24)
        assert torch.equal(pieces.pair[i], pair[i, ..., span])
        assert torch.equal(pieces.odds[i], given.odds[i, ..., span])
        assert torch.equal(pieces.along[i], given.along[i, span])
    whole, _ = windows(given, pair[:, :1], 96)
    assert torch.equal(whole.pair, pair)


def test_emphasis_weighs_the_clear_end(triplets, monkeypatch):
    """The gradient is of the losses times the ratio over a tenth, to the power of ``emphasis``."""
    seen, descended, backward = {}, [], torch.Tensor.backward

    def spy(loss):
        descended.append(loss.item())
        backward(loss)

    monkeypatch.setattr(torch.Tensor, "backward", spy)
    for emphasis in (0.0, 1.0):
        model = Flow(**{**NUMBERS, "emphasis": emphasis})
        torch.manual_seed(0)
        model.use(model.build(32, 64), (32, 64), "cpu", "fp32")
        trainable = model.trainable(triplets)
        torch.manual_seed(1)
        plain = trainable.step(torch.arange(5))["log_loss"].item()
        seen[emphasis] = descended.pop(), plain
    assert seen[0.0][0] == pytest.approx(seen[0.0][1])
    assert seen[1.0][1] == pytest.approx(seen[0.0][1])
    assert seen[1.0][0] != pytest.approx(seen[0.0][0], rel=0.05)


def test_a_falling_trend_is_a_rising_one_from_the_other_end(inputs, monkeypatch):
    """The network is shown the sparser input first, mirrored where that was s2; so is the image."""
    model = untrained(steps=4, sweeps=0)
    seen = []

    def logits(_law, given, x, _ratio):
        seen.append(given.pair)
        return torch.zeros_like(x) + given.pair[:, :1] - 0.5

    monkeypatch.setattr(Law, "given_noise", logits)
    series = (inputs.s1, inputs.s2)
    pair = torch.stack([torch.from_numpy(s < 128).float() for s in series], dim=1)
    drawn = model.draw(pair), model.draw(pair.flip(1, 3))
    assert torch.equal(seen[4], seen[0])
    assert torch.equal(drawn[1], drawn[0].flip(3))
    sparser, denser = seen[0].mean(dim=(2, 3)).unbind(dim=1)
    assert (sparser <= denser).all()


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
    np.testing.assert_array_equal(Flow.load(tmp_path).sample(inputs, 3), model.sample(inputs, 3))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [('"sweeps": 1', '"sweeps": 65', "sweeps = "), ('"sweeps"', '"sweep"', "did you mean 'sweeps'"),
     ('"sweeps": 1', '"sweeps": 1.5', "sweeps = ")],
)  # fmt: skip
def test_saved_settings_that_are_wrong_are_refused_in_one_line(tmp_path, old, new, message):
    untrained().save(tmp_path)
    path = tmp_path / "settings.json"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(WeightsError, match=message) as refusal:
        Flow.load(tmp_path)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_weights_of_a_device_that_is_absent_draw_on_the_cpu(inputs, tmp_path, monkeypatch, device):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    model = untrained()
    model.save(tmp_path)
    path = tmp_path / "settings.json"
    path.write_text(path.read_text().replace('"cpu"', f'"{device}"'))
    np.testing.assert_array_equal(Flow.load(tmp_path).sample(inputs, 3), model.sample(inputs, 3))


def test_it_learns_and_draws_what_it_learned(small, tmp_path):
    """120 steps on 100 triplets: the log loss falls, and images are nearer than at first."""
    train = simulate(small, 100, seed=1)
    for name in ("early", "late"):
        (tmp_path / name).mkdir()
    model = fitted(tmp_path / "late", train, epochs=6, emphasis=0.0)
    rows = (tmp_path / "late" / "losses.csv").read_text().splitlines()
    first, last = (float(row.split(",")[1]) for row in (rows[1], rows[-1]))
    assert last < 0.7 * first
    early = fitted(tmp_path / "early", train[:5], epochs=1, learning_rate=1e-9)
    inputs = Inputs(train.s1, train.s2)
    wrong = [(m.sample(inputs, 0) != train.r).mean() for m in (model, early)]
    assert wrong[0] < 0.9 * wrong[1]


def test_resuming_in_the_middle_of_an_epoch_equals_an_uninterrupted_fit(triplets, tmp_path):
    """Weights, average, the optimisers' moments and schedules: all are in the checkpoint."""

    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = fitted(tmp_path / "whole", triplets, epochs=3)
    context = RunContext(seed=0, device="cpu", precision="fp32", folder=tmp_path / "cut",
                         identity="test", bar=Interrupting().bar)  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        Flow(**{**NUMBERS, "epochs": 3}).fit(triplets, triplets[:0], context)
    assert list((tmp_path / "cut").glob("checkpoint-*.pt"))
    resumed = fitted(tmp_path / "cut", triplets, epochs=3)
    for name, weights in whole.network.state_dict().items():
        assert torch.equal(weights, resumed.network.state_dict()[name]), name


def test_any_frame_of_whole_cells_is_drawn_and_no_other(inputs):
    model = untrained()
    wide = Inputs(np.tile(inputs.s1, (1, 1, 2)), np.tile(inputs.s2, (1, 1, 2)))
    assert model.sample(wide, 1).shape == (10, 32, 128)
    with pytest.raises(RecipeError, match="multiples of 8 px"):
        model.sample(Inputs(inputs.s1[:, :-2], inputs.s2[:, :-2]), 1)


def test_images_are_drawn_with_the_running_average_of_the_weights(triplets):
    """After step n it has gone 1 − min(decay, (1 + n)/(10 + n)) of the way to the weights."""
    model = untrained(averaging=0.25)
    trainable = model.trainable(triplets)
    expected = model.network.entry.weight.clone()
    for n in (1, 2, 3):
        trainable.step(torch.arange(5))
        weights = trainable.parts["network"].entry.weight
        assert not torch.allclose(weights, expected, atol=1e-4)
        expected = expected.lerp(weights, 1 - min(0.25, (1 + n) / (10 + n)))
        torch.testing.assert_close(model.network.entry.weight, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faintest": 5.0}, "faintest < clearest"), ({"faintest": 0.0}, "faintest = 0.0: needed"),
        ({"blocks": 20000}, "blocks = 20000: .* 64"), ({"steps": 16.5}, "steps = "),
        ({"clearest": math.inf}, "clearest = inf: "), ({"weight_decay": -1.0}, "weight_decay"),
        ({"batch": True}, "batch = True: "), ({"widht": 8}, "did you mean 'width'"),
        ({"window": 20}, "window = 20: a multiple of 8 px"),
        ({"emphasis": -1.0}, "emphasis"), ({"sweeps": 65}, "sweeps = "),
        ({"ridge": -1.0}, "ridge"),
        ({"pseudolikelihood": 1.0}, "pseudolikelihood"),
        ({"warmup": 1.0}, "warmup"), ({"steps": 2}, "steps = "), ({"averaging": 1.0}, "averaging"),
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Flow(**{**NUMBERS, **change})
