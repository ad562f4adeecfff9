"""A generator that is one trained network: fitted, drawn from, saved and loaded alike."""

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as save_tensors

from trendbench.errors import RecipeError, WeightsError
from trendbench.generators.network.images import darkness, grey
from trendbench.generators.network.layers import Network, parameter_count, placed
from trendbench.generators.network.schedule import Settings, checked
from trendbench.generators.protocol import Inputs
from trendbench.generators.weights import must_fit, read_settings, read_tensors, write_settings
from trendbench.process.triplets import Triplets
from trendbench.storage.atomic import write_bytes
from trendbench.training.context import RunContext
from trendbench.training.device import keep_freed_memory
from trendbench.training.loop import Trainable, Trained
from trendbench.training.loop import train as train_loop
from trendbench.training.randomness import derived_seed

_WEIGHTS, _SETTINGS = "generator.safetensors", "settings.json"
_USUAL_FRAME = (256, 256)  # (height, width) that parameters are counted for before fitting


class NetworkGenerator(ABC, Generic[Settings, Network]):
    """Base of the generators that are the weights of one network.

    A family states its settings, and how the network is built, trained and drawn from.

    Args:
        **settings: the fields of ``settings_type``.

    Raises:
        ValueError: an unknown, missing or impossible setting.
    """

    extendable = True
    streams = True
    settings_type: ClassVar[type[Any]]

    def __init__(self, **settings: Any) -> None:
        self.settings: Settings = checked(self.settings_type, settings)
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
        trained = self.trained(self.trainable(train), len(train), run)
        start = time.monotonic()
        self.conclude(train, run)
        run.report(
            seconds=trained.seconds + time.monotonic() - start,
            epochs=trained.images_seen / len(train),
            images_seen=trained.images_seen,
        )

    def trained(self, trainable: Trainable, n: int, run: RunContext) -> Trained:
        """Train: by default ``epochs`` passes over the n training images."""
        return train_loop(
            trainable,
            n,
            batch=self.settings.batch,
            epochs=self.settings.epochs,
            run=run,
            after_epoch=lambda epoch: run.observe(self, epoch),
        )

    def conclude(self, train: Triplets, run: RunContext) -> None:
        """Estimate what is left once the network is trained; by default nothing.

        An interrupted call is repeated from its start.
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
                images[rows] = grey(self.draw(darkness(pair.to(self.device))))
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
        write_settings(
            folder / _SETTINGS, self._frame, self.settings,
            device=self.device.type, precision=self.precision,
        )  # fmt: skip

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


def _is_there(device: str) -> bool:
    """Whether this machine has a device of that kind."""
    if device == "mps":
        return bool(torch.backends.mps.is_available())
    return device != "cuda" or torch.cuda.is_available()
