"""The study's networks as a generator: objective, blocks of training steps, sampling."""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch.nn.functional import l1_loss

from trendbench.errors import RecipeError
from trendbench.generators.network.generator import NetworkGenerator
from trendbench.generators.network.images import darkness, resident
from trendbench.generators.network.layers import log_loss, placed
from trendbench.generators.network.schedule import Count, Schedule, Share
from trendbench.generators.network.steps import Steps
from trendbench.generators.study_2017.networks import Discriminator, EncoderDecoder
from trendbench.process.images import WHITE
from trendbench.process.triplets import Triplets
from trendbench.training.context import RunContext
from trendbench.training.loop import Trainable, Trained
from trendbench.training.loop import train as train_loop
from trendbench.training.randomness import epoch_order

_LEAST_DEPTH = 5  # below 32 px the discriminator has no output left
_DRAWN, _REAL = 1.0, 0.0  # the discriminator's labels
_OBSERVATIONS = 20  # of a whole training
_HALF = WHITE / 2


class Settings(Schedule):
    """Everything a recipe can state about the study's networks.

    ``epochs`` counts blocks, as the study's program did for its later networks: an epoch is a block
    of steps, not a pass over the training triplets.

    Attributes:
        batch: triplets a step; batch norm needs two.
        nf: width of the generator, and of the discriminator where ``discriminator_nf`` is None.
        kernel: stride-2 kernels of the decoder, 2 or 3.
        skips: whether the decoder concatenates encoder stages.
        eta: weight η of the L1 term, on images in [−1, 1].
        beta1: Adam's.
        d_steps, g_steps: of the discriminator and then of the generator in a block.
        fixed_pairing: every pass has the same triplets in the same batches. Otherwise each pass has
            an order of its own, and where the three images are independent, pairs of its own.
        discriminator_nf: its width; None takes ``nf``.
    """

    batch: Annotated[int, Field(ge=2, le=1 << 20)]
    nf: Count
    kernel: Literal[2, 3]
    skips: bool
    eta: float
    beta1: Share
    d_steps: Count
    g_steps: Count
    fixed_pairing: bool = False
    discriminator_nf: Count | None = None

    @property
    def block(self) -> int:
        """Triplets of one block."""
        return (self.d_steps + self.g_steps) * self.batch


