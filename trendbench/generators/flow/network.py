"""The network: from inputs and a noisy image to the law of every pixel of the image beneath."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, pixel_shuffle, pixel_unshuffle, silu

_MAPS = 4  # s1, s2, the noisy image on two scales
_WAVES = 8  # of the noise level's embedding
_TILE = 128  # grid points along x that go through the layers together
_TOLD = 64  # numbers that each block is told of the noise level
_CERTAIN = 40.0  # log odds of what was never otherwise; noise outweighs 20 in no frame ever drawn
_MANY = 1 << 14  # pixels that bear out a never
PLACES = 32  # along the trend, each with nevers of its own


class Denoiser(nn.Module):
    """Logits of P(pixel is black | s1, s2, the other pixels' noisy values), on a coarse grid.

    ``cell``×``cell`` pixels become the channels of one grid point, their place along the trend
    joins them, and residual blocks follow on that grid, on one of half its size, and on it again,
    each told the noise level; the last layer sees the pixels once more. To that are added the log
    odds that what s1 and s2 show at the very pixel had among the training pixels. There is no
    normalisation, so an output depends on its surroundings alone and not on the rest of the frame:
    wide frames go through in tiles whose margins hold all that their middles depend on, in the
    memory of one tile.

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
        self.odds: torch.Tensor
        self.register_buffer("odds", torch.zeros(4, PLACES))
        _silence(self.exit)  # nothing is said at first, so that a noisy pixel's own word stands

    def begin_with(self, black: torch.Tensor, white: torch.Tensor) -> None:
        """Take over the log odds that what s1 and s2 show at a pixel gives it.

        What never was among 16 384 pixels or more at a place is held impossible there: a network
        that learns from examples comes to say 1 in 10⁴ where never is meant, and is found out.

        Args:
            black: number of black training pixels where s1, s2 are white, white; white, black;
                black, white; black, black, in each of equal parts of the trend, (4, ``PLACES``).
            white: number of white ones, likewise.
        """
        odds = ((black.sum(dim=1) + 0.5) / (white.sum(dim=1) + 0.5)).double().log()[:, None]
        never_black = (white >= _MANY) & (black == 0)
        never_white = (black >= _MANY) & (white == 0)
        odds = torch.where(never_black, -_CERTAIN, torch.where(never_white, _CERTAIN, odds))
        self.odds.copy_(odds)

    def forward(
        self, pair: torch.Tensor, along: torch.Tensor, noisy: torch.Tensor, level: torch.Tensor
    ) -> torch.Tensor:
        """Logits of darkness.

        Args:
            pair: darkness of s1 and s2, (b, 2, H, W).
            along: each pixel's place along the trend, 0 at s1's end to 1 at s2's, (b, 1, H, W).
            noisy: the noisy image on two scales, each about −1 to 1, (b, 2, H, W).
            level: how much of it is image, about −1 to 1, (b,).

        Returns:
            (b, 1, H, W).
        """
        maps = pixel_unshuffle(torch.cat([pair, noisy], dim=1), self.cell)
        maps = torch.cat([maps, avg_pool2d(along, self.cell)], dim=1)
        maps = maps.to(memory_format=torch.channels_last)
        told = self.level(_waves(level))
        parts = [self._tile(maps, told, start) for start in range(0, maps.shape[3], _TILE)]
        logits = pixel_shuffle(torch.cat(parts, dim=3), self.cell)
        first, second = (pair >= 0.5).long().unbind(dim=1)
        place = (along.squeeze(1) * PLACES).long()
        odds = self.odds[2 * first + second, place].unsqueeze(1)
        return torch.where(odds.abs() >= _CERTAIN, odds, logits + odds)

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
