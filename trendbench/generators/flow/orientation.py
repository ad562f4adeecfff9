"""A falling trend is a rising one from right to left, so the network learns rising ones only."""

import numpy as np
import torch

from trendbench.generators.network.images import darkness
from trendbench.process.triplets import Triplets


def falls(images: torch.Tensor) -> torch.Tensor:
    """Whether s1 has more black than s2, the first two of (b, ≥ 2, H, W): (b, 1, 1, 1)."""
    black = images[:, :2].mean(dim=(2, 3))
    return (black[:, 0] > black[:, 1])[:, None, None, None]


def turned(images: torch.Tensor, falling: torch.Tensor) -> torch.Tensor:
    """Images (b, ≥ 2, H, W), mirrored in x and s1 exchanged with s2 where the trend falls."""
    mirrored = torch.cat([images[:, :2].flip(1), images[:, 2:]], dim=1).flip(3)
    return torch.where(falling, mirrored, images)


def rising(triplets: Triplets) -> torch.Tensor:
    """Darkness of s1, s2 and r, s1 being the sparser: (b, 3, H, W)."""
    series = (triplets.s1, triplets.s2, triplets.r)
    images = darkness(torch.from_numpy(np.stack(series, axis=-1)))
    return turned(images, falls(images))
