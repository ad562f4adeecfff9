"""The layers of a network: start, place and number of the weights; the loss of its logits."""

from typing import TypeVar

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

Network = TypeVar("Network", bound=nn.Module)
_WEIGHT_SPREAD = 0.02


def initialise(module: nn.Module) -> None:
    """Weights N(0, 0.02), batch-norm gains N(1, 0.02), biases 0, as DCGAN and pix2pix have them.

    Of shapes alone (device ``meta``) nothing is drawn: torch would import for a second to do so.
    """
    if any(weights.is_meta for weights in module.parameters(recurse=False)):
        return
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, _WEIGHT_SPREAD)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, _WEIGHT_SPREAD)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def placed(network: Network, device: torch.device) -> Network:
    """The network on a device, its kernels laid out channels-last."""
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def log_loss(logits: torch.Tensor, truth: float) -> torch.Tensor:
    """Mean log loss of logits whose label is ``truth`` everywhere."""
    logits = logits.float()
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, truth))


def parameter_count(network: nn.Module) -> int:
    """Number of trained numbers."""
    return sum(weights.numel() for weights in network.parameters())
