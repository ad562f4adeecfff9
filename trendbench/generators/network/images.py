"""Images as networks see them: darkness in [0, 1], channels first."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from trendbench.process.images import WHITE


def darkness(images: torch.Tensor) -> torch.Tensor:
    """uint8 (b, H, W, channels) to darkness in [0, 1], (b, channels, H, W) channels-last."""
    return (1.0 - images.float() / WHITE).permute(0, 3, 1, 2)


def grey(images: torch.Tensor) -> NDArray[np.uint8]:
    """Darkness (b, 1, H, W) to uint8 (b, H, W), white being 255."""
    values = WHITE * (1.0 - images.float().squeeze(1))
    return values.round().to(torch.uint8).cpu().numpy()


def resident(series: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Training images (n, H, W) uint8 on the device, to be indexed by batches of row numbers.

    An array is put there for the whole of the training; of a stream, each batch as it is drawn.
    """
    if isinstance(series, np.ndarray):
        return torch.from_numpy(series).to(device)
    return cast(torch.Tensor, _Batches(series, device))


class _Batches:
    def __init__(self, series: NDArray[np.uint8], device: torch.device) -> None:
        self._series, self._device = series, device

    def __getitem__(self, chosen: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self._series[chosen.cpu().numpy()]).to(self._device)
