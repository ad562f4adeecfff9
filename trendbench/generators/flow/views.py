"""What the network is shown of images: beneath noise, or with some pixels hidden."""

from typing import NamedTuple

import numpy as np
import torch

from trendbench.generators.network import darkness
from trendbench.rendering.triplets import Triplets

_CLEAN_LEVEL = 2.0  # what the network is told then; from -1 to 1 for noisy images
PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))  # rows and columns, modulo 2, that a sweep asks in turn


class View(NamedTuple):
    """What the network is shown of images, and what it need not say.

    Attributes:
        noisy: the images on two scales, (b, 2, H, W).
        level: how much of them is image, (b,).
        own: log odds that each pixel's own value gives it, (b, 1, H, W).
    """

    noisy: torch.Tensor
    level: torch.Tensor
    own: torch.Tensor


def all_but(image: torch.Tensor, asked: torch.Tensor) -> View:
    """Images, ±1, without noise but for the pixels asked for, of which nothing is shown."""
    seen = torch.where(asked, 0.0, image)
    level = torch.full((len(image),), _CLEAN_LEVEL, device=image.device)
    return View(torch.cat([seen, seen], dim=1), level, torch.zeros_like(image))


def either(rows: torch.Tensor, one: View, other: View) -> View:
    """Of each image, the one view where its row is true, (b,), and else the other."""
    return View(
        *(torch.where(expanded(rows, a), a, b) for a, b in zip(one, other, strict=True)),
    )


def expanded(rows: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """(b,) with as many axes as the images have, (b, 1, …)."""
    return rows.view(-1, *[1] * (images.ndim - 1))


def every_fourth(images: torch.Tensor, phases: torch.Tensor) -> torch.Tensor:
    """Every other pixel of every other row, beginning as each image's phase says: (b, 1, H, W)."""
    rows, columns = (torch.arange(n, device=images.device) % 2 for n in images.shape[2:])
    first = torch.tensor(PHASES, device=images.device)[phases]
    of_rows = (rows == first[:, :1])[:, None, :, None]
    return of_rows & (columns == first[:, 1:])[:, None, None, :]


def falls(images: torch.Tensor) -> torch.Tensor:
    """Whether s1 has more ink than s2, the first two of (b, ≥ 2, H, W): (b, 1, 1, 1)."""
    ink = images[:, :2].mean(dim=(2, 3))
    return (ink[:, 0] > ink[:, 1])[:, None, None, None]


def turned(images: torch.Tensor, falling: torch.Tensor) -> torch.Tensor:
    """Where the trend falls, seen from the other end, so that it rises: (b, ≥ 2, H, W)."""
    mirrored = torch.cat([images[:, :2].flip(1), images[:, 2:]], dim=1).flip(3)
    return torch.where(falling, mirrored, images)


def rising(triplets: Triplets) -> torch.Tensor:
    """Darkness of s1, s2 and r, s1 being the sparser: (b, 3, H, W)."""
    series = (triplets.s1, triplets.s2, triplets.r)
    images = darkness(torch.from_numpy(np.stack(series, axis=-1)))
    return turned(images, falls(images))
