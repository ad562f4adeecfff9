"""Decoder, encoder and discriminator: stride-2 convolutions between the image and a coarse grid.

All three halve or double the frame ``LEVELS`` times by 4×4 convolutions, as in DCGAN (Radford,
Metz & Chintala, 2016). The latent V is a grid of ``latent`` numbers for each 16×16 px cell: an
image holds hundreds of particles, and each must find room in V near the place where it is drawn.
"""

import torch
from torch import nn

from trendbench.errors import RecipeError
from trendbench.generators.network.layers import initialise

LEVELS = 4
CELL = 2**LEVELS  # px along a side of a latent cell
_INPUTS = 2  # s1 and s2


def latent_grid(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of latent cells.

    Raises:
        RecipeError: the frame is not a whole number of cells.
    """
    if height % CELL or width % CELL:
        raise RecipeError(
            f"latent cells are {CELL}×{CELL} px, which {width}×{height} px is no whole number of"
        )
    return height // CELL, width // CELL


class Encoder(nn.Module):
    """Images to a Gaussian over V: stride-2 convolutions, batch norm, LeakyReLU 0.2.

    Args:
        nf: channels of the first layer; they double at each level.
        latent: numbers in each cell of V.
        inputs: input channels.
    """

    def __init__(self, nf: int, latent: int, *, inputs: int) -> None:
        super().__init__()
        self.body = _halvings(nf, inputs)
        self.head = nn.Conv2d(nf * 2 ** (LEVELS - 1), 2 * latent, 3, padding=1)
        self.apply(initialise)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(b, inputs, H, W) to mean and log variance of V, each (b, latent, H/16, W/16)."""
        x = images
        for layer in self.body:
            x = layer(x)
        mean, log_variance = self.head(x).float().chunk(2, dim=1)
        return mean, log_variance


class Decoder(nn.Module):
    """V to logits of darkness: transposed convolutions, batch norm, ReLU.

    A trained bias for every cell gives the decoder its place along x. With ``conditional``
    a pyramid of stride-2 convolutions of (s1, s2) joins at every level.

    Args:
        nf: channels of the last hidden layer; they double towards V.
        latent: numbers in each cell of V.
        grid: rows and columns of cells.
        conditional: whether it draws for given (s1, s2).
    """

    def __init__(
        self, nf: int, latent: int, grid: tuple[int, int], *, conditional: bool = False
    ) -> None:
        super().__init__()
        widths = [nf * 2**level for level in range(LEVELS)]
        self.latent, self.grid = latent, grid
        self.pyramid = _halvings(nf, _INPUTS) if conditional else nn.ModuleList()
        joined = widths if conditional else [0] * LEVELS
        self.entry = nn.Conv2d(latent + joined[-1], widths[-1], 3, padding=1, bias=False)
        self.place = nn.Parameter(torch.zeros(widths[-1], *grid))
        self.entry_norm = nn.BatchNorm2d(widths[-1])
        up: list[nn.Module] = []
        for level in reversed(range(1, LEVELS)):
            beside = joined[level] if level < LEVELS - 1 else 0  # V's own level joined at entry
            up.append(
                nn.Sequential(
                    nn.ConvTranspose2d(
                        widths[level] + beside, widths[level - 1], 4, 2, padding=1, bias=False
                    ),
                    nn.BatchNorm2d(widths[level - 1]),
                    nn.ReLU(),
                )
            )
        self.up = nn.ModuleList(up)
        self.last = nn.ConvTranspose2d(nf + joined[0], nf, 4, 2, padding=1)
        self.exit = nn.Conv2d(nf + (_INPUTS if conditional else 0), 1, 3, padding=1)
        self.apply(initialise)

    def forward(self, v: torch.Tensor, pair: torch.Tensor | None = None) -> torch.Tensor:
        """V (b, latent, H/16, W/16), and (s1, s2) if conditional, to logits (b, 1, H, W)."""
        given: list[torch.Tensor] = []  # from fine to coarse
        for layer in self.pyramid:
            given.append(layer(given[-1] if given else pair))
        x = self.entry(torch.cat([v, *given[-1:]], dim=1))
        x = torch.relu(self.entry_norm(x) + self.place)
        for level, layer in enumerate(self.up):
            beside = given[-1 - level : -level] if level else []
            x = layer(torch.cat([x, *beside], dim=1))
        x = torch.relu(self.last(torch.cat([x, *given[:1]], dim=1)))
        if given:
            assert pair is not None
            x = torch.cat([x, pair.to(x.dtype)], dim=1)
        logits: torch.Tensor = self.exit(x)
        return logits


class Discriminator(nn.Module):
    """One logit for a whole image, which shows the trend: DCGAN's discriminator.

    Args:
        nf: channels of the first layer.
        grid: rows and columns of the cells that ``LEVELS`` halvings lead to.
        norm: whether it has batch norm, by which an image's logit depends on its batch.
    """

    def __init__(self, nf: int, grid: tuple[int, int], *, norm: bool = True) -> None:
        super().__init__()
        self.body = _halvings(nf, 1, norm=norm)
        self.head = nn.Linear(nf * 2 ** (LEVELS - 1) * grid[0] * grid[1], 1)
        self.apply(initialise)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Darkness (b, 1, H, W) to (b, 1)."""
        x = images
        for layer in self.body:
            x = layer(x)
        logits: torch.Tensor = self.head(x.flatten(1))
        return logits


def _halvings(nf: int, inputs: int, *, norm: bool = True) -> nn.ModuleList:
    """``LEVELS`` stride-2 convolutions of 4×4; batch norm, if at all, in all but the first."""
    layers = []
    for level in range(LEVELS):
        width = nf * 2**level
        normed = norm and level > 0
        convolution = nn.Conv2d(inputs, width, 4, 2, padding=1, bias=not normed)
        scaling = nn.BatchNorm2d(width) if normed else nn.Identity()
        layers.append(nn.Sequential(convolution, scaling, nn.LeakyReLU(0.2)))
        inputs = width
    return nn.ModuleList(layers)
