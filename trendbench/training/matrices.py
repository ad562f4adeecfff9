"""Kernels of convolutions as the matrices that ``torch.optim.Muon`` takes."""

from collections.abc import Iterable

import torch
from torch import nn


def as_matrices(kernels: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Each kernel as a matrix that shares its memory and is handed its gradients.

    An optimiser of the matrices then changes the kernels. Their own ``grad`` is None after every
    backward pass.

    Args:
        kernels: (outputs, inputs, k, k), laid out channels-last.

    Returns:
        (outputs, k²·inputs) each.

    Raises:
        RuntimeError: a kernel is laid out otherwise.
    """
    return [_as_matrix(kernel) for kernel in kernels]


def _as_matrix(kernel: nn.Parameter) -> nn.Parameter:
    matrix = nn.Parameter(_channels_last(kernel.detach()).view(len(kernel), -1))

    def hand_over(kernel: torch.Tensor) -> None:
        assert kernel.grad is not None
        matrix.grad = _channels_last(kernel.grad).flatten(1)
        kernel.grad = None

    kernel.register_post_accumulate_grad_hook(hand_over)
    return matrix


def _channels_last(kernel: torch.Tensor) -> torch.Tensor:
    return kernel.permute(0, 2, 3, 1)
