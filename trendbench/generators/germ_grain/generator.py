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
from trendbench.generators.germ_grain.intensity import Events, depends_on_others, learned
from trendbench.generators.germ_grain.model import (
    FEATURES,
    MARKS,
    Law,
    Marked,
    Model,
    R,
    Scene,
    Shapes,
)
from trendbench.generators.germ_grain.poisson import drawn_at_once, is_poisson
from trendbench.generators.germ_grain.scenes import (
    configuration_of,
    is_falling,
    rising,
    scene_of,
    share_found,
    union_of,
)
from trendbench.generators.germ_grain.shapes import (
    MOST_SHAPES,
    found_shapes,
    shapes_of,
    stored_shapes,
)
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
_SHAPES_FROM = 3500  # training triplets, at most, in which shapes are looked for
_UNEXPLAINED = 0.1  # share of the black of r that no grain may account for
_MOST_CUTS = 1 << 23  # shapes of a stored file times the places at which the frame cuts them
_ENOUGH = 1_500_000  # grains; all rounds but the last look at as many triplets as have them
_MOST = 10_000_000  # grains in the last round
_SETTLED = 2e-3  # change of the number of grains from a round to the next
_RAISED, _RAISED_SWEEPS = 4.0, 4  # times the intensity, in sweeps from a cover on
_MATCHED = 64  # training triplets from which it is read whether images share grains
_BLOCK = 256  # triplets in memory at a time
_Few = Annotated[int, Field(ge=1, le=1 << 10)]
_Made = TypeVar("_Made")
_Mask = NDArray[np.bool_]
_Triplet = tuple[_Mask, _Mask, _Mask]
_Found = tuple[NDArray[np.float32], NDArray[np.int16], NDArray[np.int16]]


