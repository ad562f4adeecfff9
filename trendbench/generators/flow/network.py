"""The network: from inputs and a noisy image to the law of every pixel of the image beneath."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import avg_pool1d, pixel_shuffle, pixel_unshuffle, silu

_MAPS = 4  # s1, s2, the noisy image on two scales
_WAVES = 8  # frequencies of the noise level's embedding
_TILE = 128  # grid points along x that go through the layers together
_EMBEDDED = 64  # numbers of the noise level's embedding
_NEAR = 32  # columns from either end of a frame whose pixels are counted on their own
COLUMNS = 2 * _NEAR + 1  # and all others together
_MANY = 1 << 14  # pixels of one case without an exception: a structural zero
CERTAIN = 40.0  # log odds of a structural zero; the likelihood term stays below 20 in practice
_PLACES = 8  # cosines of the place along the trend, an input of each block


class Given(NamedTuple):
    """What is known of images before any noise, s1 being the sparser input.

    Attributes:
        pair: darkness of s1 and s2, (b, 2, H, W).
        odds: log odds of black given s1 and s2 at the same pixel, (b, 1, H, W); ±``CERTAIN``
            for a structural zero.
        along: the place of each column of pixels along the trend, 0 at s1's end and 1 at s2's,
            (b, W).
    """

    pair: torch.Tensor
    odds: torch.Tensor
    along: torch.Tensor


def cases(pair: torch.Tensor) -> torch.Tensor:
    """Number of each pixel's case: the colours of s1 and s2 there, and the distance from an end.

    Near an end r may show particles that s1 and s2 lack, whose germs lie outside of the frame, so
    columns up to 32 px from either end count separately.

    Args:
        pair: darkness of s1 and s2, (b, 2, H, W).

    Returns:
        From 0 to 4·columns − 1, (b, H, W): white, white first; white, black; black, white; black,
        black; each for all columns.
    """
    width = pair.shape[3]
    from_left = torch.arange(width, device=pair.device)
    from_right = width - 1 - from_left
    near_left, near_right = (distance.clamp(max=_NEAR) for distance in (from_left, from_right))
    column = torch.where(near_left < _NEAR, near_left, COLUMNS - 1 - near_right)
    s1, s2 = (pair >= 0.5).long().unbind(dim=1)
    return (2 * s1 + s2) * COLUMNS + column


class Denoiser(nn.Module):
    """Logits of P(pixel is black | s1, s2, the other pixels' noisy values), on a coarse grid.

    ``cell``×``cell`` pixels become the channels of one grid point, and residual blocks follow on
    that grid, on one of half its size, and on it again. Inputs of each block are the noise level
    and, point by point, the place along the trend; inputs of the last layer are the pixels again.
    There is no normalisation, so an output depends on its surroundings alone. Wide frames
    therefore go through in tiles with margins as wide as ``reach``, in the memory of one tile.

    The log odds of a pixel given s1 and s2 at the same place are counted, not learned. The output
    of the layers is added to them, except at structural zeros.

    Args:
        width: channels on the grid.
        coarse: channels on the half-size grid.
        blocks: residual blocks in each of the three parts.
        cell: pixels along a side of a grid point.
        patterns: number of classes of 3×3 patterns; their potentials, for the sweeps, start at 0.
    """

    def __init__(
        self, width: int, coarse: int, blocks: int, cell: int, *, patterns: int = 0
    ) -> None:
        super().__init__()
        self.cell = cell
        seen = _MAPS * cell**2
        self.level = nn.Sequential(nn.Linear(2 * _WAVES, _EMBEDDED), nn.SiLU())
        self.entry = nn.Conv2d(seen, width, 3, padding=1)
        self.before = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.down = nn.Conv2d(width, coarse, 2, stride=2)
        self.middle = nn.ModuleList(_Block(coarse) for _ in range(blocks))
        self.up = nn.ConvTranspose2d(coarse, width, 2, stride=2)
        self.after = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.exit = nn.Conv2d(width + seen, cell**2, 3, padding=1)
        self.odds: torch.Tensor
        self.register_buffer("odds", torch.zeros(4, COLUMNS))
        self.potentials: torch.Tensor
        self.register_buffer("potentials", torch.zeros(patterns))
        _zero(self.exit)  # at first the log odds are the counted ones and the likelihood term

    def begin_with(self, black: torch.Tensor, white: torch.Tensor) -> None:
        """Count the log odds of a pixel given s1 and s2 at the same place.

        A colour that does not occur among 16 384 pixels or more of a case is a structural zero
        from then on. A trained network would give it a probability of about 10⁻⁴ instead.

        Args:
            black: number of black training pixels by ``cases``, (4, columns).
            white: number of white ones, likewise.
        """
        odds = ((black.sum(dim=1) + 0.5) / (white.sum(dim=1) + 0.5)).log()[:, None]
        no_black = (white >= _MANY) & (black == 0)
        no_white = (black >= _MANY) & (white == 0)
        self.odds.copy_(torch.where(no_black, -CERTAIN, torch.where(no_white, CERTAIN, odds)))

    def given(self, pair: torch.Tensor) -> Given:
        """What is known of whole frames from the darkness of s1 and s2, (b, 2, H, W)."""
        b, _, _, width = pair.shape
        along = (torch.arange(width, device=pair.device) + 0.5) / width
        odds = self.odds.flatten()[cases(pair)].unsqueeze(1)
        return Given(pair, odds, along.expand(b, width))

    def forward(self, given: Given, noisy: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Logits of darkness.

        Args:
            given: of the images, or of pieces of them.
            noisy: the noisy image on two scales, each about −1 to 1, (b, 2, H, W); without noise
                ±1, and 0 where hidden.
            level: how much of it is image, about −1 to 1, (b,); 2 without noise.

        Returns:
            (b, 1, H, W).
        """
        pair, odds, along = given
        maps = pixel_unshuffle(torch.cat([pair, noisy], dim=1), self.cell)
        maps = maps.to(memory_format=torch.channels_last)
        embedded = self.level(_waves(level))
        place = _cosines(avg_pool1d(along[:, None], self.cell))
        columns = maps.shape[3]
        parts = [self._tile(maps, place, embedded, start) for start in range(0, columns, _TILE)]
        context = pixel_shuffle(torch.cat(parts, dim=3), self.cell)
        return torch.where(odds.abs() >= CERTAIN, odds, odds + context)

    def _tile(
        self, maps: torch.Tensor, place: torch.Tensor, embedded: torch.Tensor, start: int
    ) -> torch.Tensor:
        """The grid's outputs of ``_TILE`` columns from ``start`` on: (b, cell², rows, ≤ tile)."""
        left = max(start - self.reach, 0)
        maps, place = (seen[..., left : start + _TILE + self.reach] for seen in (maps, place))
        fine = _through(self.before, self.entry(maps), embedded, place)
        middle = _through(self.middle, self.down(fine), embedded, avg_pool1d(place, 2))
        fine = _through(self.after, fine + self.up(middle), embedded, place)
        seen = torch.cat([silu(fine), maps.to(fine.dtype)], dim=1)
        out: torch.Tensor = self.exit(seen)
        return out[..., start - left : start - left + _TILE]

    @property
    def reach(self) -> int:
        """Grid points to each side that an output depends on at most; even, as pairs join."""
        return 2 * (len(self.before) + 2 * len(self.middle) + len(self.after)) + 4


class _Block(nn.Module):
    """x + convolution of SiLU of (convolution of SiLU of x + linear in level and in place).

    ``says`` and ``tells`` are names in published weights.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.says = nn.Linear(_EMBEDDED, width)
        self.tells = nn.Conv1d(_PLACES, width, 1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        _zero(self.second)

    def forward(self, x: torch.Tensor, embedded: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        """(b, width, h, w), (b, numbers), (b, places, w) to (b, width, h, w); x itself at first."""
        shift = self.says(embedded)[:, :, None] + self.tells(place)
        inner = self.first(silu(x)) + shift[:, :, None]
        y: torch.Tensor = x + self.second(silu(inner))
        return y


def _zero(layer: nn.Conv2d) -> None:
    for weights in layer.parameters():
        nn.init.zeros_(weights)


def _through(
    blocks: nn.ModuleList, x: torch.Tensor, embedded: torch.Tensor, place: torch.Tensor
) -> torch.Tensor:
    for block in blocks:
        x = block(x, embedded, place)
    return x


def _waves(level: torch.Tensor) -> torch.Tensor:
    """Cosines and sines of a number about −1 to 1, (b,) to (b, 2·waves)."""
    phase = level[:, None] * torch.arange(1, _WAVES + 1, device=level.device) * (torch.pi / 2)
    return torch.cat([phase.cos(), phase.sin()], dim=1)


def _cosines(place: torch.Tensor) -> torch.Tensor:
    """cos(k·π·x), k = 1, 2, …, of places x from 0 to 1: (b, 1, w) to (b, places, w)."""
    k = torch.arange(1, _PLACES + 1, device=place.device, dtype=place.dtype)
    return (torch.pi * k[:, None] * place).cos()
