"""The ceiling of training: the convolutions of training steps and nothing else.

The layers' inputs are noted in one training step. Then each layer runs forward and backward at that
shape, in the step's precision and layout, with the gradients that the step needs: no activation,
norm, loss or optimiser.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

_REPEATS = 7


class Call(NamedTuple):
    """One use of a layer: its input's shape, and whether gradients of input and weights are due."""

    layer: Any
    shape: tuple[int, ...]
    to_input: bool
    to_weights: bool


def ceiling(arch: str, batch: int, **settings: int) -> float:
    """Images per second of the convolutions of an epoch's steps alone, on ``batch`` triplets.

    Args:
        arch: the recipe.
        batch: triplets a step.
        **settings: in place of the recipe's; a block of the study's networks has
            (d_steps + g_steps)·batch images.
    """
    return batch * sum(settings.values() or [1]) / seconds_of(_calls(arch, batch, **settings))


def seconds_of(calls: Iterable[Call], repeats: int = _REPEATS) -> float:
    """Seconds of these convolutions alone, in training's precision: a median of some turns."""
    import torch

    from trendbench.training.device import choose_device, choose_precision, keep_freed_memory

    keep_freed_memory()
    device = choose_device()
    kind = torch.bfloat16 if choose_precision(device) == "bf16" else torch.float32
    counted = Counter(calls)  # a layer that runs at one shape a hundred times is held once
    works = [(work_of(call, device, kind), times) for call, times in counted.items()]
    seconds = []
    for repeat in range(repeats + 1):
        _wait(device)
        start = time.perf_counter()
        for work, times in works:
            for _ in range(times):
                work()
        _wait(device)
        if repeat:  # the first is a warm-up
            seconds.append(time.perf_counter() - start)
    return median(seconds)


def _calls(arch: str, batch: int, **settings: int) -> list[Call]:
    """Every convolution of one epoch of ``batch`` triplets, as the trainer makes it."""
    from trendbench.generators.recipes import find_recipe
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec
    from trendbench.training.context import RunContext
    from trendbench.training.device import choose_device, choose_precision

    triplets = simulate(load_spec("trend-v1"), batch)
    device = choose_device()
    with noted() as calls, TemporaryDirectory() as name:
        run = RunContext(0, str(device), choose_precision(device), Path(name), "bench")
        find_recipe(arch, overrides={"epochs": 1, "batch": batch} | settings).build().fit(
            triplets, triplets, run
        )
    return calls


@contextmanager
def noted() -> Iterator[list[Call]]:
    """Every convolution that runs in the block, filled in as it runs."""
    import torch
    from torch import nn

    calls: list[Call] = []

    def note(layer: Any, inputs: tuple[Any, ...], output: Any) -> None:
        del output
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            x = inputs[0]
            due = layer.weight.requires_grad and torch.is_grad_enabled()
            calls.append(Call(layer, tuple(x.shape), x.requires_grad, due))

    hook = nn.modules.module.register_module_forward_hook(note)
    try:
        yield calls
    finally:
        hook.remove()


def work_of(call: Call, device: Any, kind: Any) -> Callable[[], None]:
    """Forward and backward of one layer, everything at hand."""
    import copy

    import torch

    layer = copy.deepcopy(call.layer).to(device=device, dtype=kind).requires_grad_(call.to_weights)
    x = torch.rand(call.shape, device=device, dtype=kind)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_(call.to_input)
    gradient = torch.rand_like(layer(x)).contiguous(memory_format=torch.channels_last)
    wanted = [*([x] if call.to_input else []), *(layer.parameters() if call.to_weights else [])]

    def work() -> None:
        if wanted:
            torch.autograd.grad(layer(x), wanted, gradient)
        else:
            layer(x)

    return work


def _wait(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize()
