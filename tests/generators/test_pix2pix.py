"""pix2pix: shapes, sizes, and that the networks are wired as the recipe says."""

import numpy as np
import pytest
import torch

from trendbench import catalog
from trendbench.errors import RecipeError
from trendbench.generators.network.images import darkness
from trendbench.generators.network.layers import parameter_count
from trendbench.generators.pix2pix.generator import Pix2Pix
from trendbench.generators.pix2pix.networks import PatchGAN, UNet
from trendbench.generators.protocol import Generator, Inputs
from trendbench.generators.recipes import find_recipe
from trendbench.results.store import read_record
from trendbench.simulation import simulate


@pytest.mark.parametrize(
    ("kernel", "skips", "millions"),
    [(4, True, 0.85), (4, False, 0.61), (3, True, 0.48), (3, False, 0.34)],
)
def test_parameter_counts_of_nf8(kernel, skips, millions):
    """One input channel at 256²; the counts are stated to two decimals."""
    network = UNet(8, 8, kernel=kernel, skips=skips, inputs=1)
    assert round(parameter_count(network) / 1e6, 2) == millions


@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("shape", [(16, 16), (64, 64), (32, 64)])
def test_the_generator_keeps_the_frame(kernel, skips, shape):
    depth = min(shape).bit_length() - 1
    network = UNet(4, depth, kernel=kernel, skips=skips)
    y = network(torch.rand(3, 2, *shape)).detach()
    assert y.shape == (3, 1, *shape)
    assert 0 <= float(y.min()) <= float(y.max()) <= 1