class Study2017(NetworkGenerator[Settings, EncoderDecoder]):
    """Encoder and decoder against a discriminator, as in 2017.

    D is the probability of being drawn by G, for images in [−1, 1]. The discriminator minimises
    ½·[−log D(s1, s2, G(s1, s2)) − log(1 − D(s1′, s2′, r′))], one batch of each, which is the mean
    over both batches: ln 2 for a discriminator at chance. The generator minimises
    −log(1 − D(s1, s2, G)) + η·mean|r − G|. Both by Adam.

    Args:
        **settings: the fields of ``Settings``.
    """

    settings_type = Settings

    def build(self, height: int, width: int) -> EncoderDecoder:
        """The network that halves this frame down to one pixel.

        Raises:
            RecipeError: the frame is not a square of 2^m px, m ≥ 5.
        """
        depth = width.bit_length() - 1
        if height != width or width != 2**depth or depth < _LEAST_DEPTH:
            raise RecipeError(
                f"the study's networks halve a square frame down to one pixel, which {width}×"
                f"{height} px does not allow: 32, 64, 128, 256, … px; pix2pix-8 takes more frames"
            )
        settings = self.settings
        return EncoderDecoder(settings.nf, depth, kernel=settings.kernel, skips=settings.skips)

    @property
    def images_an_epoch(self) -> int:
        """Triplets of an epoch, which is a block here."""
        return self.settings.block

    def trainable(self, train: Triplets) -> "_Contest":
        """Generator against discriminator."""
        return _Contest(self, train)

    def trained(self, trainable: Trainable, n: int, run: RunContext) -> Trained:
        """Train for ``epochs`` blocks."""
        settings = self.settings
        every = -(-settings.epochs // _OBSERVATIONS)

        def after_block(block: int) -> None:
            if block % every == 0 or block == settings.epochs:
                run.observe(self, block)

        return train_loop(
            trainable,
            settings.block,
            batch=settings.batch,
            epochs=settings.epochs,
            run=run,
            after_epoch=after_block,
            rows_of=lambda block: rows_of_block(
                block, settings.block, n, run.seed, fixed=settings.fixed_pairing
            ),
            logged=1,
        )

    def draw(self, pair: torch.Tensor) -> torch.Tensor:
        """One pass in evaluation mode: running averages, no dropout; grey is 127.5·G + 127.5.

        The fraction of a grey level is cut off, as in the study's program.
        """
        network = self.network
        network.eval()
        with self.autocast():
            drawn = network(signed(pair))
        return 1.0 - torch.floor(_HALF * drawn + _HALF) / WHITE


class _Contest:
    """Generator against discriminator: one step of either, by the place in the block."""

    def __init__(self, model: Study2017, train: Triplets) -> None:
        settings = model.settings
        self._model = model
        self._generator = model.network
        width = settings.discriminator_nf or settings.nf
        self._discriminator = placed(Discriminator(width), model.device)
        self._series = [resident(s, model.device) for s in (train.s1, train.s2, train.r)]
        self._n = len(train)
        one_trend = len(train.spec.of_split("train").members) == 1
        self._paired_anew = train.spec.is_independent and one_trend and not settings.fixed_pairing
        self._adam_g, self._adam_d = (
            torch.optim.Adam(
                network.parameters(), settings.learning_rate, (settings.beta1, 0.999), fused=True
            )
            for network in (self._generator, self._discriminator)
        )
        self._steps = Steps()
        self.parts = {
            "generator": self._generator, "discriminator": self._discriminator,
            "adam_g": self._adam_g, "adam_d": self._adam_d, "steps": self._steps,
        }  # fmt: skip

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """One step of the discriminator or of the generator."""
        settings = self._model.settings
        place = self._steps.done % (settings.d_steps + settings.g_steps)
        self._steps.done += 1
        real = self._triplets(chosen)
        if place >= settings.d_steps:
            return self._generate(real)
        others = torch.randint(self._n, chosen.shape, device=chosen.device)
        return self._discriminate(real, self._triplets(others)[:, :2])

    def _discriminate(self, real: torch.Tensor, pair: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """A step of the discriminator on true triplets, and on what is drawn for other inputs."""
        self._generator.eval()
        with torch.no_grad(), self._model.autocast():
            drawn = self._generator(pair)
        self._generator.train()
        both = torch.cat([torch.cat([pair, drawn], dim=1), real])
        with self._model.autocast():
            on_drawn, on_real = self._discriminator(both).chunk(2)
        loss = 0.5 * (log_loss(on_drawn, _DRAWN) + log_loss(on_real, _REAL))
        self._adam_d.zero_grad()
        loss.backward()
        self._adam_d.step()
        return {"d": loss}

    def _generate(self, real: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """A step of the generator, with dropout and the statistics of its batch."""
        pair = real[:, :2]
        self._discriminator.requires_grad_(False)
        with self._model.autocast():
            drawn = self._generator(pair)
            logits = self._discriminator(torch.cat([pair, drawn], dim=1))
        adversarial = log_loss(logits, _REAL)
        l1 = l1_loss(drawn, real[:, 2:])
        self._adam_g.zero_grad()
        (adversarial + self._model.settings.eta * l1).backward()
        self._adam_g.step()
        self._discriminator.requires_grad_(True)
        return {"g_adv": adversarial, "l1": l1}

    def _triplets(self, rows: torch.Tensor) -> torch.Tensor:
        """(s1, s2, r) of these rows, (b, 3, H, W) in [−1, 1]."""
        s1, s2, r = (series[rows] for series in self._series)
        if self._paired_anew:  # three independent images of one trend are a triplet in any pairing
            r = r[torch.randperm(len(r), device=r.device)]
        return signed(darkness(torch.stack([s1, s2, r], dim=-1)))


def signed(dark: torch.Tensor) -> torch.Tensor:
    """Darkness in [0, 1] to [−1, 1] with white = +1."""
    return 1.0 - 2.0 * dark


def rows_of_block(block: int, size: int, n: int, seed: int, *, fixed: bool) -> NDArray[np.int64]:
    """Rows of a block: a stretch of the passes over n triplets, laid end to end.

    Args:
        block: its number.
        size: rows of a block.
        n: training triplets.
        seed: of the orders.
        fixed: whether every pass has the order of the first.

    Returns:
        Row numbers below n, (size,).
    """
    first, last = block * size, (block + 1) * size
    passes = range(first // n, -(-last // n))
    orders = [epoch_order(n, seed, 0 if fixed else one) for one in passes]
    start = first - passes.start * n
    return np.concatenate(orders)[start : start + size]
