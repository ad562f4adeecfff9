"""The 2017 study's GAN: V through a generator, against a discriminator of whole images."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch.nn.functional import softplus

from trendbench.generators.latent.networks import Decoder, Discriminator, latent_grid
from trendbench.generators.network.generator import NetworkGenerator
from trendbench.generators.network.images import darkness, resident
from trendbench.generators.network.layers import placed
from trendbench.generators.network.schedule import Count, Schedule, Share
from trendbench.process.triplets import Triplets
from trendbench.training.loop import Trainable


class Settings(Schedule):
    """Everything a recipe can state about the GAN.

    Attributes:
        nf: width of both networks.
        latent: numbers of V in each 16×16 px cell.
        beta1: Adam's.
    """

    nf: Count
    latent: Count
    beta1: Share


class GAN(NetworkGenerator[Settings, Decoder]):
    """V ~ U[−1, 1]ⁿ pushed through a generator, θ* = arg max_θ min_ζ L(ζ, θ).

    L(ζ, θ) = −½ [E log d_ζ(X) + E log(1 − d_ζ(g_θ(V)))] is the log loss of the discriminator d. The
    two are trained in turn: a step of Adam down L for ζ, then one up L for θ, as the study prints
    it. Images do not depend on s1 and s2.

    Args:
        **settings: the fields of ``Settings``.

    Source: Goodfellow et al., Generative adversarial nets (2014), equation 1; networks after
    Radford, Metz & Chintala (2016).
    """

    conditional: ClassVar[bool] = False
    settings_type = Settings

    def build(self, height: int, width: int) -> Decoder:
        """The generator g_θ."""
        return Decoder(self.settings.nf, self.settings.latent, latent_grid(height, width))

    def trainable(self, train: Triplets) -> Trainable:
        """Generator against discriminator."""
        return _Contest(self, train)

    def draw(self, pair: torch.Tensor) -> torch.Tensor:
        """g_θ of a fresh V; batch norm by its running averages."""
        self.network.eval()
        with self.autocast():
            return self.pushed(len(pair))

    def pushed(self, n: int) -> torch.Tensor:
        """Darkness g_θ(V), (n, 1, H, W), for n fresh V."""
        decoder = self.network
        v = torch.rand(n, decoder.latent, *decoder.grid, device=self.device) * 2 - 1
        return torch.sigmoid(decoder(v).float())


class _Contest:
    """One step of the discriminator, then one of the generator."""

    def __init__(self, model: GAN, train: Triplets) -> None:
        settings = model.settings
        self._model = model
        self._discriminator = placed(Discriminator(settings.nf, model.network.grid), model.device)
        self._real = resident(train.r, model.device)
        self._adam_g, self._adam_d = (
            torch.optim.Adam(
                network.parameters(), settings.learning_rate, (settings.beta1, 0.999), fused=True
            )
            for network in (model.network, self._discriminator)
        )
        self.parts = {
            "generator": model.network, "discriminator": self._discriminator,
            "adam_g": self._adam_g, "adam_d": self._adam_d,
        }  # fmt: skip

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """The discriminator down its log loss, then the generator up its own term."""
        real = darkness(self._real[chosen].unsqueeze(-1))
        with self._model.autocast():
            drawn = self._model.pushed(len(chosen))
            on_real = self._discriminator(real)
            on_drawn = self._discriminator(drawn.detach())
        loss_d = 0.5 * (_surprise(on_real) + _surprise(-on_drawn))
        self._adam_d.zero_grad()
        loss_d.backward()
        self._adam_d.step()

        self._discriminator.requires_grad_(False)
        with self._model.autocast():
            on_drawn = self._discriminator(drawn)
        loss_g = -0.5 * _surprise(-on_drawn)
        self._adam_g.zero_grad()
        loss_g.backward()
        self._adam_g.step()
        self._discriminator.requires_grad_(True)
        return {"d": loss_d, "g": loss_g}


def _surprise(logits: torch.Tensor) -> torch.Tensor:
    """Mean −log σ(logits)."""
    return softplus(-logits.float()).mean()
