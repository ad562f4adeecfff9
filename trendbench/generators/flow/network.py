"""The network: from inputs and a noisy image to the law of every pixel of the image beneath."""

import torch
from torch import nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, silu

_MAPS = 4  # s1, s2, the noisy image on two scales
_WAVES = 8  # of the noise level's embedding
_TILE = 128  # grid points along x that go through the layers together
_TOLD = 64  # numbers that each block is told of the noise level


class Denoiser(nn.Module):
    """Logits of P(pixel is black | s1, s2, the other pixels' noisy values), on a coarse grid.

    ``cell``×``cell`` pixels become the channels of one grid point, x/W joins them, and residual
    blocks follow on that grid, on one of half its size, and on it again, each told the noise
    level; the last layer sees the pixels once more. What s1 and s2 show at the very pixel is added
    with weights of its own. There is no normalisation, so an output depends on its surroundings
    alone and not on the rest of the frame: wide frames go through in tiles whose margins hold all
    that their middles depend on, in the memory of one tile.

    Args:
        width: channels on the grid.
        coarse: channels on the half-size grid.
        blocks: residual blocks in each of the three parts.
        cell: pixels along a side of a grid point.
    """

    def __init__(self, width: int, coarse: int, blocks: int, cell: int) -> None:
        super().__init__()
        self.cell = cell
        seen = _MAPS * cell**2 + 1
        self.level = nn.Sequential(nn.Linear(2 * _WAVES, _TOLD), nn.SiLU())
        self.entry = nn.Conv2d(seen, width, 3, padding=1)
        self.before = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.down = nn.Conv2d(width, coarse, 2, stride=2)
        self.middle = nn.ModuleList(_Block(coarse) for _ in range(blocks))
        self.up = nn.ConvTranspose2d(coarse, width, 2, stride=2)
        self.after = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.exit = nn.Conv2d(width + seen, cell**2, 3, padding=1)
        self.same_pixel = nn.Conv2d(2, 1, 1)
        _silence(self.exit)  # nothing is said at first, so that a noisy pixel's own word stands
        _silence(self.same_pixel)

    @torch.no_grad()
    def begin_with(self, black: torch.Tensor, white: torch.Tensor) -> None:
        """Begin with the log odds that a pixel's own place in s1 and s2 gives it.

        Args:
            black: number of black training pixels where s1, s2 are white, white; white, black;
                black, white; black, black; (4,).
            white: number of white ones, likewise.
        """
        seen = torch.tensor([[1.0, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]], dtype=torch.float64)
        weight = (black + white).double().sqrt()
        odds = ((black + 0.5) / (white + 0.5)).double().log()
        fitted = torch.linalg.lstsq(seen * weight[:, None], odds[:, None] * weight[:, None])
        bias, *slopes = fitted.solution.flatten().tolist()
        self.same_pixel.weight.copy_(torch.tensor(slopes).reshape(1, 2, 1, 1))
        self.same_pixel.bias.fill_(bias)  # type: ignore[union-attr]

    def forward(self, pair: torch.Tensor, noisy: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Logits of darkness.

        Args:
            pair: darkness of s1 and s2, (b, 2, H, W).
            noisy: the noisy image on two scales, each about −1 to 1, (b, 2, H, W).
            level: how much of it is image, about −1 to 1, (b,).

        Returns:
            (b, 1, H, W).
        """
        maps = pixel_unshuffle(torch.cat([pair, noisy], dim=1), self.cell)
        b, _, rows, columns = maps.shape
        x = (torch.arange(columns, device=maps.device, dtype=maps.dtype) + 0.5) / columns
        maps = torch.cat([maps, x.expand(b, 1, rows, columns)], dim=1)
        maps = maps.to(memory_format=torch.channels_last)
        told = self.level(_waves(level))
        parts = [self._tile(maps, told, start) for start in range(0, columns, _TILE)]
        logits: torch.Tensor = pixel_shuffle(torch.cat(parts, dim=3), self.cell)
        same: torch.Tensor = self.same_pixel(pair)
        return logits + same

    def _tile(self, maps: torch.Tensor, told: torch.Tensor, start: int) -> torch.Tensor:
        """The grid's outputs of ``_TILE`` columns from ``start`` on: (b, cell², rows, ≤ tile)."""
        left = max(start - self.reach, 0)
        maps = maps[..., left : start + _TILE + self.reach]
        fine = _through(self.before, self.entry(maps), told)
        middle = _through(self.middle, self.down(fine), told)
        fine = _through(self.after, fine + self.up(middle), told)
        seen = torch.cat([silu(fine), maps.to(fine.dtype)], dim=1)
        out: torch.Tensor = self.exit(seen)
        return out[..., start - left : start - left + _TILE]

    @property
    def reach(self) -> int:
        """Grid points to each side that an output depends on at most; even, as pairs join."""
        return 2 * (len(self.before) + 2 * len(self.middle) + len(self.after)) + 4


class _Block(nn.Module):
    """x + convolution of SiLU of (convolution of SiLU of x + what the level says)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.says = nn.Linear(_TOLD, width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        _silence(self.second)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """(b, width, h, w) and (b, told) to (b, width, h, w); the identity at first."""
        inner = self.first(silu(x)) + self.says(told)[:, :, None, None]
        y: torch.Tensor = x + self.second(silu(inner))
        return y


def _silence(layer: nn.Conv2d) -> None:
    for weights in layer.parameters():
        nn.init.zeros_(weights)


def _through(blocks: nn.ModuleList, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
    for block in blocks:
        x = block(x, told)
    return x


def _waves(level: torch.Tensor) -> torch.Tensor:
    """Cosines and sines of a number about −1 to 1, (b,) to (b, 2·waves)."""
    phase = level[:, None] * torch.arange(1, _WAVES + 1, device=level.device) * (torch.pi / 2)
    return torch.cat([phase.cos(), phase.sin()], dim=1)
