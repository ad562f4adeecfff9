"""The law of a pixel given s1, s2 and what is shown of the image, as the network computes it.

The network is shown images beneath noise, or images without noise of which some pixels are hidden.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from trendbench.generators.flow.network import Denoiser, Given
from trendbench.generators.flow.settings import Settings

_CLEAN_LEVEL = 2.0  # the noise level given for images without noise; noisy ones have −1 to 1
PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))  # (row, column) modulo 2 of the passes of a sweep


class View(NamedTuple):
    """What the network is shown of images, and the likelihood term to be added to its output.

    Attributes:
        noisy: the images on two scales, (b, 2, H, W).
        level: noise level, (b,).
        likelihood: log odds of black from each pixel's own noisy value, (b, 1, H, W).
    """

    noisy: torch.Tensor
    level: torch.Tensor
    likelihood: torch.Tensor


@dataclass(frozen=True)
class Law:
    """Log odds of black, log p/(1 − p), of every pixel of b images.

    Attributes:
        network: in training or averaged.
        settings: the flow's; ``faintest`` and ``clearest`` scale the noise level.
        autocast: gives the context that the network runs in.
    """

    network: Denoiser
    settings: Settings
    autocast: Callable[[], torch.autocast]

    def given_noise(self, given: Given, y: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
        """The log odds given y_ρ = ρ·x + z.

        Args:
            given: of the images.
            y: y_ρ, (b, 1, H, W).
            ratio: ρ, (b,).

        Returns:
            (b, 1, H, W).
        """
        return self.odds(given, self.beneath_noise(y, ratio))

    def given_others(self, given: Given, image: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """The log odds of hidden pixels given those that are shown.

        Args:
            given: of the images.
            image: x, 1 where black and −1 where white, (b, 1, H, W).
            hidden: which pixels are hidden, (b, 1, H, W); in training no two are neighbours.

        Returns:
            (b, 1, H, W), without meaning where a pixel is shown.
        """
        return self.odds(given, all_but(image, hidden))

    def odds(self, given: Given, view: View) -> torch.Tensor:
        """The log odds given any view: (b, 1, H, W)."""
        with self.autocast():
            logits: torch.Tensor = self.network(given, view.noisy, view.level)
        return logits.float() + view.likelihood

    def beneath_noise(self, y: torch.Tensor, ratio: torch.Tensor) -> View:
        """The view of y_ρ, (b, 1, H, W), at the ratios ρ, (b,)."""
        low, high = math.log(self.settings.faintest), math.log(self.settings.clearest)
        level = 2 * (ratio.clamp(self.settings.faintest).log() - low) / (high - low) - 1
        ratio = ratio[:, None, None, None]
        likelihood = 2 * ratio * y
        noisy = torch.cat([y / (1 + ratio.square()).sqrt(), torch.tanh(likelihood / 2)], dim=1)
        return View(noisy, level, likelihood)


def all_but(image: torch.Tensor, hidden: torch.Tensor) -> View:
    """Images, ±1, without noise; 0 where a pixel is hidden."""
    seen = torch.where(hidden, 0.0, image)
    level = torch.full((len(image),), _CLEAN_LEVEL, device=image.device)
    return View(torch.cat([seen, seen], dim=1), level, torch.zeros_like(image))


def either(rows: torch.Tensor, one: View, other: View) -> View:
    """Of each image the one view where its row is true, (b,), and else the other."""
    return View(
        *(torch.where(expanded(rows, a), a, b) for a, b in zip(one, other, strict=True)),
    )


def expanded(rows: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """(b,) with as many axes as the images have, (b, 1, …)."""
    return rows.view(-1, *[1] * (images.ndim - 1))


def every_fourth(images: torch.Tensor, phases: torch.Tensor) -> torch.Tensor:
    """Every other pixel of every other row, from ``PHASES[phases]`` (b,) on: (b, 1, H, W) bool."""
    rows, columns = (torch.arange(n, device=images.device) % 2 for n in images.shape[2:])
    first = torch.tensor(PHASES, device=images.device)[phases]
    of_rows = (rows == first[:, :1])[:, None, :, None]
    return of_rows & (columns == first[:, 1:])[:, None, None, :]


def hidden_in_pass(images: torch.Tensor, number: int) -> torch.Tensor:
    """The pixels that pass 0 to 3 of a sweep draws, (b, 1, H, W) bool."""
    return every_fourth(images, torch.full((len(images),), number))
