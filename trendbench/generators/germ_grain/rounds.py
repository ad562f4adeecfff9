"""How the germ–grain model is learned: shapes, covers, and the intensity round by round.

Source: Celeux & Diebolt, The SEM algorithm (1985), for rounds of configurations drawn by the
intensity of the round before.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from trendbench.errors import RecipeError
from trendbench.generators.germ_grain.intensity import Events, depends_on_others, learned
from trendbench.generators.germ_grain.model import Law, Marked, Model, R, Scene, Shapes
from trendbench.generators.germ_grain.scenes import (
    configuration_of,
    is_falling,
    rising,
    scene_of,
    share_found,
    union_of,
)
from trendbench.generators.germ_grain.shapes import found_shapes, must_hold, pieces_of, shapes_of
from trendbench.generators.germ_grain.walk import events, scattered, walked
from trendbench.process.images import BLACK
from trendbench.process.triplets import Triplets
from trendbench.training.context import RunContext
from trendbench.training.randomness import derived_seed

_SHAPES_FROM = 3500  # training triplets, at most, in which shapes are looked for
_UNEXPLAINED = 0.1  # share of the black of r that no grain may account for
_ENOUGH = 1_500_000  # grains; all rounds but the last look at as many triplets as have them
_MOST = 10_000_000  # grains in the last round
_SETTLED = 2e-3  # change of the number of grains from a round to the next
_RAISED, _RAISED_SWEEPS = (
    4.0,
    4,
)  # times the intensity, in sweeps from a cover on (no shared grains)
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


class _Training(NamedTuple):
    """What all rounds learn from."""

    train: Triplets
    shapes: Shapes
    shared: bool
    settings: Settings
    run: RunContext


def learned_models(
    train: Triplets, settings: Settings, run: RunContext
) -> Iterator[tuple[Model, int]]:
    """Find the shapes, cover every image, and learn the intensity round by round.

    Args:
        train: triplets, all of one size.
        settings: of the model.
        run: seed and progress.

    Yields:
        The model after each round, and the number of triplets it has learned from.

    Raises:
        RecipeError: the black is not made of grains, there are too many shapes of them, or the
            frame is smaller than a grain.
    """
    frame = train.r.shape[1:]
    few = train[:_SHAPES_FROM]
    with run.bar("pieces", len(few), "triplets") as progress:
        pieces, thickness = pieces_of(_black_images(few, lambda: progress.advance(1)))
    shapes = shapes_of(found_shapes(pieces, thickness, run.bar))
    must_hold(shapes, *frame)
    matched = [_rising(train, i) for i in range(min(len(train), _MATCHED))]
    shared = share_found(matched, shapes, rng_of(run.seed, "shared")) > 0.5
    training = _Training(train, shapes, shared, settings, run)
    configurations = _covers(training)
    expected = round(np.mean([np.count_nonzero(c[:, 3] == R) for c in configurations]))
    fitted = settings.hidden, settings.passes, settings.learning_rate
    number = 0
    while True:
        found = _events(training, configurations, number)
        torch.manual_seed(derived_seed(run.seed, "intensity", number))
        law = learned(found, *fitted, True, run)
        yield Model(shapes, law, shared, expected, frame), len(configurations)
        number += 1
        before = sum(map(len, configurations))
        configurations = _redrawn(training, law, configurations, number)
        change = abs(sum(map(len, configurations)) / max(before, 1) - 1)
        settled = number + 1 >= settings.rounds and change <= _SETTLED
        if settled or number + 1 == 2 * settings.rounds:
            break
    configurations += _further(training, law, configurations, number)
    found = _events(training, configurations, "all")
    torch.manual_seed(derived_seed(run.seed, "others"))
    others = depends_on_others(found, *fitted, run)
    torch.manual_seed(derived_seed(run.seed, "intensity", "all"))
    law = learned(found, *fitted, not others, run)
    yield Model(shapes, law, shared, expected, frame), len(configurations)


def _covers(training: _Training) -> list[Marked]:
    """Grains that cover each of the first training triplets, as many as are needed.

    Raises:
        RecipeError: more than a tenth of the black of r is in no grain.
    """
    train, shapes, shared, run = training.train, training.shapes, training.shared, training.run

    def covered(i: int, triplet: _Triplet) -> tuple[Marked, int, int]:
        r = triplet[2]
        found = configuration_of(*triplet, shapes, shared, rng_of(run.seed, "covers", i))
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


def _events(training: _Training, configurations: list[Marked], number: object) -> Events:
    """The events of the first training triplets, with dummies of their own in each round."""
    train, shapes, run = training.train, training.shapes, training.run
    dummies, (height, width) = training.settings.dummies, train.r.shape[1:]

    def looked_at(i: int, triplet: _Triplet) -> _Found:
        rng = rng_of(run.seed, "dummies", number, i)
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
    training: _Training, law: Law, configurations: list[Marked], number: int
) -> list[Marked]:
    """Other configurations of the same images."""
    shapes, run = training.shapes, training.run
    raised = number == 1 and not training.shared

    def redrawn(i: int, triplet: _Triplet) -> Marked:
        found, sweeps = configurations[i], training.settings.bound_sweeps
        rng = rng_of(run.seed, "bound walk", number, i)
        return walked_on(scene_of(*triplet, shapes), law, found, sweeps, raised, rng)

    rows = range(len(configurations))
    return list(_for_each(training.train, rows, redrawn, run, "configurations"))


def _further(
    training: _Training, law: Law, configurations: list[Marked], number: int
) -> list[Marked]:
    """Configurations of further triplets, after as many sweeps as those known."""
    shapes, shared, run = training.shapes, training.shared, training.run
    sweeps, first = number * training.settings.bound_sweeps, len(configurations)
    grains = max(sum(map(len, configurations)), 1)
    stop = min(len(training.train), max(first, first * _MOST // grains))

    def drawn(i: int, triplet: _Triplet) -> Marked:
        rng = rng_of(run.seed, "covers", i)
        found = configuration_of(*triplet, shapes, shared, rng)
        return walked_on(scene_of(*triplet, shapes), law, found, sweeps, not shared, rng)

    return list(_for_each(training.train, range(first, stop), drawn, run, "further triplets"))


def walked_on(
    scene: Scene, law: Law, placed: Marked, sweeps: int, raised: bool, rng: np.random.Generator
) -> Marked:
    """Other grains of images that are all given.

    Args:
        scene: the images.
        law: of the grains.
        placed: grains that cover them, (n, 4).
        sweeps: of the walk.
        raised: whether four sweeps of four times the intensity precede it. Covers have few grains
            close to each other, and steps of one grain at a time mend it slowly.
        rng: of the triplet.
    """
    if raised:
        higher = law._replace(b3=law.b3 + math.log(_RAISED))
        placed = walked(scene, higher, placed, _RAISED_SWEEPS, 0, rng)[1]
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


def _black_images(train: Triplets, seen: Callable[[], None]) -> Iterator[_Triplet]:
    """Black of s1, s2 and r of each triplet, a block in memory at a time."""
    for start in range(0, len(train), _BLOCK):
        block = train[start : min(start + _BLOCK, len(train))]
        for i in range(len(block)):
            seen()
            yield block.s1[i] == BLACK, block.s2[i] == BLACK, block.r[i] == BLACK


def rng_of(seed: int, *names: object) -> np.random.Generator:
    """Random numbers of one purpose."""
    return np.random.default_rng(derived_seed(seed, *names))
