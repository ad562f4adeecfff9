"""The study's networks: sizes and wiring as in 2017, training in blocks, sampling."""

import os
import signal

import numpy as np
import pytest
import torch

from trendbench.errors import RecipeError
from trendbench.generators.protocol import Generator, Inputs
from trendbench.generators.recipes import find_recipe, shipped_recipes
from trendbench.generators.study_2017.generator import Study2017, rows_of_block
from trendbench.generators.study_2017.names import parameters_of
from trendbench.generators.study_2017.networks import (
    BatchNorm,
    Discriminator,
    Doubling,
    EncoderDecoder,
    Halving,
)
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec
from trendbench.training import loop
from trendbench.training.checkpoint import Checkpoints
from trendbench.training.context import RunContext

NUMBERS = {"nf": 4, "kernel": 2, "skips": True, "eta": 100.0, "learning_rate": 2e-4, "beta1": 0.5,
           "batch": 3, "d_steps": 3, "g_steps": 2, "epochs": 3}  # fmt: skip
SPEC = TaskSpec(name="square", width=32, height=32, radius=3.0, lambda_left=2e-3,
                lambda_right=2e-2, coupling="independent", window=4,
                train=8, val=1, test=1)  # fmt: skip


@pytest.fixture(scope="module")
def triplets():
    return simulate(SPEC, 8, seed=1)


def untrained(**changes) -> Study2017:
    model = Study2017(**{**NUMBERS, **changes})
    torch.manual_seed(0)
    model.use(model.build(32, 32), (32, 32), "cpu", "fp32")
    return model


# --- the networks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "generator", "discriminator"),
    [
        ("nf8", 291_009, 25_105), ("nf16", 1_156_737, 98_593), ("nf32", 4_612_353, 390_721),
        ("nf16-woUnet", 917_057, 98_593), ("nf16-3x3-woUnet", 1_216_657, 98_593),
        ("nf32-3x3-woUnet", 4_852_001, 390_721),
    ],
)  # fmt: skip
def test_sizes_are_those_of_the_study_s_stored_networks(name, generator, discriminator):
    """As Keras counts: batch norm's running averages are parameters too."""
    numbers = find_recipe(name).parameters
    network = find_recipe(name).build().build(256, 256)
    assert parameters_with_statistics(network) == generator
    assert parameters_with_statistics(Discriminator(numbers["nf"])) == discriminator


def parameters_with_statistics(network):
    state = network.state_dict().values()
    return sum(numbers.numel() for numbers in state if numbers.is_floating_point())


