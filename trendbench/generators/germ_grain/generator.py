"""The germ–grain model: shapes found in images, and a learned conditional intensity."""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import save as save_arrays

from trendbench.errors import RecipeError, WeightsError
from trendbench.generators.germ_grain.cover import paint
from trendbench.generators.germ_grain.intensity import Events, learned
from trendbench.generators.germ_grain.model import FEATURES, Model, Networks, Shapes
from trendbench.generators.germ_grain.scenes import (
    Configuration,
    bordering,
    configuration_of,
    is_falling,
    offered_by,
    rising,
    scene_of,
)
from trendbench.generators.germ_grain.shapes import found_shapes, shapes_of, stored_shapes
from trendbench.generators.germ_grain.walk import events, scattered, walked
from trendbench.generators.network.schedule import checked
from trendbench.generators.protocol import Inputs
from trendbench.generators.weights import read_settings, read_tensors, write_settings
from trendbench.process.images import BLACK, WHITE
from trendbench.process.triplets import Triplets
from trendbench.storage.atomic import write_bytes
from trendbench.training.context import RunContext
from trendbench.training.randomness import derived_seed

_WEIGHTS, _SETTINGS = "generator.safetensors", "settings.json"
_SHAPES_FROM = 1500  # training triplets, at most, in which shapes are looked for
_UNEXPLAINED = 0.1  # share of the black of r that no grain may account for
_MOST_CUTS = 1 << 23  # shapes of a stored file times the places at which the frame cuts them
_BLOCK = 256  # triplets in memory at a time
_Few = Annotated[int, Field(ge=1, le=1 << 10)]
_Made = TypeVar("_Made")
_Mask = NDArray[np.bool_]
_Triplet = tuple[_Mask, _Mask, _Mask]
_Found = tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.bool_]]


