"""The checks, in the order in which they are made. Each returns its reading or raises.

A check marked ``needed`` ends the test where it fails: the later ones have nothing to look at.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trendbench.conformance.calls import MOOT, OTHER_SEED, SEED, Trial, disturb
from trendbench.conformance.findings import DoubtError, FaultError, MootError
from trendbench.conformance.pickles import pickled
from trendbench.conformance.watch import REACHES, watched_inputs
from trendbench.generators.protocol import (
    Inputs,
    is_conditional,
    is_privileged,
)
from trendbench.metrics.grey import DARKEST, LIGHTEST, MOST_GREY
from trendbench.runner.guard import call, must_follow_protocol

_MOSTLY_BLACK = 0.5
_SHOWN = 3


@dataclass(frozen=True)
class Check:
    """One check: its name, what it does, and whether the later ones need it."""

    name: str
    look: Callable[[Trial], str]
    needed: bool = False


def _protocol(trial: Trial) -> str:
    reference = trial.recipe.generator
    must_follow_protocol(trial.model_class, reference)
    return f"{reference} has fit, sample, save, load"


def _constructor(trial: Trial) -> str:
    parameters = getattr(trial.build(), "parameters", None)
    if callable(parameters):
        raise DoubtError(
            "parameters is a method, so the board's column stays empty: make it a @property"
        )
    if parameters is not None and not isinstance(parameters, int):
        raise DoubtError(
            f"parameters is {type(parameters).__name__}, so the board's column stays empty: make "
            "it an int, the number of trained numbers"
        )
    return "takes its recipe's keywords"


def _fit(trial: Trial) -> str:
    trial.shown = trial.fit()
    return f"learned from {len(trial.train)} triplets on {trial.plan.device}"


def _sample(trial: Trial) -> str:
    inputs = trial.inputs(trial.test)
    disturb(2)
    drawn = trial.sample(inputs, SEED)
    for name in ("s1", "s2"):
        if not np.array_equal(getattr(inputs, name), getattr(trial.test, name)):
            raise FaultError(
                f"sample changed inputs.{name}: draw into a copy, as the scores look at the inputs "
                "afterwards"
            )
    trial.images = drawn.copy()
    if (drawn < 128).mean() > _MOSTLY_BLACK:
        raise DoubtError(
            "more than half of all pixels are black: a particle is 0 and the background 255"
        )
    grey = float(((drawn >= DARKEST) & (drawn <= LIGHTEST)).mean())
    if grey > MOST_GREY:
        raise DoubtError(
            f"{grey:.0%} of the pixels are grey: a particle is 0 and the background 255, and the "
            "card's flag grey takes the rank"
        )
    return f"{drawn.shape} uint8, {drawn.min()} … {drawn.max()}"


def _same_seed(trial: Trial) -> str:
    disturb(3)
    again = trial.sample(trial.inputs(trial.test), SEED)
    differ = float((again != trial.images).mean())
    trial.repeats = not differ
    if differ:
        raise FaultError(
            f"a second call with the same inputs and seed gave other images ({differ:.2%} of the "
            "pixels): draw everything random from the seed that sample is given"
        )
    return "the same images again"


def _other_seed(trial: Trial) -> str:
    if not trial.repeats:
        raise MootError(MOOT)
    disturb(4)
    if np.array_equal(trial.sample(trial.inputs(trial.test), OTHER_SEED), trial.images):
        raise DoubtError(
            "the same images for another seed: right for a generator without randomness, whose "
            "diversity then scores 0; if yours is random, the seed is not used"
        )
    return "other images"


def _looks_at_inputs(trial: Trial) -> str:
    if not trial.repeats:
        raise MootError(MOOT)
    disturb(5)
    same = np.array_equal(trial.sample(trial.inputs(trial.val), SEED), trial.images)
    if is_conditional(trial.model_class):
        if same:
            raise DoubtError(
                "the same images for other inputs: if the class looks at neither s1 nor s2, it "
                "should say conditional = False"
            )
        return "other inputs, other images"
    if not same and is_privileged(trial.model_class):
        return "other latents and targets, other images"
    if not same:
        raise FaultError(
            "the class says conditional = False, and its images change with the inputs: leave "
            "that line out, or do not look at them"
        )
    return "not looked at, as conditional = False says"


def _one_pair(trial: Trial) -> str:
    inputs = trial.inputs(trial.test)
    latent = inputs.latent[:1] if inputs.latent is not None else None
    target = inputs.target[:1] if inputs.target is not None else None
    one = watched_inputs(Inputs(inputs.s1[:1], inputs.s2[:1], latent, target))
    return f"{trial.sample(one, SEED).shape}"


def _training_data(trial: Trial) -> str:
    for split, shown, kept in zip(
        ("train", "val"), trial.shown, (trial.train, trial.val), strict=True
    ):
        for name in ("s1", "s2", "r"):
            if not np.array_equal(getattr(shown, name), getattr(kept, name)):
                raise FaultError(f"fit changed {split}.{name}: work on a copy")
    return "left as it was"


def _reaches(trial: Trial) -> str:
    if is_privileged(trial.model_class):
        return "declared: privileged = True, which the leaderboard shows"
    found = [f"{what} at {place}" for what, place in REACHES.places.items()]
    if found:
        raise FaultError(
            f"asks for {', '.join(found)}, which is None without privileged = True: do without, or "
            "declare it"
        )
    return "not asked for"


def _resuming(trial: Trial) -> str:
    fitted = trial.generator
    trial.generator, interrupted = trial.fit_interrupted()
    try:
        drawn = trial.drawn_again()
    finally:
        trial.generator = fitted
    differ = float((drawn != trial.images).mean())
    how = "interrupted and fitted again" if interrupted else "fitted twice"
    if differ:
        raise DoubtError(
            f"{how} in the same folder, it draws other images ({differ:.2%} "
            "of the pixels), so a run cannot be repeated: draw everything random in fit from "
            "run.seed, and go on from what run.folder holds"
        )
    if not interrupted:
        return f"{how}, it draws the same images; not interrupted, as fit opens no run.bar"
    return f"{how}, it draws the same images"


def _save(trial: Trial) -> str:
    folder = trial.plan.run / "weights"
    folder.mkdir()
    with trial.writes.armed():
        call(trial.model_class, "save", trial.generator.save, folder)
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    np.save(trial.plan.drawn, trial.images)
    trial.plan.moved.parent.mkdir()
    os.rename(folder, trial.plan.moved)
    return f"{sum(sizes)} bytes in {len(sizes)} file{'s' * (len(sizes) != 1)}"


def _writes(trial: Trial) -> str:
    found = list(trial.writes.places)
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise FaultError(
            f"wrote to {', '.join(found[:_SHOWN])}{more}: fit may write into run.folder, save into "
            "the folder it is given, and nothing else"
        )
    return "nothing seen outside its folders"


def _no_pickle(trial: Trial) -> str:
    files = sorted(path for path in trial.plan.moved.rglob("*") if path.is_file())
    found = [path.name for path in files if pickled(path)]
    if found:
        raise DoubtError(
            f"{', '.join(found[:_SHOWN])} holds a pickle, which runs code when it is loaded: "
            ".safetensors, .npz and .json do not"
        )
    return "none found"


def _load(trial: Trial) -> str:
    disturb(8)
    trial.generator = call(trial.model_class, "load", trial.model_class.load, trial.plan.moved)
    drawn = trial.drawn_again()
    differ = float((drawn != np.load(trial.plan.drawn, allow_pickle=False)).mean())
    if differ:
        raise FaultError(
            f"loaded in another process it draws other images ({differ:.2%} of the pixels): save "
            "everything that sample depends on, and draw everything random from the seed"
        )
    return "loaded in another process and from another place, it draws the same images"


EXAMINE = (
    Check("protocol", _protocol, needed=True),
    Check("constructor", _constructor, needed=True),
    Check("fit", _fit, needed=True),
    Check("training data", _training_data),
    Check("sample", _sample, needed=True),
    Check("same inputs and seed", _same_seed),
    Check("another seed", _other_seed),
    Check("inputs", _looks_at_inputs),
    Check("a single pair", _one_pair),
    Check("resuming", _resuming),
    Check("save", _save, needed=True),
    Check("latents and targets", _reaches),
    Check("writes", _writes),
    Check("pickle", _no_pickle),
)
RELOAD = (Check("load", _load),)
IMPORT = "import"
CHECKS = (IMPORT, *(check.name for check in (*EXAMINE, *RELOAD)))