def test_same_padding_is_after_only():
    """y[i, j] = Σ w[a, b] x[2i + a, 2j + b], zero beyond; transposed: its adjoint, cut to 2n."""
    torch.manual_seed(0)
    x = torch.rand(1, 1, 6, 4)
    halving, doubling = Halving(1, 1), Doubling(1, 1, 3)
    w, v = halving.weight[0, 0], doubling.weight[0, 0]
    padded = torch.zeros(7, 5)
    padded[:6, :4] = x[0, 0]
    down, up = torch.zeros(3, 2), torch.zeros(13, 9)
    for i in range(3):
        for j in range(2):
            down[i, j] = (w * padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]).sum()
    for i in range(6):
        for j in range(4):
            up[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += v * x[0, 0, i, j]
    torch.testing.assert_close(halving(x)[0, 0], down + halving.bias)
    torch.testing.assert_close(doubling(x)[0, 0], up[:12, :8] + doubling.bias)


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("skips", [True, False])
def test_the_stages_of_nf8_at_256(kernel, skips):
    network = EncoderDecoder(8, 8, kernel=kernel, skips=skips)
    down, up = network.down, network.up
    assert [m.out_channels for m in down] == [8, 16, 32, 64, 64, 64, 64, 64]
    assert [m.kernel_size[0] for m in down] == [3] * 7 + [2]
    assert [m.out_channels for m in up] == [64, 64, 64, 64, 32, 16, 8, 1]
    assert [m.kernel_size[0] for m in up] == [2] + [kernel] * 7
    joined = 2 if skips else 1
    assert [m.in_channels for m in up[1:]] == [joined * c for c in (64, 64, 64, 64, 32, 16, 8)]
    with torch.no_grad():
        drawn = network(torch.rand(2, 2, 256, 256))
        assert Discriminator(2)(torch.rand(1, 3, 256, 256)).shape == (1, 1, 8, 8)
    assert drawn.shape == (2, 1, 256, 256)
    assert -1 <= float(drawn.min()) <= float(drawn.max()) <= 1


def test_without_skips_the_drawing_depends_on_the_bottleneck_alone():
    for skips in (True, False):
        network = EncoderDecoder(4, 5, skips=skips).eval()
        network.down_norms[-1].register_forward_hook(lambda m, i, o: torch.zeros_like(o))
        with torch.no_grad():
            a, b = (network(torch.rand(2, 2, 32, 32)) for _ in range(2))
        assert torch.equal(a, b) is not skips


def test_a_skip_is_the_mirrored_batch_norm_s_output_before_its_activation():
    """Of both halves of a decoder stage's input, LeakyReLU has been taken once."""
    network = EncoderDecoder(4, 5).eval()
    seen = {}
    network.down_norms[0].register_forward_hook(lambda m, i, o: seen.update(skip=o))
    network.up_norms[-1].register_forward_hook(lambda m, i, o: seen.update(up=o))
    network.up[-1].register_forward_pre_hook(lambda m, i: seen.update(joined=i[0]))
    with torch.no_grad():
        network(torch.rand(2, 2, 32, 32))
    joined = torch.cat([seen["up"], seen["skip"]], dim=1)
    torch.testing.assert_close(seen["joined"], torch.where(joined > 0, joined, 0.2 * joined))


def test_dropout_follows_the_first_two_decoder_stages_alone(monkeypatch):
    shapes = []
    record = lambda x, p, training: shapes.append((x.shape[-1], p, training)) or x  # noqa: E731
    monkeypatch.setattr("trendbench.generators.study_2017.networks.dropout", record)
    EncoderDecoder(4, 5)(torch.rand(2, 2, 32, 32))
    assert shapes == [(2, 0.5, True), (4, 0.5, True)]


def test_batch_norm_averages_as_keras_does():
    """A new batch has weight 0.01, with its biased variance; ε is 10⁻³."""
    norm = BatchNorm(1)
    x = torch.tensor([1.0, 5.0]).reshape(2, 1, 1, 1)
    y = norm(x)
    assert norm.running_mean.item() == pytest.approx(0.01 * 3)
    assert norm.running_var.item() == pytest.approx(0.99 + 0.01 * 4)
    assert y[1].item() == pytest.approx(2 / (4 + 1e-3) ** 0.5, rel=1e-5)


def test_initial_weights_are_glorot_uniform_and_biases_zero():
    network = EncoderDecoder(32, 5)
    kernel = network.down[2].weight.detach()
    limit = (6 / (9 * (kernel.shape[0] + kernel.shape[1]))) ** 0.5
    assert float(kernel.abs().max()) == pytest.approx(limit, rel=1e-3)
    assert float(kernel.std()) == pytest.approx(limit / 3**0.5, rel=0.01)
    assert not any(layer.bias.any() for layer in [*network.down, *network.up])


@pytest.mark.parametrize("frame", [(48, 48), (32, 64), (16, 16)])
def test_other_frames_are_refused(frame):
    with pytest.raises(RecipeError, match="halve a square frame down to one pixel"):
        Study2017(**NUMBERS).build(*frame)


# --- names and schedules ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("nf8", (8, 2, True)), ("nf12-3x3", (12, 3, True)), ("nf64-woUnet", (64, 2, False)),
        ("nf16-3x3-woUnet", (16, 3, False)), ("nf0", None), ("nf", None), ("nf8-woUnet-3x3", None),
        ("NF8", None), ("nf8 ", None), ("nf8000", None), ("nf-8", None), ("nf08", None),
    ],
)  # fmt: skip
def test_the_grammar(name, parameters):
    expected = parameters and dict(zip(("nf", "kernel", "skips"), parameters, strict=True))
    assert parameters_of(name) == expected


