"""A generator that is one trained network: fitted, drawn from, saved and loaded alike."""

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as save_tensors
from torch import nn

from trendbench.errors import RecipeError, WeightsError
from trendbench.generators.protocol import Inputs
from trendbench.generators.weights import must_fit, read_settings, read_tensors
from trendbench.rendering.disks import WHITE
from trendbench.rendering.triplets import Triplets
from trendbench.storage.atomic import write_bytes, write_text
from trendbench.training.context import RunContext, read_report
from trendbench.training.device import keep_freed_memory
from trendbench.training.loop import Trainable
from trendbench.training.loop import train as train_loop
from trendbench.training.one_batch import sum_gradients, weighed
from trendbench.training.randomness import derived_seed

_WEIGHTS, _SETTINGS = "generator.safetensors", "settings.json"
_WEIGHT_SPREAD = 0.02
_MOST_IMAGES = 1 << 20  # of a batch, and passes over them
_USUAL_FRAME = (256, 256)  # (height, width) that parameters are counted for before fitting


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What every trained network's recipe states.

    Attributes:
        learning_rate: of the optimiser.
        batch: images per step, in training and in sampling.
        epochs: passes over the training triplets.

    Raises:
        ValueError: a number out of range.
    """

    learning_rate: float
    batch: int
    epochs: int

    def __post_init__(self) -> None:
        for field in fields(self):
            if not _is_of(getattr(self, field.name), str(field.type)):
                raise ValueError(f"{field.name} = {getattr(self, field.name)!r}: not {field.type}")
        self.must_lie(1, _MOST_IMAGES, "batch", "epochs")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate = {self.learning_rate}: above 0")

    def must_lie(self, least: float, most: float, *names: str) -> None:
        """Refuse settings of these names outside of [least, most].

        The upper end keeps foreign settings from asking for hours and all memory.
        """
        for name in names:
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} = {getattr(self, name)}: from {least} to {most}")


def _is_of(value: Any, kind: str) -> bool:
    """Whether a setting's value is of its field's type; whole numbers pass for finite floats."""
    kind = kind.removeprefix("<class '").removesuffix("'>")
    if kind.endswith(" | None"):
        return value is None or _is_of(value, kind.removesuffix(" | None"))
    if kind == "bool" or isinstance(value, bool):
        return kind == "bool" and isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int)
    return isinstance(value, int | float) and math.isfinite(value)


Settings = TypeVar("Settings", bound=Schedule)
Network = TypeVar("Network", bound=nn.Module)


class NetworkGenerator(ABC, Generic[Settings, Network]):
    """Base of the generators whose knowledge is the weights of one network.

    A family states its settings, builds the network, says how it is trained and how it draws.

    Args:
        **settings: the fields of ``settings_type``.

    Raises:
        TypeError: an unknown or missing setting.
        ValueError: a setting out of range.
    """

    extendable = True
    shares_batches = True
    settings_type: ClassVar[type[Any]]

    def __init__(self, **settings: Any) -> None:
        self.settings: Settings = self.settings_type(**settings)
        self.device = torch.device("cpu")
        self.precision = "fp32"
        self._network: Network | None = None
        self._frame = _USUAL_FRAME

    @abstractmethod
    def build(self, height: int, width: int) -> Network:
        """The untrained network for images of this size.

        Raises:
            RecipeError: the network cannot draw such images.
        """

    @abstractmethod
    def trainable(self, train: Triplets) -> Trainable:
        """What a training step changes, ``self.network`` being part of it."""

    @abstractmethod
    def draw(self, pair: torch.Tensor) -> torch.Tensor:
        """Darkness (b, 1, H, W) for the darkness of (s1, s2), (b, 2, H, W).

        Randomness comes from torch's own generators, which ``sample`` has seeded.
        """

    @property
    def network(self) -> Network:
        """The network on its device.

        Raises:
            RecipeError: there is none yet.
        """
        if self._network is None:
            raise RecipeError(f"{type(self).__name__} has no weights yet: fit it or load them")
        return self._network

    @property
    def parameters(self) -> int:
        """Trained numbers, as 256² images need them where the network is not yet built."""
        return parameter_count(self._network or self.build(*_USUAL_FRAME))

    def fit(self, train: Triplets, val: Triplets, run: RunContext) -> None:
        """Train on the triplets, going on from the run's last checkpoint."""
        del val  # the harness watches validation samples through run.observe
        keep_freed_memory()
        torch.manual_seed(derived_seed(run.seed, "weights"))
        height, width = train.r.shape[1:]
        self.use(self.build(height, width), (height, width), run.device, run.precision)
        trained = train_loop(
            self.trainable(train),
            len(train),
            batch=self.settings.batch,
            epochs=self.settings.epochs,
            run=run,
            after_epoch=lambda epoch: run.observe(self, epoch),
        )
        start = time.monotonic()
        self.conclude(train, run)
        if told := read_report(run.folder):
            seconds = trained + time.monotonic() - start
            run.report(seconds=seconds, epochs=told.epochs, images_seen=told.images_seen)

    def conclude(self, train: Triplets, run: RunContext) -> None:
        """What is learned once the network is trained; nothing unless a family says so.

        It begins anew where it was interrupted.
        """

    def sample(self, inputs: Inputs, seed: int) -> NDArray[np.uint8]:
        """Draw r for each (s1, s2), batch by batch.

        What is random follows from ``seed`` and the place in ``inputs``; torch's own random state
        is left as it was.

        Raises:
            RecipeError: the network was trained for another frame, and is not one for any.
        """
        self._must_draw(*inputs.s1.shape[1:])
        keep_freed_memory()
        images = np.empty(inputs.s1.shape, dtype=np.uint8)
        devices = [self.device] if self.device.type == "cuda" else []
        batch = self.settings.batch
        network = self.network
        with torch.random.fork_rng(devices), torch.no_grad():
            for start in range(0, len(inputs), batch):
                rows = slice(start, start + batch)
                torch.manual_seed(derived_seed(seed, "sample", start))
                pair = torch.from_numpy(np.stack([inputs.s1[rows], inputs.s2[rows]], axis=-1))
                drawn = self.draw(darkness(pair.to(self.device)))
                grey = WHITE * (1.0 - drawn.float().squeeze(1))
                images[rows] = grey.round().to(torch.uint8).cpu().numpy()
        network.train()
        return images

    def _must_draw(self, height: int, width: int) -> None:
        """Refuse a frame for which ``build`` makes another network than the one at hand."""
        if (height, width) == self._frame:
            return
        with torch.device("meta"):
            outline = self.build(height, width).state_dict()
        own = self.network.state_dict()
        if {k: w.shape for k, w in outline.items()} != {k: w.shape for k, w in own.items()}:
            trained = f"{self._frame[1]}×{self._frame[0]}"
            raise RecipeError(
                f"the weights are for images of {trained} px and cannot draw {width}×{height} px"
            )

    def save(self, folder: Path) -> None:
        """Weights as safetensors, settings as JSON."""
        weights = {name: w.contiguous().cpu() for name, w in self.network.state_dict().items()}
        write_bytes(folder / _WEIGHTS, save_tensors(weights))
        stored = {
            "frame": list(self._frame),
            "device": self.device.type,
            "precision": self.precision,
            "settings": asdict(self.settings),
        }
        write_text(folder / _SETTINGS, json.dumps(stored, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The generator that ``save`` left in a folder, on a device of the kind it was fitted on.

        Where there is no such device, on the CPU.

        Raises:
            WeightsError: files that are missing, damaged, or not this class's.
        """
        stored = read_settings(folder / _SETTINGS)
        try:
            generator = cls(**stored.settings)
            with torch.device("meta"):  # shapes alone, so that settings cannot ask for memory
                outline = generator.build(*stored.frame)
        except (TypeError, ValueError, OverflowError, RuntimeError, RecipeError) as error:
            raise WeightsError(f"{folder / _SETTINGS}: {str(error).splitlines()[0]}") from None
        height, width = stored.frame
        tensors = read_tensors(folder / _WEIGHTS)
        must_fit(outline, tensors, folder)
        network = generator.build(height, width)
        network.load_state_dict(tensors)
        device = stored.device if _is_there(stored.device) else "cpu"
        generator.use(network, (height, width), device, stored.precision)
        return generator

    def use(self, network: Network, frame: tuple[int, int], device: str, precision: str) -> None:
        """Draw with this network, built for a frame of (height, width), from now on."""
        self.device, self.precision, self._frame = torch.device(device), precision, frame
        self._network = placed(network, self.device)

    def autocast(self) -> torch.autocast:
        """The context in which the networks run: bf16 products where the run asked for them."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")


class Parts:
    """Networks and optimisers by name, as one state: what a ``Trainable`` saves and resumes."""

    def __init__(self, **parts: Any) -> None:
        self.parts: Mapping[str, Any] = parts

    def state_dict(self) -> dict[str, Any]:
        """The state of every part."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put every part back."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])


def _is_there(device: str) -> bool:
    """Whether this machine has a device of that kind."""
    if device == "mps":
        return bool(torch.backends.mps.is_available())
    return device != "cuda" or torch.cuda.is_available()


def darkness(images: torch.Tensor) -> torch.Tensor:
    """uint8 (b, H, W, channels) to darkness in [0, 1], (b, channels, H, W) channels-last."""
    return (1.0 - images.float() / WHITE).permute(0, 3, 1, 2)


def resident(series: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Training images (n, H, W) uint8 on the device, for the whole of the training."""
    return torch.from_numpy(series).to(device)


def placed(network: Network, device: torch.device) -> Network:
    """The network on a device, its kernels laid out channels-last."""
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def initialise(module: nn.Module) -> None:
    """Weights N(0, 0.02), batch-norm gains N(1, 0.02), biases 0, as DCGAN and pix2pix have them.

    Of shapes alone (device ``meta``) nothing is drawn: torch would import for a second to do so.
    """
    if any(weights.is_meta for weights in module.parameters(recurse=False)):
        return
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, _WEIGHT_SPREAD)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, _WEIGHT_SPREAD)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def parameter_count(network: nn.Module) -> int:
    """Number of trained numbers."""
    return sum(weights.numel() for weights in network.parameters())


def descend(loss: torch.Tensor, *optimisers: torch.optim.Optimizer) -> None:
    """One step of the optimisers down the gradient of the batch's mean loss.

    Args:
        loss: the mean over this process's rows.
        *optimisers: of the weights to be changed.
    """
    for optimiser in optimisers:
        optimiser.zero_grad(set_to_none=True)
    weighed(loss).backward()  # type: ignore[no-untyped-call]
    for optimiser in optimisers:
        sum_gradients(optimiser)
        optimiser.step()
