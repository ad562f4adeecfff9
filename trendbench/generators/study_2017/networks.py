"""The two networks of the study: an encoder with its decoder, and a discriminator.

Both take images in [−1, 1] with white = +1. ``same`` padding is Keras's: a stride-2 convolution of
an even side pads one row below and one column on the right, and nothing before.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import dropout, leaky_relu, pad

_WIDEST = 8  # channels grow to nf·8
_SLOPE = 0.2  # of every LeakyReLU
_DROPOUT_STAGES = 2
_EPSILON = 1e-3
_MOMENTUM = 0.01  # the share of a new batch in the running averages; Keras states 0.99


class EncoderDecoder(nn.Module):
    """(s1, s2) to r through a bottleneck of one pixel, for frames of side 2^depth.

    Encoder: depth − 1 convolutions 3×3 of stride 2, channels nf·(1, 2, 4, 8, 8, …), then one of 2×2
    that leaves a single pixel. Decoder: transposed convolutions, 2×2 of stride 1 first, then
    ``kernel`` × ``kernel`` of stride 2; channels mirror the encoder's; tanh at the end. Batch norm
    follows every convolution but the last, LeakyReLU 0.2 every batch norm, dropout ½ the first two
    up stages. A skip concatenates the batch norm's output of the mirrored encoder stage, before its
    LeakyReLU.

    Args:
        nf: channels of the first stage.
        depth: log2 of the frame's side, at least 2.
        kernel: side of the decoder's stride-2 kernels, 2 or 3.
        skips: concatenate each encoder stage to the decoder stage of its size.
        inputs: input channels.
    """

    def __init__(
        self, nf: int, depth: int, *, kernel: int = 2, skips: bool = True, inputs: int = 2
    ) -> None:
        super().__init__()
        self.skips = skips
        widths = [nf * min(2**level, _WIDEST) for level in range(depth)]
        down: list[nn.Module] = [Halving(i, o) for i, o in pairwise([inputs, *widths[:-1]])]
        self.down = nn.ModuleList([*down, nn.Conv2d(widths[-2], widths[-1], 2)])
        self.down_norms = nn.ModuleList(BatchNorm(width) for width in widths)
        up: list[nn.Module] = [nn.ConvTranspose2d(widths[-1], widths[-2], 2)]
        joined = 2 if skips else 1
        for inside, outside in zip(widths[-2::-1], [*widths[-3::-1], 1], strict=True):
            up.append(Doubling(joined * inside, outside, kernel))
        self.up = nn.ModuleList(up)
        self.up_norms = nn.ModuleList(BatchNorm(width) for width in widths[-2::-1])
        self.apply(_initialise)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, inputs, 2^depth, 2^depth) to (b, 1, 2^depth, 2^depth), both in [−1, 1]."""
        encoded = []
        for convolution, norm in zip(self.down, self.down_norms, strict=True):
            x = leaky_relu(norm(convolution(x)), _SLOPE)
            encoded.append(x)
        encoded.pop()  # the bottleneck has no mirror
        for stage, (transposed, norm) in enumerate(zip(self.up[:-1], self.up_norms, strict=True)):
            x = norm(transposed(x))
            if stage < _DROPOUT_STAGES:
                x = dropout(x, 0.5, self.training)
            # The study concatenates before LeakyReLU and applies it to both: the same values.
            x = leaky_relu(x, _SLOPE)
            if self.skips:
                x = torch.cat([x, encoded.pop()], dim=1)
        return torch.tanh(self.up[-1](x).float())


class Discriminator(nn.Module):
    """Logits of (s1, s2, image) being drawn by the generator, one for each of side/32 squared.

    Five convolutions 3×3 of stride 2, channels nf·(1, 2, 4, 8) and 1, LeakyReLU 0.2 between them,
    no batch norm: 8×8 logits for 256 px, each of a receptive field of 63 px.
    """

    def __init__(self, nf: int, *, inputs: int = 3) -> None:
        super().__init__()
        widths = [inputs, nf, 2 * nf, 4 * nf, 8 * nf, 1]
        self.stages = nn.ModuleList(Halving(i, o) for i, o in pairwise(widths))
        self.apply(_initialise)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, inputs, H, W) to (b, 1, H/32, W/32)."""
        x = self.stages[0](x)
        for stage in self.stages[1:]:
            x = stage(leaky_relu(x, _SLOPE))
        return x


class Halving(nn.Conv2d):
    """3×3 convolution of stride 2 that halves an even side, padded after only."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, inputs, 2H, 2W) to (b, outputs, H, W)."""
        return super().forward(pad(x, (0, 1, 0, 1)))


class Doubling(nn.ConvTranspose2d):
    """Transposed convolution of stride 2 that doubles the side; what a 3×3 one adds is cut off."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, stride=2)

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """(b, inputs, H, W) to (b, outputs, 2H, 2W)."""
        height, width = x.shape[2:]
        return super().forward(x, output_size)[:, :, : 2 * height, : 2 * width]


class BatchNorm(nn.BatchNorm2d):
    """Batch norm whose running variance averages the batches' biased variances, as in Keras.

    torch averages the unbiased ones: n/(n − 1) times as large for n values a channel, which at the
    bottleneck is the number of images in the batch.
    """

    running_var: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=_EPSILON, momentum=_MOMENTUM)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, width, H, W), normalised; running averages move in training mode."""
        if not self.training:
            return super().forward(x)
        kept = (1 - _MOMENTUM) * self.running_var
        y = super().forward(x)
        n = x.numel() // x.shape[1]
        self.running_var = kept + (self.running_var - kept) * ((n - 1) / n)
        return y


def _initialise(module: nn.Module) -> None:
    """Glorot-uniform kernels and zero biases, as Keras has them; nothing for shapes alone."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and not module.weight.is_meta:
        nn.init.xavier_uniform_(module.weight)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