class Settings(BaseModel):
    """The model's settings.

    Attributes:
        hidden: units of each hidden layer.
        passes: over the events in each round.
        learning_rate: at its peak.
        dummies: of each training image.
        rounds: of learning the intensity, each from configurations drawn by that of the one before.
        bound_sweeps: of the walk that draws the grains beneath others between two rounds.
        sweeps: of the walk that draws an image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    hidden: _Few
    passes: _Few
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    dummies: Annotated[int, Field(ge=1, le=1 << 16)]
    rounds: _Few
    bound_sweeps: _Few
    sweeps: _Few


class GermGrain:
    """Images as unions of grains whose conditional intensity a small network gives.

    Shapes of grains are found among the pieces of the training images. Every image is covered by
    them. The grains of r given its inputs are a point process: the conditional intensity
    λ(g, u | X, s1, s2) of a new grain, and the odds that r has a grain of its inputs, are learned
    by logistic regression. An image is drawn by a walk over configurations.

    Args:
        **settings: the fields of ``Settings``.

    Raises:
        ValueError: an unknown, missing or impossible setting.

    Source: Chiu, Stoyan, Kendall & Mecke, Stochastic geometry and its applications (2013), for
    germ–grain models; Baddeley et al., Logistic regression for spatial Gibbs point processes
    (2014).
    """

    conditional: ClassVar[bool] = True

    def __init__(self, **settings: Any) -> None:
        self.settings: Settings = checked(Settings, settings)
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """Shapes and networks.

        Raises:
            RecipeError: nothing is learned yet.
        """
        if self._model is None:
            raise RecipeError("the germ–grain model draws only after fit or load: call one first")
        return self._model

    @property
    def parameters(self) -> int:
        """Numbers of both networks, and a frequency of each shape once they are known."""
        h = self.settings.hidden
        networks = 2 * (h * (FEATURES + 1) + h * (h + 1) + h + 1)
        return networks + (len(self._model.shapes.areas) if self._model else 0)

    def fit(self, train: Triplets, val: Triplets, run: RunContext) -> None:
        """Find the shapes, cover every image, and learn the intensity round by round.

        Raises:
            RecipeError: the black is not made of grains.
        """
        del val  # the harness watches validation samples through run.observe
        start, settings = time.monotonic(), self.settings
        height, width = train.r.shape[1:]
        with run.bar("shapes", 3 * min(len(train), _SHAPES_FROM), "images") as progress:
            shapes = shapes_of(
                found_shapes(_black_images(train[:_SHAPES_FROM], lambda: progress.advance(1)))
            )
        _must_hold(shapes, height, width)
        configurations, borders = self._configurations(train, shapes, run)
        expected = round(np.mean([len(c.new) for c in configurations]))
        for number in range(settings.rounds):
            if number:
                configurations = self._redrawn(train, configurations, number, run)
            found = self._events(train, configurations, shapes, borders, number, run)
            torch.manual_seed(derived_seed(run.seed, "intensity", number))
            networks = learned(found, settings.hidden, settings.passes, settings.learning_rate, run)
            self._model = Model(shapes, networks, expected, borders, (height, width))
            run.observe(self, number + 1)
        run.report(epochs=1, images_seen=len(train), seconds=time.monotonic() - start)

    def sample(self, inputs: Inputs, seed: int) -> NDArray[np.uint8]:
        """One draw of r for each pair of inputs, (n, H, W) uint8.

        Image i depends on its own inputs, i and the seed alone.

        Raises:
            RecipeError: the frame is smaller than a grain.
        """
        shapes, networks, expected, borders, (height, width) = self.model
        _must_hold(shapes, *inputs.s1.shape[1:])
        larger = inputs.s1[0].size / (height * width) if len(inputs) else 1
        images = np.empty(inputs.s1.shape, dtype=np.uint8)

        def drawn(i: int) -> None:
            given = inputs.s1[i] == BLACK, inputs.s2[i] == BLACK
            pair, rng = rising(*given), _generator(seed, "sample", i)
            offered = offered_by(*pair, shapes, rng)
            scene = scene_of(*pair, offered, shapes, borders)
            none = np.zeros(len(offered.placed), dtype=bool), np.empty((0, 3), dtype=np.int32)
            black, _, _ = walked(
                scene, networks, *none, self.settings.sweeps, math.ceil(expected * larger), rng,
                False,
            )  # fmt: skip
            images[i] = np.where(black[:, ::-1] if is_falling(*given) else black, BLACK, WHITE)

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(drawn, range(len(inputs))))
        return images

    def save(self, folder: Path) -> None:
        """Shapes and networks as safetensors, settings as JSON."""
        shapes, networks, expected, borders, frame = self.model
        arrays = dict(zip(Networks._fields, map(np.ascontiguousarray, networks), strict=True))
        arrays |= {
            "masks": shapes.masks.astype(np.uint8),
            "weights": shapes.weights,
            "expected": np.array([expected]),
            "borders": np.array(borders),
        }
        write_bytes(folder / _WEIGHTS, save_arrays(arrays))
        write_settings(folder / _SETTINGS, frame, self.settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that ``save`` left in a folder.

        Raises:
            WeightsError: files that are missing, damaged, or not this class's.
        """
        stored = read_settings(folder / _SETTINGS)
        try:
            model = cls(**stored.settings)
        except ValueError as error:
            raise WeightsError(f"{folder / _SETTINGS}: {str(error).splitlines()[0]}") from None
        tensors = read_tensors(folder / _WEIGHTS)
        wrong = _misfit(tensors, model.settings.hidden, stored.frame)
        if wrong:
            raise WeightsError(
                f"{folder}: the weights are not those of the settings beside them ({wrong!r:.80})"
            )
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        shapes = stored_shapes(arrays["masks"] > 0, arrays["weights"])
        networks = Networks(*(arrays[name] for name in Networks._fields))
        expected, (free, held) = int(arrays["expected"][0]), map(int, arrays["borders"])
        model._model = Model(shapes, networks, expected, (free, held), stored.frame)
        return model

    def _configurations(
        self, train: Triplets, shapes: Shapes, run: RunContext
    ) -> tuple[list[Configuration], tuple[int, int]]:
        """The grains of every training triplet, and the columns at borders.

        Raises:
            RecipeError: more than a tenth of the black of r is in no grain.
        """

        def covered(i: int, triplet: _Triplet) -> tuple[Configuration, int, int, int, int]:
            del i
            found = configuration_of(*triplet, shapes)
            union = np.zeros_like(triplet[2])
            paint(union, found.offered.placed[found.kept], shapes)
            paint(union, found.new, shapes)
            r = triplet[2]
            bare, black = np.count_nonzero(r & ~union), np.count_nonzero(r)
            free, held = bordering(r, triplet[1]), bordering(triplet[0], r)
            return found, int(bare), int(black), free, held

        found, bare, black, free, held = zip(*_for_each(train, covered, run, "covers"), strict=True)
        if sum(bare) > _UNEXPLAINED * sum(black):
            raise RecipeError(
                f"{sum(bare) / sum(black):.0%} of the black of the training images lies in no "
                "grain that also occurs alone: give more triplets with `trendbench make-data --n`, "
                "or take the row flow, which needs no grains"
            )
        return list(found), (max(free), max(held))

    def _events(
        self, train: Triplets, configurations: list[Configuration], shapes: Shapes,
        borders: tuple[int, int],
        number: int, run: RunContext,
    ) -> Events:  # fmt: skip
        """The events of all training triplets, with dummies of their own in each round."""
        dummies, (height, width) = self.settings.dummies, train.r.shape[1:]

        def looked_at(i: int, triplet: _Triplet) -> _Found:
            offered, kept, new = configurations[i]
            rng = _generator(run.seed, "dummies", number, i)
            beside = scattered(dummies, height, width, shapes, rng)
            return events(scene_of(*triplet[:2], offered, shapes, borders), kept, new, beside)

        parts = list(_for_each(train, looked_at, run, "events"))
        density = dummies / ((height + 2 * shapes.reach) * (width + 2 * shapes.reach))
        return Events(
            np.concatenate([features for features, _, _ in parts]),
            np.concatenate([which for _, which, _ in parts]),
            np.concatenate([is_there for _, _, is_there in parts]),
            density,
        )

    def _redrawn(
        self, train: Triplets, configurations: list[Configuration], number: int, run: RunContext
    ) -> list[Configuration]:
        """Configurations of the same images, with grains beneath others."""
        shapes, networks, expected, borders, _ = self.model
        sweeps = self.settings.bound_sweeps

        def redrawn(i: int, triplet: _Triplet) -> Configuration:
            offered, kept, new = configurations[i]
            scene = scene_of(*triplet[:2], offered, shapes, borders)
            rng = _generator(run.seed, "bound walk", number, i)
            _, kept, new = walked(scene, networks, kept, new, sweeps, expected, rng, True)
            return Configuration(offered, kept, new)

        return list(_for_each(train, redrawn, run, "hidden grains"))


