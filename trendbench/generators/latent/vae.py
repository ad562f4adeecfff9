"""Variational autoencoders: the basic neural approach of the 2017 study."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from trendbench.generators.latent.networks import Decoder, Encoder, latent_grid
from trendbench.generators.network.generator import NetworkGenerator
from trendbench.generators.network.images import darkness, resident
from trendbench.generators.network.layers import placed
from trendbench.generators.network.schedule import Count, Schedule
from trendbench.process.triplets import Triplets

_INPUTS = 2


class Settings(Schedule):
    """Everything a recipe can state about an autoencoder.

    Attributes:
        nf: width of both networks.
        latent: numbers of V in each 16×16 px cell.
    """

    nf: Count
    latent: Count


class VAE(NetworkGenerator[Settings, Decoder]):
    """V ~ N(0, 1), pixels Bernoulli with probabilities g_θ(V): the law P_θ of r alone.

    Training maximises the evidence lower bound on log P_θ(r),
    E_{V ~ Q(V | r)} log P_θ(r | V) − KL(Q(V | r) ‖ N(0, 1)), Q being Gaussian with the mean and
    variance that an encoder gives. Sampling draws V, then each pixel from its Bernoulli law.

    Args:
        **settings: the fields of ``Settings``.

    Source: Kingma & Welling, Auto-encoding variational Bayes (2014).
    """

    conditional: ClassVar[bool] = False
    settings_type = Settings

    def build(self, height: int, width: int) -> Decoder:
        """The decoder g_θ."""
        grid = latent_grid(height, width)
        return Decoder(self.settings.nf, self.settings.latent, grid, conditional=self.conditional)

    def trainable(self, train: Triplets) -> "_Autoencoder":
        """Encoder and decoder together."""
        return _Autoencoder(self, train)

    def draw(self, pair: torch.Tensor) -> torch.Tensor:
        """V from its prior, then every pixel from its Bernoulli law: darkness 0 or 1."""
        decoder = self.network.eval()
        v = torch.randn(len(pair), decoder.latent, *decoder.grid, device=pair.device)
        with self.autocast():
            logits = decoder(v, pair if self.conditional else None)
        return torch.bernoulli(torch.sigmoid(logits.float()))


class ConditionalVAE(VAE):
    """The same given (s1, s2): encoder and decoder both see them.

    Source: Sohn, Lee & Yan, Learning structured output representation using deep conditional
    generative models (2015).
    """

    conditional = True


class _Autoencoder:
    """One step up the evidence lower bound."""

    def __init__(self, model: VAE, train: Triplets) -> None:
        settings = model.settings
        inputs = 1 + (_INPUTS if model.conditional else 0)
        self._model = model
        self._decoder = model.network
        self._encoder = placed(Encoder(settings.nf, settings.latent, inputs=inputs), model.device)
        self._series = [resident(s, model.device) for s in (train.r, train.s1, train.s2)[:inputs]]
        self._adam = torch.optim.Adam(
            [*self._encoder.parameters(), *self._decoder.parameters()],
            settings.learning_rate,
            fused=True,
        )
        self.parts = {"encoder": self._encoder, "decoder": self._decoder, "adam": self._adam}

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """One step of Adam; losses in nats a pixel."""
        seen = darkness(torch.stack([series[chosen] for series in self._series], dim=-1))
        real, pair = seen[:, :1], seen[:, 1:]
        with self._model.autocast():
            mean, log_variance = self._encoder(seen)
            v = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            logits = self._decoder(v, pair if self._model.conditional else None)
        misfit = binary_cross_entropy_with_logits(logits.float(), real)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1.0 - log_variance)
        kl = divergence.sum() / real.numel()
        self._adam.zero_grad()
        (misfit + kl).backward()
        self._adam.step()
        return {"misfit": misfit, "kl": kl}
