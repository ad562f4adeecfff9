"""Devices and torchrun's variables: what is meant, and what is refused in one line."""

import pytest

from trendbench.errors import RunError
from trendbench.training.device import choose_device, named_device
from trendbench.training.processes import started_together

ALL = {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1",
       "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}  # fmt: skip


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


def started(monkeypatch, variables):
    for name in ALL:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return started_together()


@pytest.mark.parametrize("missing", ALL)
def test_leftovers_of_a_launcher_count_for_nothing(monkeypatch, missing):
    assert started(monkeypatch, ALL)
    assert not started(monkeypatch, {k: v for k, v in ALL.items() if k != missing})
    assert not started(monkeypatch, {missing: ALL[missing]})


@pytest.mark.parametrize(
    "wrong", [{"WORLD_SIZE": "abc"}, {"RANK": "2"}, {"RANK": "-1"}, {"LOCAL_RANK": "x"}]
)
def test_numbers_that_are_none_are_refused(monkeypatch, wrong):
    with pytest.raises(RunError, match="unset TORCHELASTIC_RUN_ID"):
        started(monkeypatch, ALL | wrong)
