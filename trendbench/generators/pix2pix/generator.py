"""pix2pix as a generator: its objective, its training step, how it samples."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch.nn.functional import l1_loss

from trendbench.errors import RecipeError
from trendbench.generators.network.generator import NetworkGenerator
from trendbench.generators.network.images import darkness, resident
from trendbench.generators.network.layers import log_loss, placed
from trendbench.generators.network.schedule import Count, Positive, Schedule, Share
from trendbench.generators.pix2pix.networks import PatchGAN, UNet
from trendbench.process.triplets import Triplets

_LEAST_DEPTH = 5  # below 32 px the discriminator has no patch left


class Settings(Schedule):
    """Everything a recipe can state about pix2pix.

    Attributes:
        nf: width of the generator, and of the discriminator where ``judge_nf`` is None.
        kernel: kernels of the generator, 4 or 3; the discriminator keeps 4.
        skips: whether the generator concatenates encoder layers.
        eta: weight η of the L1 term, on darkness in [0, 1].
        beta1: Adam's.
        depth: halvings of the generator; None goes down to one pixel.
        judge_learning_rate: the discriminator's; None takes the generator's.
        judge_nf: width of the discriminator; None takes ``nf``.
    """

    nf: Count
    kernel: Literal[3, 4]
    skips: bool
    eta: float
    beta1: Share
    depth: Annotated[int, Field(ge=2, le=32)] | None = None
    judge_learning_rate: Positive | None = None
    judge_nf: Count | None = None


class Pix2Pix(NetworkGenerator[Settings, UNet]):
    """U-Net generator against a PatchGAN discriminator.

    The discriminator D minimises ½·[−log D(s1, s2, r) − log(1 − D(s1, s2, G))], the generator G
    the non-saturating −log D(s1, s2, G) + η·|r − G|₁, both by Adam.

    Args:
        **settings: the fields of ``Settings``.
    """

    settings_type = Settings

    def build(self, height: int, width: int) -> UNet:
        """The U-Net, as deep as the smaller side allows where the recipe does not say."""
        deepest = min(height, width).bit_length() - 1
        depth = self.settings.depth or deepest
        if deepest < _LEAST_DEPTH or depth > deepest or height % 2**depth or width % 2**depth:
            raise RecipeError(
                f"pix2pix halves the image {depth} times, which {width}×{height} px does not "
                f"allow: both sides must be multiples of {2**depth} px, 32 px or more"
            )
        return UNet(self.settings.nf, depth, kernel=self.settings.kernel, skips=self.settings.skips)

    def trainable(self, train: Triplets) -> "_Contest":
        """Generator against discriminator."""
        return _Contest(self, train)

    def draw(self, pair: torch.Tensor) -> torch.Tensor:
        """One pass of the U-Net.

        Dropout stays on and batch norm uses the statistics of the batch it sees, as in the
        pix2pix paper.
        """
        network = self.network
        network.train()
        with self.autocast():
            return network(pair)  # type: ignore[no-any-return]


class _Contest:
    """Generator against discriminator: one training step, and all that it changes."""

    def __init__(self, model: Pix2Pix, train: Triplets) -> None:
        settings = model.settings
        self._model = model
        self._generator = model.network
        self._discriminator = placed(PatchGAN(settings.judge_nf or settings.nf), model.device)
        self._series = [resident(s, model.device) for s in (train.s1, train.s2, train.r)]
        rates = settings.learning_rate, settings.judge_learning_rate or settings.learning_rate
        self._adam_g, self._adam_d = (
            torch.optim.Adam(network.parameters(), rate, (settings.beta1, 0.999), fused=True)
            for network, rate in zip((self._generator, self._discriminator), rates, strict=True)
        )
        self.parts = {
            "generator": self._generator, "discriminator": self._discriminator,
            "adam_g": self._adam_g, "adam_d": self._adam_d,
        }  # fmt: skip

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """One step of the discriminator, then one of the generator."""
        triplet = darkness(torch.stack([series[chosen] for series in self._series], dim=-1))
        pair, real = triplet[:, :2], triplet[:, 2:]
        with self._model.autocast():
            drawn = self._generator(pair)
            on_real = self._discriminator(triplet)
            on_drawn = self._discriminator(torch.cat([pair, drawn.detach()], dim=1))
        loss_d = 0.5 * (log_loss(on_real, 1.0) + log_loss(on_drawn, 0.0))
        self._adam_d.zero_grad()
        loss_d.backward()
        self._adam_d.step()

        self._discriminator.requires_grad_(False)
        with self._model.autocast():
            on_drawn = self._discriminator(torch.cat([pair, drawn], dim=1))
        adversarial = log_loss(on_drawn, 1.0)
        l1 = l1_loss(drawn.float(), real)
        self._adam_g.zero_grad()
        (adversarial + self._model.settings.eta * l1).backward()
        self._adam_g.step()
        self._discriminator.requires_grad_(True)
        return {"d": loss_d, "g_adv": adversarial, "l1": l1}
