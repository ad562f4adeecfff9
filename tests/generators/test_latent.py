"""Autoencoders and GANs: frames, what each network sees, losses, and samples by their seed."""

import math
import signal
from itertools import pairwise

import numpy as np
import pytest
import torch

from trendbench.errors import RecipeError
from trendbench.generators.latent.gan import GAN
from trendbench.generators.latent.networks import Decoder, Discriminator, Encoder, latent_grid
from trendbench.generators.latent.vae import VAE, ConditionalVAE
from trendbench.generators.latent.wgan import WGAN, gradient_penalty
from trendbench.generators.protocol import Generator, Inputs, is_conditional
from trendbench.simulation import simulate
from trendbench.training.context import RunContext

NUMBERS = {"nf": 4, "latent": 3, "learning_rate": 1e-3, "batch": 4, "epochs": 1}
FAMILY = {
    VAE: {}, ConditionalVAE: {}, GAN: {"beta1": 0.5},
    WGAN: {"beta1": 0.0, "penalty": 10.0, "critic_steps": 1},
}  # fmt: skip
every_class = pytest.mark.parametrize("model_class", FAMILY)


def untrained(model_class, **settings):
    model = model_class(**{**NUMBERS, **FAMILY[model_class], **settings})
    torch.manual_seed(0)
    model.use(model.build(32, 64), (32, 64), "cpu", "fp32")
    return model


@pytest.fixture
def triplets(small):
    return simulate(small, 10, seed=1)


@pytest.fixture
def inputs(triplets):
    return Inputs(triplets.s1, triplets.s2)


def context(folder) -> RunContext:
    return RunContext(seed=0, device="cpu", precision="fp32", folder=folder, identity="test")


def test_the_networks_keep_the_frame():
    v = torch.zeros(2, 3, 2, 4)
    pair = torch.rand(2, 2, 32, 64)
    assert Decoder(4, 3, (2, 4))(v).shape == (2, 1, 32, 64)
    assert Decoder(4, 3, (2, 4), conditional=True)(v, pair).shape == (2, 1, 32, 64)
    mean, log_variance = Encoder(4, 3, inputs=2)(pair)
    assert mean.shape == log_variance.shape == v.shape
    assert Discriminator(4, (2, 4))(pair[:, :1]).shape == (2, 1)


def test_frames_that_are_no_whole_number_of_cells_are_refused():
    assert latent_grid(32, 64) == (2, 4)
    with pytest.raises(RecipeError, match="16×16 px"):
        latent_grid(40, 64)


def test_a_cell_of_v_moves_only_what_is_near_it():
    """Eval mode, so that batch norm ties no pixels together."""
    decoder = Decoder(4, 3, (8, 8)).eval()
    v = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        before = decoder(v)
        v[..., 4, 4] += 1.0
        moved = (decoder(v) != before)[0, 0].nonzero()
    assert moved.min() >= 2 * 16
    assert moved.max() < 7 * 16


def test_the_place_reaches_the_drawing():
    """Without it a convolutional decoder could not know left from right."""
    decoder = Decoder(4, 3, (8, 8)).eval()
    v = torch.zeros(1, 3, 8, 8)
    with torch.no_grad():
        decoder.place[:, :, 4:] = 1.0
        columns = decoder(v)[0, 0].abs().amax(dim=0)
    assert columns[:32].max() == 0  # far from the change
    assert columns[96:].min() > 0


