"""pix2pix as a generator: its objective, its training step, how it samples."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from trendbench.errors import RecipeError
from trendbench.generators.pix2pix.networks import PatchGAN, UNet, parameter_count, placed
from trendbench.generators.protocol import Inputs
from trendbench.rendering.disks import WHITE
from trendbench.rendering.triplets import Triplets
from trendbench.storage.atomic import write_bytes, write_text
from trendbench.training.context import RunContext
from trendbench.training.device import keep_freed_memory
from trendbench.training.loop import train as train_loop
from trendbench.training.randomness import derived_seed

_WEIGHTS, _SETTINGS = "generator.safetensors", "settings.json"
_LEAST_DEPTH = 5  # below 32 px the discriminator has no patch left


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a recipe can state about pix2pix.

    Attributes:
        nf: width of both networks.
        kernel: kernels of the generator, 4 or 3; the discriminator keeps 4.
        skips: whether the generator concatenates encoder layers.
        eta: weight η of the L1 term, on darkness in [0, 1].
        learning_rate, beta1: Adam's.
        batch: images per step.
        epochs: passes over the training triplets.

    Raises:
        ValueError: a number out of range.
    """

    nf: int
    kernel: int
    skips: bool
    eta: float
    learning_rate: float
    beta1: float
    batch: int
    epochs: int

    def __post_init__(self) -> None:
        if self.kernel not in (3, 4):
            raise ValueError(f"kernel = {self.kernel}: 3 or 4")
        for name in ("nf", "batch", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: at least 1")


class Pix2Pix:
    """U-Net generator against a PatchGAN discriminator.

    The discriminator D minimises ½·[−log D(s1, s2, r) − log(1 − D(s1, s2, G))], the generator G
    the non-saturating −log D(s1, s2, G) + η·|r − G|₁, both by Adam.

    Args:
        **settings: the fields of ``Settings``.
    """

    extendable = True

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**settings)
        self._network: UNet | None = None
        self._device = torch.device("cpu")
        self._precision = "fp32"

    @property
    def parameters(self) -> int:
        """Trained numbers of the generator network, as 256² images need it where not yet built."""
        return parameter_count(self._network or self._build(256, 256))

    def fit(self, train: Triplets, val: Triplets, run: RunContext) -> None:
        """Train on the triplets, going on from the run's last checkpoint."""
        del val  # the harness watches validation samples through run.observe
        keep_freed_memory()
        torch.manual_seed(derived_seed(run.seed, "weights"))
        self._use(self._build(*train.r.shape[1:]), run.device, run.precision)
        contest = _Contest(self, train)
        train_loop(
            contest,
            len(train),
            batch=self.settings.batch,
            epochs=self.settings.epochs,
            run=run,
            after_epoch=lambda epoch: run.observe(self, epoch),
        )

    def sample(self, inputs: Inputs, seed: int) -> NDArray[np.uint8]:
        """Draw r for each (s1, s2), batch by batch as in training.

        Dropout stays on and batch norm uses the statistics of the batch it sees, as in the
        pix2pix paper; the dropout masks follow from ``seed`` and the place in ``inputs``.
        """
        network = self._network
        if network is None:
            raise RecipeError("pix2pix has no weights yet: fit it or load them")
        network.train()
        images = np.empty(inputs.s1.shape, dtype=np.uint8)
        devices = [self._device] if self._device.type == "cuda" else []
        batch = self.settings.batch
        with torch.random.fork_rng(devices), torch.no_grad():
            for start in range(0, len(inputs), batch):
                rows = slice(start, start + batch)
                torch.manual_seed(derived_seed(seed, "sample", start))
                pair = torch.from_numpy(np.stack([inputs.s1[rows], inputs.s2[rows]], axis=-1))
                with self.autocast():
                    drawn = network(darkness(pair.to(self._device)))
                grey = WHITE * (1.0 - drawn.float().squeeze(1))
                images[rows] = grey.round().to(torch.uint8).cpu().numpy()
        return images

    def save(self, folder: Path) -> None:
        """Weights as safetensors, settings as JSON."""
        if self._network is None:
            raise RecipeError("pix2pix has no weights yet: fit it first")
        weights = {name: w.contiguous().cpu() for name, w in self._network.state_dict().items()}
        write_bytes(folder / _WEIGHTS, save_tensors(weights))
        stored = {
            "depth": len(self._network.down),
            "device": self._device.type,
            "precision": self._precision,
            "settings": asdict(self.settings),
        }
        write_text(folder / _SETTINGS, json.dumps(stored, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The generator that ``save`` left in a folder, on a device of the kind it was fitted on.

        Where there is no such device, on the CPU.
        """
        stored = json.loads((folder / _SETTINGS).read_text())
        generator = cls(**stored["settings"])
        depth = stored["depth"]
        network = generator._build(2**depth, 2**depth)
        network.load_state_dict(load_file(folder / _WEIGHTS))
        device = stored["device"]
        if device == "cuda" and not torch.cuda.is_available():
            device = "cpu"
        generator._use(network, device, stored["precision"])
        return generator

    def autocast(self) -> torch.autocast:
        """The context in which the networks run: bf16 products where the run asked for them."""
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._precision == "bf16")

    def _build(self, height: int, width: int) -> UNet:
        depth = min(height, width).bit_length() - 1
        if depth < _LEAST_DEPTH or height % 2**depth or width % 2**depth:
            raise RecipeError(
                f"pix2pix halves the image down to one pixel, which {width}×{height} px does not "
                "allow: the smaller side must be a power of two, 32 or more, and divide the larger"
            )
        return UNet(self.settings.nf, depth, kernel=self.settings.kernel, skips=self.settings.skips)

    def _use(self, network: UNet, device: str, precision: str) -> None:
        self._device, self._precision = torch.device(device), precision
        self._network = placed(network, self._device)


def darkness(images: torch.Tensor) -> torch.Tensor:
    """uint8 (b, H, W, channels) to darkness in [0, 1], (b, channels, H, W) channels-last."""
    return (1.0 - images.float() / WHITE).permute(0, 3, 1, 2)


class _Contest:
    """Generator against discriminator: one training step, and all that it changes."""

    def __init__(self, model: Pix2Pix, train: Triplets) -> None:
        assert model._network is not None
        settings = model.settings
        self._model = model
        self._generator = model._network
        device = model._device
        self._judge = placed(PatchGAN(settings.nf), device)
        self._series = [torch.from_numpy(s).to(device) for s in (train.s1, train.s2, train.r)]
        self._adam_g, self._adam_d = (
            torch.optim.Adam(
                network.parameters(), settings.learning_rate, (settings.beta1, 0.999), fused=True
            )
            for network in (self._generator, self._judge)
        )

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """One step of the discriminator, then one of the generator."""
        triplet = darkness(torch.stack([series[chosen] for series in self._series], dim=-1))
        pair, real = triplet[:, :2], triplet[:, 2:]
        with self._model.autocast():
            drawn = self._generator(pair)
            on_real = self._judge(triplet)
            on_drawn = self._judge(torch.cat([pair, drawn.detach()], dim=1))
        loss_d = 0.5 * (_says(on_real, 1.0) + _says(on_drawn, 0.0))
        _descend(loss_d, self._adam_d)

        self._judge.requires_grad_(False)
        with self._model.autocast():
            on_drawn = self._judge(torch.cat([pair, drawn], dim=1))
        adversarial = _says(on_drawn, 1.0)
        l1 = l1_loss(drawn.float(), real)
        _descend(adversarial + self._model.settings.eta * l1, self._adam_g)
        self._judge.requires_grad_(True)
        return {"d": loss_d, "g_adv": adversarial, "l1": l1}

    def state_dict(self) -> dict[str, Any]:
        """Both networks and both optimisers."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put all four back."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        return {
            "generator": self._generator, "discriminator": self._judge,
            "adam_g": self._adam_g, "adam_d": self._adam_d,
        }  # fmt: skip


def _says(logits: torch.Tensor, truth: float) -> torch.Tensor:
    """Log loss of logits whose true answer is ``truth`` everywhere."""
    logits = logits.float()
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, truth))


def _descend(loss: torch.Tensor, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