def _for_each(
    train: Triplets, work: Callable[[int, _Triplet], _Made], run: RunContext,
    title: str,
) -> Iterator[_Made]:  # fmt: skip
    """``work`` of each triplet, s1 being the sparser input, in order and on all threads."""
    with run.bar(title, len(train), "triplets") as bar, ThreadPoolExecutor(
        torch.get_num_threads()
    ) as pool:  # fmt: skip
        for start in range(0, len(train), _BLOCK):
            block = train[start : min(start + _BLOCK, len(train))]

            def one(i: int, block: Triplets = block, start: int = start) -> _Made:
                s1, s2, r = (series[i] == BLACK for series in (block.s1, block.s2, block.r))
                r = np.ascontiguousarray(r[:, ::-1] if is_falling(s1, s2) else r)
                return work(start + i, (*rising(s1, s2), r))

            for made in pool.map(one, range(len(block))):
                bar.advance(1)
                yield made


def _black_images(train: Triplets, seen: Callable[[], None]) -> Iterator[_Mask]:
    """Black of s1, s2 and r of each triplet, a block in memory at a time."""
    for start in range(0, len(train), _BLOCK):
        block = train[start : min(start + _BLOCK, len(train))]
        for series in (block.s1, block.s2, block.r):
            for image in series:
                seen()
                yield image == BLACK


def _generator(seed: int, *names: object) -> np.random.Generator:
    return np.random.default_rng(derived_seed(seed, *names))


def _must_hold(shapes: Shapes, height: int, width: int) -> None:
    """Refuse a frame that a grain could leave on two sides at once."""
    least = 2 * shapes.reach + 1
    if min(height, width) < least:
        raise RecipeError(
            f"grains reach over {least} px, and {width}×{height} px is too small a frame for them"
        )


def _misfit(tensors: dict[str, torch.Tensor], hidden: int, frame: tuple[int, int]) -> str | None:
    """The first tensor that is not one of a model; None where all are."""
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (2, FEATURES), "scale": (2, FEATURES), "w1": (2, hidden, FEATURES),
        "b1": (2, hidden), "w2": (2, hidden, hidden), "b2": (2, hidden), "w3": (2, hidden),
        "b3": (2,), "expected": (1,), "borders": (2,),
    }  # fmt: skip
    for name in sorted({*shapes, "masks", "weights"} ^ {*tensors}):
        return name
    for name, shape in shapes.items():
        whole = name in ("expected", "borders")
        kind = torch.int64 if whole else torch.float64
        if (tensors[name].shape, tensors[name].dtype) != (shape, kind):
            return name
        area = frame[0] * frame[1]
        if whole and not ((tensors[name] >= 0) & (tensors[name] <= area)).all():
            return name
    if not (tensors["scale"] > 0).all():
        return "scale"
    masks, weights = tensors["masks"], tensors["weights"]
    side = masks.shape[-1] if masks.ndim == 3 else 0
    if masks.dtype != torch.uint8 or side % 2 == 0 or masks.shape[1] != side:
        return "masks"
    if not 0 < len(masks) * (2 * side - 1) ** 2 <= _MOST_CUTS or side > min(frame):
        return "masks"
    areas = torch.count_nonzero(masks, dim=(1, 2))
    if not areas.all() or (areas.diff() > 0).any():
        return "masks"
    if (weights.shape, weights.dtype) != (areas.shape, torch.float64):
        return "weights"
    return None if bool((weights > 0).all()) and float(weights.sum()) < 2 else "weights"