@every_class
def test_sampling_follows_the_seed_and_leaves_the_world_alone(model_class, inputs):
    model = untrained(model_class)
    assert isinstance(model, Generator)
    before = torch.get_rng_state()
    first, again, other = (model.sample(inputs, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert first.dtype == np.uint8
    assert first.shape == (10, 32, 64)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert model.network.training  # as the training loop left it


@every_class
def test_only_the_conditional_one_looks_at_its_inputs(model_class, inputs):
    model = untrained(model_class)
    turned = Inputs(inputs.s2[::-1].copy(), inputs.s1[::-1].copy())
    same = np.array_equal(model.sample(inputs, 1), model.sample(turned, 1))
    assert same is not is_conditional(model_class)


@every_class
def test_an_image_does_not_depend_on_its_neighbours(model_class, inputs):
    """Batch norm draws by running averages: other images in the batch change nothing."""
    model = untrained(model_class)
    changed = Inputs(inputs.s1.copy(), inputs.s2.copy())
    changed.s1[1:], changed.s2[1:] = 0, 0
    np.testing.assert_array_equal(model.sample(inputs, 1)[0], model.sample(changed, 1)[0])


@pytest.mark.parametrize("model_class", [VAE, ConditionalVAE])
def test_pixels_are_drawn_black_or_white(model_class, inputs):
    model = untrained(model_class)
    assert set(np.unique(model.sample(inputs, 1))) == {0, 255}


def test_bernoulli_pixels_have_the_decoder_s_probability(inputs):
    """A decoder that says 0.3 everywhere: z-score of the share of black."""
    model = untrained(VAE)
    with torch.no_grad():
        model.network.exit.weight.zero_()
        model.network.exit.bias.fill_(math.log(0.3 / 0.7))
    black = model.sample(inputs, 1) == 0
    z = (black.mean() - 0.3) / math.sqrt(0.3 * 0.7 / black.size)
    assert abs(z) < 4


@every_class
def test_save_and_load_sample_alike(model_class, inputs, tmp_path):
    model = untrained(model_class)
    model.save(tmp_path)
    loaded = model_class.load(tmp_path)
    np.testing.assert_array_equal(loaded.sample(inputs, 3), model.sample(inputs, 3))
    assert loaded.parameters == model.parameters


@every_class
def test_a_step_moves_every_weight(model_class, triplets):
    model = untrained(model_class)
    trainable = model.trainable(triplets)
    before = {name: w.clone() for name, w in model.network.named_parameters()}
    losses = trainable.step(torch.arange(4))
    assert all(math.isfinite(loss.item()) for loss in losses.values())
    still = [n for n, w in model.network.named_parameters() if torch.equal(w, before[n])]
    assert not still


def test_the_bound_s_two_terms(triplets):
    """Untrained: the misfit is about ln 2 a pixel; KL of N(m, s²) against N(0, 1) by hand."""
    model = untrained(VAE)
    trainable = model.trainable(triplets)
    encoder = trainable.parts["encoder"]
    with torch.no_grad():
        encoder.head.weight.zero_()
        encoder.head.bias[:3] = 2.0
        encoder.head.bias[3:] = math.log(0.25)
    losses = trainable.step(torch.arange(4))
    cells = 2 * 4 * 3
    by_hand = cells * 0.5 * (4.0 + 0.25 - 1 - math.log(0.25)) / (32 * 64)
    assert losses["kl"].item() == pytest.approx(by_hand, rel=1e-5)
    assert losses["misfit"].item() == pytest.approx(math.log(2), abs=0.1)


def test_the_gan_s_losses_are_those_printed(triplets):
    """D = d everywhere: L = −½[log d + log(1 − d)]; the generator moves its half."""
    model = untrained(GAN)
    trainable = model.trainable(triplets)
    discriminator = trainable.parts["discriminator"]
    d = 0.8
    with torch.no_grad():
        discriminator.head.weight.zero_()
        discriminator.head.bias.fill_(math.log(d / (1 - d)))
    loss = trainable.step(torch.arange(4))["d"].item()
    assert loss == pytest.approx(-0.5 * (math.log(d) + math.log(1 - d)), rel=1e-5)


@pytest.mark.parametrize("slope", [0.0, 1.0, 3.0])
def test_the_penalty_of_a_linear_critic(slope):
    """f(x) = a·x has the gradient a everywhere, and (‖a‖ − 1)² the gradient 2(‖a‖ − 1)a/‖a‖."""
    a = torch.full((1, 4, 4), slope / 4, requires_grad=True)
    real, drawn = torch.rand(2, 5, 1, 4, 4)
    penalty = gradient_penalty(lambda images: (a * images).sum((1, 2, 3)), real, drawn)
    assert penalty.item() == pytest.approx((slope - 1) ** 2, abs=1e-6)
    penalty.backward()
    by_hand = 2 * (slope - 1) / 4 if slope else 0.0
    torch.testing.assert_close(a.grad, torch.full_like(a, by_hand))


def test_the_penalty_is_of_each_image_at_a_uniform_place():
    """f(x) = ½x² has slope x; between 0 and 1 it is U, and E(U − 1)² = 1/3 (z-score)."""
    n = 10_000
    torch.manual_seed(0)
    real, drawn = torch.ones(n, 1, 1, 1), torch.zeros(n, 1, 1, 1)
    penalty = gradient_penalty(lambda x: 0.5 * x.square().sum((1, 2, 3)), real, drawn)
    z = (penalty.item() - 1 / 3) / math.sqrt((1 / 5 - 1 / 9) / n)
    assert abs(z) < 4


def test_the_critic_has_no_batch_norm(triplets):
    """Other images in the batch change nothing, in training too."""
    critic = untrained(WGAN).trainable(triplets).parts["critic"]
    images = torch.rand(4, 1, 32, 64)
    changed = torch.cat([images[:1], torch.rand(3, 1, 32, 64)])
    assert critic.training
    assert critic(images)[0].item() == critic(changed)[0].item()
    assert critic(images)[1].item() != critic(changed)[1].item()


@pytest.mark.parametrize(("still", "sign"), [("adam_g", 1), ("adam_c", -1)])
def test_the_critic_widens_the_distance_and_the_generator_narrows_it(still, sign, triplets):
    model = untrained(WGAN, penalty=1e-3)
    trainable = model.trainable(triplets)
    trainable.parts[still].param_groups[0]["lr"] = 0.0
    distances = []
    for _ in range(10):
        torch.manual_seed(0)  # the same V
        distances.append(trainable.step(torch.arange(4))["distance"].item())
    assert all(sign * (b - a) > 0 for a, b in pairwise(distances))


def test_the_penalty_lowers_the_slope_of_a_steep_critic(triplets):
    """Without its term the slope would rise, as in the test above."""
    trainable = untrained(WGAN).trainable(triplets)
    critic = trainable.parts["critic"]
    with torch.no_grad():
        critic.head.weight *= 1e6
    penalties = []
    for _ in range(10):
        torch.manual_seed(0)
        penalties.append(trainable.step(torch.arange(4))["penalty"].item())
    assert penalties[0] > 100
    assert all(b < a for a, b in pairwise(penalties))


def test_the_critic_is_trained_in_float32_beside_a_generator_in_bf16(triplets):
    model = untrained(WGAN)
    model.precision = "bf16"
    losses = model.trainable(triplets).step(torch.arange(4))
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    assert all(math.isfinite(loss.item()) for loss in losses.values())


def moves(trainable, name, steps):
    """Whether each step changes a part's weights."""
    found = []
    for _ in range(steps):
        before = {k: w.clone() for k, w in trainable.parts[name].named_parameters()}
        trainable.step(torch.arange(4))
        after = trainable.parts[name].named_parameters()
        found.append(any(not torch.equal(w, before[k]) for k, w in after))
    return found


def test_the_generator_steps_after_every_fifth_step_of_the_critic(triplets):
    still = [False] * 4
    trainable = untrained(WGAN, critic_steps=5).trainable(triplets)
    assert moves(trainable, "generator", 10) == [*still, True, *still, True]
    assert moves(trainable, "critic", 6) == [True] * 6


def test_resuming_between_two_steps_of_the_generator(triplets, tmp_path, monkeypatch):
    """Interrupted after 2 steps of the critic out of 5: the weights are those of a whole run."""

    def fitted(name):
        (tmp_path / name).mkdir(exist_ok=True)
        model = WGAN(**{**NUMBERS, **FAMILY[WGAN], "critic_steps": 5, "epochs": 3})
        model.fit(triplets, triplets[:0], context(tmp_path / name))
        return model.network.state_dict()

    whole = fitted("whole")
    made, done = WGAN.trainable, []

    def interrupting(model, train):
        trainable = made(model, train)
        real = trainable.step

        def counted(chosen):
            done.append(len(chosen))
            if len(done) == 2:
                signal.raise_signal(signal.SIGINT)
            return real(chosen)

        trainable.step = counted
        return trainable

    monkeypatch.setattr(WGAN, "trainable", interrupting)
    with pytest.raises(KeyboardInterrupt):
        fitted("stopped")
    resumed = fitted("stopped")
    assert len(done) == 3 * 3  # of 4, 4 and 2 triplets
    for name, weights in whole.items():
        assert torch.equal(weights, resumed[name]), name


def test_the_conditional_one_learns_its_inputs(triplets, tmp_path):
    """Enough steps on few triplets: the misfit falls to a fraction of the mean profile's."""
    model = ConditionalVAE(**{**NUMBERS, "nf": 8, "epochs": 60, "batch": 5})
    model.fit(triplets, triplets[:0], context(tmp_path))
    rows = (tmp_path / "losses.csv").read_text().splitlines()
    first, last = (dict(zip(rows[0].split(","), row.split(","), strict=True))
                   for row in (rows[1], rows[-1]))  # fmt: skip
    assert float(last["misfit"]) < 0.3 * float(first["misfit"])