class Settings(BaseModel):
    """The model's settings.

    Attributes:
        hidden: units of each hidden layer.
        passes: over the events in each round.
        learning_rate: at its peak.
        dummies: of each training triplet.
        rounds: of learning the intensity, each from configurations drawn by that of the one before.
            There are up to twice as many, until the number of grains changes by no more than 0.2 %
            from one to the next. The last one is from all triplets, up to ten million grains, and
            only there may the intensity depend on other grains.
        bound_sweeps: of the walk that draws configurations of given images between two rounds.
        sweeps: of the walk that draws an image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    hidden: _Few
    passes: _Few
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    dummies: Annotated[int, Field(ge=1, le=1 << 16)]
    rounds: Annotated[int, Field(ge=2, le=1 << 10)]
    bound_sweeps: _Few
    sweeps: _Few


class GermGrain:
    """Images as unions of grains whose conditional intensity a small network gives.

    Shapes of grains are found among the pieces of the training images. The grains of a triplet are
    a point process, the mark of a grain being the images that have it. Its conditional intensity
    λ_k(u | X) is learned by logistic regression from configurations that cover the training
    images, which a walk draws by the intensity of the round before. r is drawn by a walk over the
    configurations that cover its inputs.

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
        """Shapes and network.

        Raises:
            RecipeError: nothing is learned yet.
        """
        if self._model is None:
            raise RecipeError("the germ–grain model draws only after fit or load: call one first")
        return self._model

    @property
    def parameters(self) -> int:
        """Numbers of the network, and a frequency of each shape once they are known."""
        h, kinds, shapes = self.settings.hidden, MARKS, 0
        if self._model:
            kinds, shapes = len(self._model.law.b3), len(self._model.shapes.areas)
        return h * (FEATURES + 1) + h * (h + 1) + kinds * (h + 1) + shapes

    def fit(self, train: Triplets, val: Triplets, run: RunContext) -> None:
        """Find the shapes, cover every image, and learn the intensity round by round.

        Raises:
            RecipeError: the black is not made of grains.
        """
        del val  # the harness watches validation samples through run.observe
        start, settings = time.monotonic(), self.settings
        height, width = train.r.shape[1:]
        with run.bar("shapes", min(len(train), _SHAPES_FROM), "triplets") as progress:
            shapes = shapes_of(
                found_shapes(_black_images(train[:_SHAPES_FROM], lambda: progress.advance(1)))
            )
        _must_hold(shapes, height, width)
        shared = (
            share_found(list(_each(train[:_MATCHED])), shapes, _generator(run.seed, "shared")) > 0.5
        )
        configurations = self._covers(train, shapes, shared, run)
        expected = round(np.mean([np.count_nonzero(c[:, 3] == R) for c in configurations]))
        fitted = settings.hidden, settings.passes, settings.learning_rate
        change = 0.0
        for number in range(2 * settings.rounds):
            if number:
                before = sum(map(len, configurations))
                configurations = self._redrawn(train, configurations, number, run)
                change = abs(sum(map(len, configurations)) / max(before, 1) - 1)
            if number + 1 == 2 * settings.rounds or (
                number + 1 >= settings.rounds and change <= _SETTLED
            ):
                break
            found = self._events(train, configurations, shapes, number, run)
            torch.manual_seed(derived_seed(run.seed, "intensity", number))
            law = learned(found, *fitted, True, run)
            self._model = Model(shapes, law, shared, expected, (height, width))
            run.observe(self, number + 1)
        configurations += self._further(train, configurations, number, run)
        found = self._events(train, configurations, shapes, "all", run)
        torch.manual_seed(derived_seed(run.seed, "others"))
        others = depends_on_others(found, *fitted, run)
        torch.manual_seed(derived_seed(run.seed, "intensity", "all"))
        law = learned(found, *fitted, not others, run)
        self._model = Model(shapes, law, shared, expected, (height, width))
        run.observe(self, number + 1)
        run.report(epochs=1, images_seen=len(configurations), seconds=time.monotonic() - start)

    def sample(self, inputs: Inputs, seed: int) -> NDArray[np.uint8]:
        """One draw of r for each pair of inputs, (n, H, W) uint8.

        Image i depends on its own inputs, i and the seed alone.

        Raises:
            RecipeError: the frame is smaller than a grain.
        """
        shapes, law, shared, expected, (height, width) = self.model
        _must_hold(shapes, *inputs.s1.shape[1:])
        larger = inputs.s1[0].size / (height * width) if len(inputs) else 1
        images = np.empty(inputs.s1.shape, dtype=np.uint8)
        at_once = is_poisson(law)

        def drawn(i: int) -> None:
            given = inputs.s1[i] == BLACK, inputs.s2[i] == BLACK
            pair, rng = rising(*given), _generator(seed, "sample", i)
            scene = scene_of(*pair, None, shapes)
            if at_once:
                black = drawn_at_once(scene, law, rng)
            else:
                found = configuration_of(*pair, None, shapes, shared, rng)
                grains = math.ceil(expected * larger)
                black, _ = walked(scene, law, found, self.settings.sweeps, grains, rng)
            images[i] = np.where(black[:, ::-1] if is_falling(*given) else black, BLACK, WHITE)

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(drawn, range(len(inputs))))
        return images

    def save(self, folder: Path) -> None:
        """Shapes and network as safetensors, settings as JSON."""
        shapes, law, shared, expected, frame = self.model
        arrays = {name: np.ascontiguousarray(part) for name, part in law._asdict().items()}
        arrays |= {
            "masks": shapes.masks.astype(np.uint8),
            "weights": shapes.weights,
            "shared": np.array([int(shared)]),
            "expected": np.array([expected]),
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
        if len(arrays["b3"]) != MARKS * (int(shapes.classes[-1]) + 1):
            raise WeightsError(f"{folder}: the weights are for other sizes of grains than theirs")
        law = Law(*(arrays[name] for name in Law._fields))
        shared, expected = bool(arrays["shared"][0]), int(arrays["expected"][0])
        model._model = Model(shapes, law, shared, expected, stored.frame)
        return model

    def _covers(
        self, train: Triplets, shapes: Shapes, shared: bool, run: RunContext
    ) -> list[Marked]:
        """Grains that cover each of the first training triplets, as many as are needed.

        Raises:
            RecipeError: more than a tenth of the black of r is in no grain.
        """

        def covered(i: int, triplet: _Triplet) -> tuple[Marked, int, int]:
            s1, s2, r = triplet
            found = configuration_of(s1, s2, r, shapes, shared, _generator(run.seed, "covers", i))
            bare = r & ~union_of(found, R, r.shape, shapes)
            return found, int(bare.sum()), int(r.sum())

        configurations, grains, bare, black = [], 0, 0, 0
        for found, lacking, total in _for_each(train, range(len(train)), covered, run, "covers"):
            configurations.append(found)
            grains, bare, black = grains + len(found), bare + lacking, black + total
            if grains >= _ENOUGH:
                break
        if bare > _UNEXPLAINED * black:
            raise RecipeError(
                f"{bare / black:.0%} of the black of the training images lies in no "
                "grain that also occurs alone: give more triplets with `trendbench make-data --n`, "
                "or take the row flow, which needs no grains"
            )
        return configurations

    def _events(
        self, train: Triplets, configurations: list[Marked], shapes: Shapes, number: object,
        run: RunContext,
    ) -> Events:  # fmt: skip
        """The events of the first training triplets, with dummies of their own in each round."""
        dummies, (height, width) = self.settings.dummies, train.r.shape[1:]

        def looked_at(i: int, triplet: _Triplet) -> _Found:
            rng = _generator(run.seed, "dummies", number, i)
            beside = scattered(dummies, height, width, shapes, rng)
            return events(scene_of(*triplet, shapes), configurations[i], beside)

        rows = range(len(configurations))
        parts = list(_for_each(train, rows, looked_at, run, "events"))
        features, sizes, marks = (np.concatenate(series) for series in zip(*parts, strict=True))
        frequency = np.bincount(shapes.classes, weights=shapes.weights) / shapes.weights.sum()
        places = (height + 2 * shapes.reach) * (width + 2 * shapes.reach)
        numbers = np.repeat(np.arange(len(parts), dtype=np.int32), [len(p[0]) for p in parts])
        return Events(features, sizes, marks, numbers, dummies * frequency / places)

    def _redrawn(
        self, train: Triplets, configurations: list[Marked], number: int, run: RunContext
    ) -> list[Marked]:
        """Other configurations of the same images."""
        shapes, law, _, _, _ = self.model

        def redrawn(i: int, triplet: _Triplet) -> Marked:
            rng = _generator(run.seed, "bound walk", number, i)
            found, sweeps = configurations[i], self.settings.bound_sweeps
            return _walked_on(scene_of(*triplet, shapes), law, found, sweeps, number == 1, rng)

        rows = range(len(configurations))
        return list(_for_each(train, rows, redrawn, run, "configurations"))

    def _further(
        self, train: Triplets, configurations: list[Marked], number: int, run: RunContext
    ) -> list[Marked]:
        """Configurations of further triplets, after as many sweeps as those known."""
        shapes, law, shared, _, _ = self.model
        sweeps, first = number * self.settings.bound_sweeps, len(configurations)
        grains = max(sum(map(len, configurations)), 1)
        stop = min(len(train), max(first, first * _MOST // grains))

        def drawn(i: int, triplet: _Triplet) -> Marked:
            rng = _generator(run.seed, "covers", i)
            found = configuration_of(*triplet, shapes, shared, rng)
            return _walked_on(scene_of(*triplet, shapes), law, found, sweeps, True, rng)

        return list(_for_each(train, range(first, stop), drawn, run, "further triplets"))


def _walked_on(
    scene: Scene, law: Law, placed: Marked, sweeps: int, from_cover: bool, rng: np.random.Generator
) -> Marked:
    """Other grains of images that are all given.

    Covers have few grains close to each other, and steps of one grain at a time leave it so. So the
    first sweeps from a cover on have a greater intensity.
    """
    if from_cover:
        raised = law._replace(b3=law.b3 + math.log(_RAISED))
        placed = walked(scene, raised, placed, _RAISED_SWEEPS, 0, rng)[1]
    return walked(scene, law, placed, sweeps, 0, rng)[1]


def _for_each(
    train: Triplets, rows: range, work: Callable[[int, _Triplet], _Made], run: RunContext,
    title: str,
) -> Iterator[_Made]:  # fmt: skip
    """``work`` of each of the triplets, s1 being the sparser input, in order and on all threads."""
    with run.bar(title, len(rows), "triplets") as bar, ThreadPoolExecutor(
        torch.get_num_threads()
    ) as pool:  # fmt: skip
        for start in range(rows.start, rows.stop, _BLOCK):
            block = train[start : min(start + _BLOCK, rows.stop)]

            def one(i: int, block: Triplets = block, start: int = start) -> _Made:
                return work(start + i, _rising(block, i))

            for made in pool.map(one, range(len(block))):
                bar.advance(1)
                yield made


def _rising(block: Triplets, i: int) -> _Triplet:
    """Black of s1, s2 and r of a triplet, s1 being the sparser input."""
    s1, s2, r = (series[i] == BLACK for series in (block.s1, block.s2, block.r))
    r = np.ascontiguousarray(r[:, ::-1] if is_falling(s1, s2) else r)
    return (*rising(s1, s2), r)


def _each(train: Triplets) -> Iterator[_Triplet]:
    return (_rising(train, i) for i in range(len(train)))


def _black_images(train: Triplets, seen: Callable[[], None]) -> Iterator[_Triplet]:
    """Black of s1, s2 and r of each triplet, a block in memory at a time."""
    for start in range(0, len(train), _BLOCK):
        block = train[start : min(start + _BLOCK, len(train))]
        for i in range(len(block)):
            seen()
            yield block.s1[i] == BLACK, block.s2[i] == BLACK, block.r[i] == BLACK


def _generator(seed: int, *names: object) -> np.random.Generator:
    return np.random.default_rng(derived_seed(seed, *names))


def _must_hold(shapes: Shapes, height: int, width: int) -> None:
    """Refuse more shapes than a file may hold, and a frame that a grain could leave on two sides.

    Raises:
        RecipeError: too many shapes, or too small a frame.
    """
    if len(shapes.areas) > MOST_SHAPES:
        raise RecipeError(
            f"{len(shapes.areas)} shapes of grains, turned and mirrored ones counted apart: "
            f"at most {MOST_SHAPES} can be; take the row flow, which needs no grains"
        )
    least = 2 * shapes.reach + 1
    if min(height, width) < least:
        raise RecipeError(
            f"grains reach over {least} px, and {width}×{height} px is too small a frame for them"
        )


def _misfit(tensors: dict[str, torch.Tensor], hidden: int, frame: tuple[int, int]) -> str | None:
    """The first tensor that is not one of a model; None where all are."""
    for name in sorted({*Law._fields, "masks", "weights", "shared", "expected"} ^ {*tensors}):
        return name
    kinds = tensors["b3"].shape[0] if tensors["b3"].ndim == 1 else 0
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (FEATURES,), "scale": (FEATURES,), "w1": (hidden, FEATURES), "b1": (hidden,),
        "w2": (hidden, hidden), "b2": (hidden,), "w3": (kinds, hidden), "b3": (kinds,),
        "shares": (3, kinds), "shared": (1,), "expected": (1,),
    }  # fmt: skip
    whole = ("shared", "expected")
    for name, shape in shapes.items():
        dtype = torch.int64 if name in whole else torch.float64
        if (tensors[name].shape, tensors[name].dtype) != (shape, dtype):
            return name
    if not 0 <= int(tensors["expected"]) <= frame[0] * frame[1]:
        return "expected"
    if not (tensors["scale"] > 0).all():
        return "scale"
    shares = tensors["shares"]
    if not (shares >= 0).all() or not ((shares.sum(dim=1) - 1).abs() < 1e-6).all():
        return "shares"
    masks, weights = tensors["masks"], tensors["weights"]
    side = masks.shape[-1] if masks.ndim == 3 else 0
    if masks.dtype != torch.uint8 or side % 2 == 0 or masks.shape[1] != side:
        return "masks"
    if len(masks) > MOST_SHAPES or side > min(frame):
        return "masks"
    if not 0 < len(masks) * (2 * side - 1) ** 2 <= _MOST_CUTS:
        return "masks"
    areas = torch.count_nonzero(masks, dim=(1, 2))
    if not areas.all() or (areas.diff() > 0).any():
        return "masks"
    if (weights.shape, weights.dtype) != (areas.shape, torch.float64):
        return "weights"
    return None if bool((weights > 0).all()) and float(weights.sum()) < 2 else "weights"
