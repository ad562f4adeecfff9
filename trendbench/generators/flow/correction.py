"""The network that corrects the log odds of a single pixel by all other pixels around it."""

import torch
from torch import nn
from torch.nn.functional import silu

REACH = 10  # px from the hidden pixel to each side of its window
_NEAR = slice(REACH - 3, REACH + 4)  # of a window's rows and columns, 7×7 px
UNCERTAIN = 8.0  # log odds, a chance of 3·10⁻⁴, beyond which a pixel is set and not drawn


class Correction(nn.Module):
    """l ↦ l·(1 + a) + b with (a, b) a function of l and of the window around a pixel; 0 at first.

    Three convolutions take the window from 21×21 px to 3×3. Three layers follow; the first also
    gets the 7×7 px in the middle as they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 5, stride=2)
        self.second = nn.Conv2d(32, 32, 3)
        self.third = nn.Conv2d(32, 64, 3, stride=2)
        self.join = nn.Linear(64 * 9 + 3 * 49 + 2, 64)
        self.inner = nn.Linear(64, 64)
        self.exit = nn.Linear(64, 2)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)

    def forward(self, seen: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """The corrected log odds, (m,).

        Args:
            seen: s1, s2 and r around each pixel, ±1, 0 outside of the frame and for the pixel of r
                in the middle, (m, 3, 21, 21).
            logits: the log odds given a quarter hidden, (m,).
        """
        wide = self.third(silu(self.second(silu(self.first(seen)))))
        near = seen[:, :, _NEAR, _NEAR].flatten(1)
        own = torch.stack([torch.tanh(logits / 3), logits / UNCERTAIN], dim=1)
        joined = torch.cat([silu(wide).flatten(1), near.to(wide.dtype), own.to(wide.dtype)], dim=1)
        turn, shift = self.exit(silu(self.inner(silu(self.join(joined))))).float().unbind(dim=1)
        corrected: torch.Tensor = logits * (1 + turn) + shift
        return corrected
