"""Devices: what is meant, and what is refused in one line."""

import pytest

from trendbench.errors import RunError
from trendbench.training.device import choose_device, named_device


@pytest.mark.parametrize("name", ["hpu", "meta", "cpu:3", "cuda:", "cuda:-1", "CUDA", "", "gpu 0"])
def test_other_devices_are_refused_without_asking_torch(name):
    with pytest.raises(RunError, match="say auto, cpu, cuda, cuda:1 or mps"):
        named_device(name)


@pytest.mark.parametrize("name", ["cuda:99", "mps"])
def test_a_device_that_is_not_here_is_one_line(name):
    import torch

    if name == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(RunError, match=f"device '{name}' is not to be had here .*: try cpu"):
        choose_device(name)
    assert choose_device("cpu").type == "cpu"