def test_the_layers_of_nf8_at_256():
    network = UNet(8, 8)
    convolutions = [m for m in network.down.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [8, 16, 32, 64, 64, 64, 64, 64]
    transposed = [m for m in network.up.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [m.in_channels for m in transposed] == [64, 128, 128, 128, 128, 64, 32, 16]
    assert [m.out_channels for m in transposed] == [64, 64, 64, 64, 32, 16, 8, 1]
    norms = [any(isinstance(m, torch.nn.BatchNorm2d) for m in layer) for layer in network.down]
    assert norms == [False, True, True, True, True, True, True, False]
    dropouts = [any(isinstance(m, torch.nn.Dropout) for m in layer) for layer in network.up]
    assert dropouts == [True, True, True] + [False] * 5
    assert transposed[0].weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_of_shapes_alone_nothing_is_drawn(monkeypatch):
    """Drawing on the device ``meta`` makes torch import for a second, at each ``sample``."""
    monkeypatch.delattr(torch.nn.init, "normal_")
    with torch.device("meta"):
        UNet(4, 5)
    with pytest.raises(AttributeError):
        UNet(4, 5)


def test_without_skips_the_drawing_depends_on_the_bottleneck_alone():
    """Cut the bottleneck: with skips the output still follows the input, without it does not."""
    for skips in (True, False):
        torch.manual_seed(0)
        network = UNet(4, 5, skips=skips).eval()
        network.down[-1].register_forward_hook(lambda m, i, o: torch.zeros_like(o))
        with torch.no_grad():
            a, b = (network(torch.rand(2, 2, 32, 32)) for _ in range(2))
        assert torch.equal(a, b) is not skips


def test_the_patchgan_sees_70_pixel_patches():
    discriminator = PatchGAN(4).eval()
    assert discriminator(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    x = torch.rand(1, 3, 256, 256, requires_grad=True)
    # A single logit's receptive field, with batch norm (which sees everything) taken out.
    for module in discriminator:
        if isinstance(module, torch.nn.BatchNorm2d):
            module.forward = lambda t: t
    discriminator(x)[0, 0, 15, 15].backward()
    rows = x.grad.abs().sum(dim=(0, 1, 3)).nonzero().ravel()
    assert int(rows[-1] - rows[0]) + 1 == 70


def test_darkness_is_one_for_black_in_channels_last():
    images = torch.tensor([[[[255, 0]]]], dtype=torch.uint8)
    assert darkness(images).tolist() == [[[[0.0]], [[1.0]]]]
    batch = darkness(torch.zeros(2, 8, 8, 3, dtype=torch.uint8))
    assert batch.is_contiguous(memory_format=torch.channels_last)


NUMBERS = {"nf": 4, "kernel": 4, "skips": True, "eta": 100.0, "learning_rate": 2e-4, "beta1": 0.5,
           "batch": 4, "epochs": 1}  # fmt: skip


def untrained(**settings) -> Pix2Pix:
    model = Pix2Pix(**{**NUMBERS, **settings})
    torch.manual_seed(0)
    model.use(model.build(32, 64), (32, 64), "cpu", "fp32")
    return model


@pytest.fixture
def inputs(small):
    triplets = simulate(small, 10, seed=1)
    return Inputs(triplets.s1, triplets.s2)


def test_sampling_follows_the_seed_and_leaves_the_world_alone(inputs):
    model = untrained()
    assert isinstance(model, Generator)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (model.sample(inputs, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert first.dtype == np.uint8
    assert first.shape == (10, 32, 64)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)  # dropout stays on


def test_save_and_load_sample_alike(inputs, tmp_path):
    model = untrained(kernel=3, skips=False, batch=5)
    model.save(tmp_path)
    np.testing.assert_array_equal(Pix2Pix.load(tmp_path).sample(inputs, 3), model.sample(inputs, 3))
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "generator.safetensors", "settings.json",
    ]  # fmt: skip


def test_frames_it_cannot_halve_are_refused(inputs):
    with pytest.raises(RecipeError, match="multiples of"):
        Pix2Pix(**NUMBERS).build(48, 48)
    with pytest.raises(RecipeError, match="32 px or more"):
        Pix2Pix(**NUMBERS).build(16, 16)
    with pytest.raises(RecipeError, match="multiples of 64"):
        Pix2Pix(**NUMBERS, depth=6).build(32, 32)
    with pytest.raises(RecipeError, match="no weights yet"):
        Pix2Pix(**NUMBERS).sample(inputs, 0)


def test_a_recipe_may_stop_halving_before_one_pixel():
    network = Pix2Pix(**NUMBERS, depth=4).build(96, 64)
    assert len(network.down) == 4
    with torch.no_grad():
        assert network(torch.rand(2, 2, 96, 64)).shape == (2, 1, 96, 64)


def test_the_discriminator_may_learn_at_a_rate_of_its_own(small):
    triplets = simulate(small, 10, seed=1)

    def rates(**own):
        model = Pix2Pix(**NUMBERS, **own)
        model.use(model.build(32, 32), (32, 32), "cpu", "fp32")
        parts = model.trainable(triplets).parts
        return [parts[name].param_groups[0]["lr"] for name in ("adam_g", "adam_d")]

    assert rates() == [NUMBERS["learning_rate"]] * 2
    assert rates(judge_learning_rate=1e-6) == [NUMBERS["learning_rate"], 1e-6]


def test_the_discriminator_may_have_a_width_of_its_own(small):
    """Without one it has the generator's, and the recipe is what it was before there was one."""
    triplets = simulate(small, 10, seed=1)

    def widths(**own):
        model = Pix2Pix(**NUMBERS, **own)
        model.use(model.build(32, 32), (32, 32), "cpu", "fp32")
        parts = model.trainable(triplets).parts
        generator, discriminator = (parts[n].state_dict() for n in ("generator", "discriminator"))
        return len(generator["down.0.1.weight"]), len(discriminator["0.weight"])

    nf = NUMBERS["nf"]
    assert widths() == (nf, nf)
    assert widths(judge_nf=3) == (nf, 3)
    with pytest.raises(ValueError, match="judge_nf = 0: needed"):
        Pix2Pix(**NUMBERS, judge_nf=0)
    assert "judge_nf" not in find_recipe("pix2pix-8").parameters
    (published,) = catalog.RESULTS.glob("trend-v1/pix2pix-8/*.json")
    assert find_recipe("pix2pix-8").sha256 == read_record(published).recipe.sha256
