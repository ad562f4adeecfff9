"""Any-order autoregressive drawing: trained on random sets of known pixels, sampled in rounds."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, max_pool2d

from trendbench.errors import RecipeError
from trendbench.generators.anyorder.network import Conditional
from trendbench.generators.network import (
    NetworkGenerator,
    Parts,
    Schedule,
    darkness,
    descend,
    resident,
)
from trendbench.rendering.triplets import Triplets

_BLUR = 5  # px over which uncertainty is averaged when pixels compete


@dataclass(frozen=True, kw_only=True)
class Settings(Schedule):
    """Everything a recipe can state about the any-order network.

    Attributes:
        width, blocks, cell: of the network.
        weight_decay: of AdamW.
        warmup: share of all steps over which the learning rate rises; a cosine takes it to 0.
        averaging: decay per step of the running average of the weights that images are drawn with.
        fewest, most: share of pixels known in training, log-uniform between the two.
        rounds: passes of the network over an image, at most.
        apart: pixels drawn in one round lie further apart than this [px].
        certain: pixels whose probability is this near 0 or 1 are not drawn but rounded.

    Raises:
        ValueError: a number out of range.
    """

    width: int
    blocks: int
    cell: int
    weight_decay: float
    warmup: float
    averaging: float
    fewest: float
    most: float
    rounds: int
    apart: int
    certain: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_be_at_least(1, "width", "blocks", "cell", "rounds", "apart")
        if not 0 < self.fewest <= self.most < 1:
            raise ValueError(f"fewest, most = {self.fewest}, {self.most}: 0 < fewest ≤ most < 1")
        for name in ("warmup", "averaging", "certain"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: from 0 to below 1")


class AnyOrder(NetworkGenerator[Settings, Conditional]):
    """P(r | s1, s2) as a product over pixels, in an order that is made up as one goes.

    Every pixel of a binary image is a coin whose bias depends on the inputs and on the pixels
    known already: P(r) = Π_i P(r_{σ(i)} | r_{σ(1)}, …, r_{σ(i−1)}) for any order σ. One network
    learns all of these conditionals by log loss, from images of which a random set of pixels is
    shown. Drawing starts with none known; each round computes every pixel's probability p, lets
    the most uncertain ones that lie more than ``apart`` pixels from each other be drawn from
    theirs, and goes on until no pixel is uncertain: the rest is p rounded.

    Args:
        **settings: the fields of ``Settings``.

    Source: Uria, Murray & Larochelle, A deep and tractable density estimator (2014);
    Hoogeboom et al., Autoregressive diffusion models (2022).
    """

    extendable = False  # the learning rate's schedule ends with the last epoch
    settings_type = Settings

    def build(self, height: int, width: int) -> Conditional:
        """The network; any frame of whole pairs of cells will do."""
        settings = self.settings
        step = 2 * settings.cell
        if height % step or width % step:
            raise RecipeError(
                f"the network's grid needs sides that are multiples of {step} px, which "
                f"{width}×{height} px are not"
            )
        return Conditional(settings.width, settings.blocks, settings.cell)

    def trainable(self, train: Triplets) -> "_Learner":
        """The network, and the running average of its weights that images are drawn with."""
        return _Learner(self, train)

    def probabilities(self, pair: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """P(black) of every pixel, (b, 1, H, W), 0 or 1 where it is known."""
        with self.autocast():
            logits = self.network(pair, known)
        return torch.sigmoid(logits.float()).where(known.sum(1, keepdim=True) == 0, known[:, :1])

    def draw(self, pair: torch.Tensor) -> torch.Tensor:
        """Rounds of coins; images without an uncertain pixel left drop out.

        Every pixel has one uniform number for its coin and one to break ties, drawn beforehand:
        an image is a function of its inputs and its own numbers.
        """
        drawn = torch.zeros_like(pair[:, :1])
        coins, ties = torch.rand_like(pair).chunk(2, dim=1)
        known = torch.zeros_like(pair)
        open_ = torch.arange(len(pair), device=pair.device)
        for _ in range(self.settings.rounds):
            p = self.probabilities(pair[open_], known[open_])
            drawn[open_] = p
            chosen = self.chosen(p, ties[open_])
            black = coins[open_] < p
            told = torch.cat([chosen & black, chosen & ~black], dim=1)
            known[open_] = known[open_].masked_fill(told, 1.0)
            open_ = open_[chosen.flatten(1).any(dim=1)]
            if not len(open_):
                break
        return (drawn >= 0.5).float()

    def chosen(self, p: torch.Tensor, ties: torch.Tensor) -> torch.Tensor:
        """The pixels of a round, (b, 1, H, W) bool: the most uncertain within ``apart`` pixels.

        Uncertainty is p(1 − p) averaged over 5×5 pixels, so that the middle of a particle that may
        or may not be there comes before an outline that is merely not known to the pixel.
        """
        uncertain = (p - 0.5).abs() < 0.5 - self.settings.certain
        spread = avg_pool2d(p * (1 - p), _BLUR, stride=1, padding=_BLUR // 2)
        nothing = torch.zeros_like(p)
        first = uncertain & _highest(spread.where(uncertain, nothing), self.settings.apart)
        return first & _highest(ties.where(first, nothing), self.settings.apart)


def _highest(values: torch.Tensor, reach: int) -> torch.Tensor:
    """Where a value is the maximum over the square of ``reach`` pixels to each side."""
    window = 2 * reach + 1
    rows = max_pool2d(values, (window, 1), stride=1, padding=(reach, 0))
    return values == max_pool2d(rows, (1, window), stride=1, padding=(0, reach))


class _Learner(Parts):
    """One step down the log loss of the pixels that are not shown."""

    def __init__(self, model: AnyOrder, train: Triplets) -> None:
        settings = model.settings
        self._model = model
        self._average = model.network  # what observers see and what is saved
        self._network = copy.deepcopy(model.network)
        self._series = [resident(s, model.device) for s in (train.s1, train.s2, train.r)]
        self._adam = torch.optim.AdamW(
            self._network.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        steps = settings.epochs * math.ceil(len(train) / settings.batch)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._adam, _rise_and_fall(steps, round(settings.warmup * steps))
        )
        super().__init__(
            network=self._network, average=self._average, adam=self._adam, schedule=self._schedule
        )

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """One step of AdamW; the loss in nats a pixel. Batches are mirrored in y at random."""
        settings = self._model.settings
        triplet = darkness(torch.stack([series[chosen] for series in self._series], dim=-1))
        if torch.rand(()) < 0.5:
            triplet = triplet.flip(2)
        pair, real = triplet[:, :2], triplet[:, 2:]
        b = len(chosen)
        share = torch.rand(b, 1, 1, 1, device=real.device)
        share = settings.fewest * (settings.most / settings.fewest) ** share
        shown = torch.rand_like(real) < share
        known = torch.cat([shown & (real > 0.5), shown & (real <= 0.5)], dim=1).to(real.dtype)
        with self._model.autocast():
            logits = self._network(pair, known)
        losses = binary_cross_entropy_with_logits(logits.float(), real, reduction="none")
        loss = losses.where(~shown, torch.zeros_like(losses)).mean()
        descend(loss, self._adam)
        self._schedule.step()
        self._follow(settings.averaging)
        return {"log_loss": loss}

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        """Let the running average follow; young averages follow faster."""
        steps = self._schedule.last_epoch
        weight = 1 - min(decay, (1 + steps) / (10 + steps))
        for mean, current in zip(
            self._average.parameters(), self._network.parameters(), strict=True
        ):
            mean.lerp_(current, weight)


def _rise_and_fall(steps: int, rising: int) -> Callable[[int], float]:
    """The learning rate over its peak: linear up to step ``rising``, then half a cosine to 0."""

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))

    return factor
