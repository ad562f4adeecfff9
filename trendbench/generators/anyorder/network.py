"""The network: from inputs and the pixels known so far to the law of every other pixel."""

import torch
from torch import nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, silu

_MAPS = 4  # s1, s2, known black, known white


class Conditional(nn.Module):
    """P(pixel is black | s1, s2, known pixels), as logits, by convolutions on a coarse grid.

    ``cell``×``cell`` pixels become the channels of one grid point, x/W joins them, and residual
    blocks follow on that grid, on one of half its size, and on it again; the last layer sees the
    pixels once more. There is no normalisation, so an output depends on its surroundings alone and
    not on the rest of the frame.

    Args:
        width: channels on the grid; twice as many on the half-size one.
        blocks: residual blocks in each of the three parts.
        cell: pixels along a side of a grid point.
    """

    def __init__(self, width: int, blocks: int, cell: int) -> None:
        super().__init__()
        self.cell = cell
        self.entry = nn.Conv2d(_MAPS * cell**2 + 1, width, 3, padding=1)
        self.before = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.down = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.coarse = nn.Sequential(*(_Block(2 * width) for _ in range(blocks)))
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.after = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.exit = nn.Conv2d(width + _MAPS * cell**2 + 1, cell**2, 3, padding=1)

    def forward(self, pair: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Logits of darkness.

        Args:
            pair: darkness of s1 and s2, (b, 2, H, W).
            known: 1 where a pixel is known to be black, and where to be white, (b, 2, H, W).

        Returns:
            (b, 1, H, W).
        """
        maps = pixel_unshuffle(torch.cat([pair, known], dim=1), self.cell)
        b, _, rows, columns = maps.shape
        x = (torch.arange(columns, device=maps.device, dtype=maps.dtype) + 0.5) / columns
        maps = torch.cat([maps, x.expand(b, 1, rows, columns)], dim=1)
        maps = maps.to(memory_format=torch.channels_last)
        fine = self.before(self.entry(maps))
        fine = self.after(fine + self.up(self.coarse(self.down(fine))))
        seen = torch.cat([silu(fine), maps.to(fine.dtype)], dim=1)
        logits: torch.Tensor = pixel_shuffle(self.exit(seen), self.cell)
        return logits


class _Block(nn.Module):
    """x + convolution of SiLU of convolution of SiLU of x; the identity at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, width, h, w) to the same shape."""
        y: torch.Tensor = x + self.second(silu(self.first(silu(x))))
        return y
