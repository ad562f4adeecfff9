"""Stored Keras weights in our networks, and a score's two parts; no clone is needed."""

import io
import subprocess

import click
import h5py
import numpy as np
import pytest
import torch

from benchmarks.study_2017 import Clone, network_of, parts
from trendbench.generators.recipes import find_recipe


def as_keras(model) -> bytes:
    """Weights in the layout and under the names of Keras 2.0."""
    network, content = model.network, io.BytesIO()
    kinds = {
        "conv2d": [(m.weight.permute(2, 3, 1, 0), m.bias) for m in network.down],
        "conv2d_transpose": [(m.weight.permute(2, 3, 1, 0), m.bias) for m in network.up],
        "batch_normalization": [
            (m.weight, m.bias, m.running_mean, m.running_var)
            for m in (*network.down_norms, *network.up_norms)
        ],
    }
    with h5py.File(content, "w") as file:
        names = ["input_1"]
        file.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        for kind, layers in kinds.items():
            for number, arrays in enumerate(layers, 1):
                name = f"{kind}_{number}"
                group = file.create_group(name)
                weights = [f"{name}/{i}" for i in range(len(arrays))]
                for weight, array in zip(weights, arrays, strict=True):
                    group[weight] = array.detach().numpy()
                group.attrs["weight_names"] = np.array(weights, "S")
                names.append(name)
        file.attrs["layer_names"] = np.array(names, "S")
    return content.getvalue()


@pytest.fixture(scope="module")
def model():
    model = find_recipe("nf2-3x3").build()
    torch.manual_seed(0)
    network = model.build(256, 256)
    for norm in (*network.down_norms, *network.up_norms):
        torch.nn.init.uniform_(norm.running_mean)
        torch.nn.init.uniform_(norm.weight)
    model.use(network, (256, 256), "cpu", "fp32")
    return model


def test_stored_weights_draw_what_they_drew(model):
    """Kernels of arrays with x first draw the transposed image of transposed inputs."""
    weights = as_keras(model)
    x = torch.rand(1, 2, 256, 256)
    drawn = [
        one.network.eval()(x if straight else x.transpose(2, 3)).detach()
        for one, straight in (
            (model, True),
            (network_of("nf2-3x3", weights, transposed=False), True),
            (network_of("nf2-3x3", weights), False),
        )
    ]
    assert drawn[0].std() > 1e-3
    assert torch.equal(drawn[0], drawn[1])
    torch.testing.assert_close(drawn[0], drawn[2].transpose(2, 3), atol=1e-5, rtol=0)


def test_weights_of_another_network_are_refused(model):
    for arch in ("nf2", "nf4-3x3", "nf2-3x3-woUnet"):
        with pytest.raises(click.ClickException, match=f"not the shapes of {arch}"):
            network_of(arch, as_keras(model))


def test_bias_and_variance_add_up_to_the_score():
    rng = np.random.default_rng(0)
    profiles, reference = rng.random((7, 20)), rng.random(20)
    bias, variance = parts(profiles, reference)
    assert bias + variance == pytest.approx(np.mean((profiles - reference) ** 2), rel=1e-12)
    assert variance == pytest.approx(profiles.var(axis=0).mean(), rel=1e-12)


def test_files_of_a_clone_are_read_by_revision_and_path(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "a.txt").write_text("one")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    (tmp_path / "a.txt").unlink()
    assert Clone(tmp_path).read("HEAD:a.txt") == b"one"
    with pytest.raises(click.ClickException, match=r"does not hold HEAD:b\.txt: git clone https"):
        Clone(tmp_path).read("HEAD:b.txt")