def test_a_row_s_file_says_what_its_name_says():
    rows = [recipe for recipe in shipped_recipes() if recipe.family == "study-2017"]
    named = {recipe.arch: parameters_of(recipe.arch) for recipe in rows}
    assert sum(numbers is not None for numbers in named.values()) == 7
    for recipe in rows:
        numbers = named[recipe.arch] or {}
        assert {key: recipe.parameters[key] for key in numbers} == numbers


def test_four_rows_differ_from_nf8_in_one_number():
    nf8 = find_recipe("nf8").parameters
    found = {
        arch: dict(find_recipe(arch).parameters.items() - nf8.items())
        for arch in ("nf8-eta1", "nf8-eta10", "nf8-wide-D", "nf8-batch16")
    }
    assert found == {
        "nf8-eta1": {"eta": 1.0}, "nf8-eta10": {"eta": 10.0},
        "nf8-wide-D": {"discriminator_nf": 32}, "nf8-batch16": {"batch": 16},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "batch", "steps"),
    [
        ("nf8", 50, (32_000, 16_000)), ("nf16", 50, (32_000, 16_000)),
        ("nf32", 50, (32_000, 16_000)), ("nf16-woUnet", 50, (24_000, 12_000)),
        ("nf16-3x3-woUnet", 125, (4_800, 4_800)), ("nf32-3x3-woUnet", 50, (10_050, 10_050)),
    ],
)  # fmt: skip
def test_the_preset_study_has_the_study_s_steps(name, batch, steps):
    numbers = find_recipe(name, preset="study").parameters
    blocks = numbers["epochs"]
    assert numbers["batch"] == batch
    assert (blocks * numbers["d_steps"], blocks * numbers["g_steps"]) == steps


# --- training -----------------------------------------------------------------------------------


def test_a_block_is_steps_of_the_discriminator_then_of_the_generator(triplets):
    """The generator's running averages stand still while the discriminator learns."""
    model = untrained()
    contest = model.trainable(triplets)

    def state():
        averages = model.network.down_norms[0].running_mean.sum().item()
        weights = [contest.parts[name].state_dict() for name in ("generator", "discriminator")]
        return (averages, weights[0]["up.0.weight"].sum().item(),
                weights[1]["stages.0.weight"].sum().item())  # fmt: skip

    moved, before = [], state()
    for _ in range(7):
        losses = contest.step(torch.tensor([0, 1, 2]))
        after = state()
        moved.append((set(losses), *(a != b for a, b in zip(after, before, strict=True))))
        before = after
    d, g = ({"d"}, False, False, True), ({"g_adv", "l1"}, True, True, False)
    assert moved == [d, d, d, g, g, d, d]


def test_losses_of_networks_without_an_opinion(triplets):
    """Logits 0 cost ln 2 on either side; grey 0 in [−1, 1] is off by 1 everywhere."""
    model = untrained()
    contest = model.trainable(triplets)
    for layer in (model.network.up[-1], contest.parts["discriminator"].stages[-1]):
        torch.nn.init.zeros_(layer.weight)
    losses = {}
    for adam in ("adam_g", "adam_d"):
        contest.parts[adam].param_groups[0]["lr"] = 0.0
    for _ in range(5):
        losses |= contest.step(torch.tensor([0, 1, 2]))
    assert losses["d"].item() == pytest.approx(np.log(2), rel=1e-6)
    assert losses["g_adv"].item() == pytest.approx(np.log(2), rel=1e-6)
    assert losses["l1"].item() == pytest.approx(1.0, rel=1e-6)


def test_the_discriminator_calls_drawn_images_one(triplets):
    """Its bias alone: moved up, the discriminator's loss on drawn images falls."""
    contest = untrained(d_steps=30, learning_rate=2e-2).trainable(triplets)
    for _ in range(30):
        loss = contest.step(torch.arange(3))["d"]
    assert loss.item() < 0.5
    real = contest._triplets(torch.arange(3))
    with torch.no_grad():
        drawn = torch.cat([real[:, :2], contest._generator.eval()(real[:, :2])], dim=1)
        on_real, on_drawn = (contest._discriminator(x).mean() for x in (real, drawn))
    assert on_real < 0 < on_drawn


