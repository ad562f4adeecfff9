"""What direct sampling and annealing share: settings, trends, files, and one seed an image.

Where a task has several trends, triplet i has trend i mod their number. Each drawn image follows
one of them, drawn uniformly, and uses the training images of that trend alone.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import save as save_arrays

from trendbench.errors import RecipeError, WeightsError
from trendbench.generators.network.schedule import checked
from trendbench.generators.protocol import Inputs
from trendbench.generators.weights import read_settings, read_tensors, write_settings
from trendbench.process.images import BLACK, WHITE
from trendbench.process.triplets import Triplets
from trendbench.storage.atomic import write_bytes
from trendbench.training.context import RunContext

_LEARNED, _SETTINGS = "generator.safetensors", "settings.json"

Arrays = Mapping[str, NDArray[Any]]
Pixels = NDArray[np.uint8]  # (H, W), 1 for black
Count = Annotated[int, Field(ge=1, le=1 << 16)]


class Checked(BaseModel):
    """Base of the settings: types are strict, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Settings = TypeVar("Settings", bound=Checked)


class Pixelwise(ABC, Generic[Settings]):
    """Base of the generators that learn arrays of statistics, and draw one image after another.

    Image i of ``sample`` depends on the seed and i alone: not on s1 and s2, nor on other images.

    Args:
        **settings: the fields of ``settings_type``.

    Raises:
        ValueError: an unknown, missing or impossible setting.
    """

    conditional: ClassVar[bool] = False
    streams: ClassVar[bool] = True
    settings_type: ClassVar[type[Any]]

    def __init__(self, **settings: Any) -> None:
        self.settings: Settings = checked(self.settings_type, settings)
        self.learned: Arrays | None = None
        self._frame = (0, 0)

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Trained numbers."""

    def used_of(self, n: int) -> int:
        """How many of n training images are learned from."""
        return n

    @abstractmethod
    def learn(self, train: Triplets, trends: int) -> Arrays:
        """All that drawing needs, from the training images r of this many trends."""

    @abstractmethod
    def fits(self, learned: Arrays, height: int, width: int) -> bool:
        """Whether arrays read from a file are of the types, shapes and ranges that ``learn`` has.

        A missing array may raise KeyError.
        """

    @abstractmethod
    def draw(self, learned: Arrays, height: int, width: int, rng: np.random.Generator) -> Pixels:
        """One image."""

    def fit(self, train: Triplets, val: Triplets, run: RunContext) -> None:
        """Learn from the training images r.

        Raises:
            RecipeError: there are none.
        """
        del val
        if not len(train):
            raise RecipeError("no training triplets: statistics are taken from them")
        start = time.monotonic()
        self._frame = (train.r.shape[1], train.r.shape[2])
        self.learned = self.learn(train, len(train.spec.of_split("train").members))
        seen = self.used_of(len(train))
        run.report(epochs=0, images_seen=seen, seconds=time.monotonic() - start)

    def sample(self, inputs: Inputs, seed: int) -> NDArray[np.uint8]:
        """One image for each pair of inputs, (n, H, W) uint8.

        Raises:
            RecipeError: nothing is learned yet, or the inputs have another frame.
        """
        learned, (height, width) = self._known(), self._frame
        if inputs.s1.shape[1:] != self._frame:
            raise RecipeError(
                f"inputs of {inputs.s1.shape[2]}×{inputs.s1.shape[1]} px for statistics of "
                f"{width}×{height} px: fit the row to images of that frame"
            )
        images = np.empty(inputs.s1.shape, dtype=np.uint8)
        for i in range(len(inputs)):
            black = self.draw(learned, height, width, np.random.default_rng((seed, i)))
            images[i] = np.where(black == 1, BLACK, WHITE)
        return images

    def save(self, folder: Path) -> None:
        """What was learned as safetensors, settings as JSON."""
        write_bytes(folder / _LEARNED, save_arrays(dict(self._known())))
        write_settings(folder / _SETTINGS, self._frame, self.settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The generator that ``save`` left in a folder.

        Raises:
            WeightsError: files that are missing, damaged, or not this class's.
        """
        stored = read_settings(folder / _SETTINGS)
        try:
            generator = cls(**stored.settings)
        except (TypeError, ValueError) as error:
            raise WeightsError(f"{folder / _SETTINGS}: {error}") from None
        tensors = read_tensors(folder / _LEARNED)
        try:
            learned = {name: tensor.numpy() for name, tensor in tensors.items()}
            fits = generator.fits(learned, *stored.frame)
        except KeyError as error:
            raise WeightsError(f"{folder / _LEARNED} holds no {error}") from None
        except TypeError:  # a type that NumPy lacks, or a number where an array is due
            fits = False
        if not fits:
            raise WeightsError(f"{folder}: the arrays are not those of the settings beside them")
        generator._frame, generator.learned = stored.frame, learned
        return generator

    def _known(self) -> Arrays:
        if self.learned is None:
            raise RecipeError(f"{type(self).__name__} has learned nothing yet: fit it or load it")
        return self.learned
