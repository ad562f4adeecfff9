"""The two networks: a U-Net that draws and a PatchGAN that discriminates."""

import torch
from torch import nn

from trendbench.generators.network.layers import initialise

_DROPOUT_BLOCKS = 3
_WIDEST = 8  # channels grow to nf·8


class UNet(nn.Module):
    """An encoder of log2(W) stride-2 convolutions, and a decoder that mirrors it.

    Channels nf·(1, 2, 4, 8, 8, …); batch norm except in the first layer and the bottleneck;
    LeakyReLU 0.2 on the way down, ReLU on the way up; dropout ½ in the first three up blocks;
    a sigmoid gives darkness in [0, 1].

    Args:
        nf: channels of the first layer.
        depth: number of halvings, log2(W), at least 2.
        kernel: side of every kernel, 4 or 3.
        skips: concatenate each encoder layer to the decoder layer of its size.
        inputs: input channels.
    """

    def __init__(
        self, nf: int, depth: int, *, kernel: int = 4, skips: bool = True, inputs: int = 2
    ) -> None:
        super().__init__()
        self.skips = skips
        padding = (kernel - 1) // 2
        widths = [nf * min(2**level, _WIDEST) for level in range(depth)]
        down, up = [], []
        for level, width in enumerate(widths):
            normed = 0 < level < depth - 1
            convolution = nn.Conv2d(
                inputs if level == 0 else widths[level - 1],
                width, kernel, stride=2, padding=padding, bias=not normed,
            )  # fmt: skip
            activation = nn.LeakyReLU(0.2) if level else nn.Identity()
            norm = _batch_norm(width) if normed else nn.Identity()
            down.append(nn.Sequential(activation, convolution, norm))
        for block in range(depth):
            last = block == depth - 1
            inside = widths[depth - 1 - block]
            width = 1 if last else widths[depth - 2 - block]
            transposed = nn.ConvTranspose2d(
                2 * inside if skips and block else inside,
                width, kernel, stride=2, padding=padding,
                output_padding=2 + 2 * padding - kernel, bias=last,
            )  # fmt: skip
            norm = nn.Identity() if last else _batch_norm(width)
            dropout = nn.Dropout(0.5) if block < _DROPOUT_BLOCKS and not last else nn.Identity()
            up.append(nn.Sequential(transposed, norm, dropout))
        self.down = nn.ModuleList(down)
        self.up = nn.ModuleList(up)
        self.apply(initialise)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, inputs, H, W) darkness to (b, 1, H, W) darkness."""
        encoded = []
        for layer in self.down:
            x = layer(x)
            encoded.append(x)
        for block, layer in enumerate(self.up):
            # ReLU before the concatenation, not after it: the same values, but gradients come
            # back dense, which batch norm's backward pass is several times faster on.
            x = torch.relu(x)
            if self.skips and block:
                x = torch.cat([x, torch.relu(encoded[-1 - block])], dim=1)
            x = layer(x)
        return torch.sigmoid(x)


class PatchGAN(nn.Sequential):
    """A discriminator of overlapping 70×70 patches of (s1, s2, image), one logit each.

    Three stride-2 and two stride-1 convolutions of 4×4, channels nf·(1, 2, 4, 8) and 1; batch
    norm in the middle three; LeakyReLU 0.2. Images of 256 px give 30×30 logits.
    """

    def __init__(self, nf: int, *, inputs: int = 3) -> None:
        layers: list[nn.Module] = []
        widths = [nf, 2 * nf, 4 * nf, 8 * nf]
        for level, width in enumerate(widths):
            normed = level > 0
            stride = 2 if level < 3 else 1
            layers.append(nn.Conv2d(inputs, width, 4, stride, padding=1, bias=not normed))
            if normed:
                layers.append(_batch_norm(width))
            layers.append(nn.LeakyReLU(0.2))
            inputs = width
        layers.append(nn.Conv2d(inputs, 1, 4, 1, padding=1))
        super().__init__(*layers)
        self.apply(initialise)


def _batch_norm(width: int) -> nn.BatchNorm2d:
    """Batch norm by the statistics of the batch at hand, in training and in sampling alike."""
    return nn.BatchNorm2d(width, track_running_stats=False)