def test_independent_images_are_paired_anew_unless_fixed(triplets):
    rows = torch.arange(8)
    plain = untrained(fixed_pairing=True).trainable(triplets)._triplets(rows)
    torch.manual_seed(3)
    anew = untrained().trainable(triplets)._triplets(rows)
    assert torch.equal(anew[:, :2], plain[:, :2])
    assert not torch.equal(anew[:, 2], plain[:, 2])
    assert sorted(anew[:, 2].sum((1, 2)).tolist()) == sorted(plain[:, 2].sum((1, 2)).tolist())
    coupled = simulate(SPEC.model_copy(update={"coupling": "thinning"}), 8, seed=1)
    kept = untrained().trainable(coupled)._triplets(rows)
    assert torch.equal(kept[:, 2] > 0, torch.from_numpy(coupled.r > 0))


def test_blocks_lay_the_passes_end_to_end():
    stretch = np.concatenate([rows_of_block(b, 6, 8, 5, fixed=False) for b in range(4)])
    passes = stretch.reshape(3, 8)
    assert (np.sort(passes, axis=1) == np.arange(8)).all()
    assert not np.array_equal(passes[0], passes[1])
    fixed = np.concatenate([rows_of_block(b, 6, 8, 5, fixed=True) for b in range(4)])
    assert np.array_equal(fixed.reshape(3, 8), np.broadcast_to(passes[0], (3, 8)))


def fit(triplets, folder):
    folder.mkdir(exist_ok=True)
    run = RunContext(seed=1, device="cpu", precision="fp32", folder=folder, identity="x")
    Study2017(**NUMBERS).fit(triplets, triplets, run)
    return run.reports[-1]


def test_resuming_within_a_block_equals_an_uninterrupted_run(triplets, tmp_path, monkeypatch):
    """Stopped among the discriminator's steps, among the generator's, and at a block's end."""
    report = fit(triplets, tmp_path / "whole")
    assert (report.images_seen, report.epochs) == (45, 45 / 8)
    real, steps = torch.manual_seed, []

    def count_and_interrupt(seed):
        steps.append(seed)
        if len(steps) in (3, 7, 12):
            os.kill(os.getpid(), signal.SIGINT)
        return real(seed)

    monkeypatch.setattr(loop.torch, "manual_seed", count_and_interrupt)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            fit(triplets, tmp_path / "stopped")
    fit(triplets, tmp_path / "stopped")
    whole, stopped = (
        Checkpoints(tmp_path / name, "x").latest().state["trainable"]
        for name in ("whole", "stopped")
    )
    for part in ("generator", "discriminator"):
        for name, numbers in whole[part].items():
            assert torch.equal(numbers, stopped[part][name]), name
    logs = [(tmp_path / name / "losses.csv").read_text() for name in ("whole", "stopped")]
    assert logs[0] == logs[1]
    assert logs[0].splitlines()[0] == "images_seen,d,g_adv,l1"
    assert len(logs[0].splitlines()) == 1 + NUMBERS["epochs"]  # a row for every block


# --- sampling -----------------------------------------------------------------------------------


def test_sampling_knows_neither_seed_nor_batch_and_cuts_fractions_off(triplets, tmp_path):
    model = untrained()
    assert isinstance(model, Generator)
    model.trainable(triplets).step(torch.arange(3))
    inputs = Inputs(triplets.s1, triplets.s2)
    drawn = model.sample(inputs, 1)
    np.testing.assert_array_equal(drawn, model.sample(inputs, 2))
    alone = model.sample(Inputs(triplets.s1[5:6], triplets.s2[5:6]), 1)
    assert np.abs(drawn[5:6].astype(int) - alone).max() <= 1  # sums in another order
    network = model.network.eval()
    pair = torch.from_numpy(np.stack([triplets.s1, triplets.s2], axis=1)) / 127.5 - 1
    with torch.no_grad():
        grey = 127.5 * network(pair)[:, 0].double().numpy() + 127.5
    assert (drawn <= grey + 1e-4).all()
    assert (drawn > grey - 1 - 1e-4).all()
    model.save(tmp_path)
    np.testing.assert_array_equal(Study2017.load(tmp_path).sample(inputs, 1), drawn)
