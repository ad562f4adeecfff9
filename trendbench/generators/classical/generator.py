"""The two classical rows: parameters estimated, r drawn from the law that they give.

Neither row reads R, λ or k from the task's spec: it is asked for height, width and coupling alone.
"""

import json
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trendbench.errors import ImagesError, RecipeError, first_problem
from trendbench.families.disks.conditional import redraw_r
from trendbench.families.disks.estimation.lineal_paths import fit_runs, lineal_paths
from trendbench.families.disks.estimation.particles import Radius, radius_of
from trendbench.families.disks.estimation.window import Window
from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, Germs
from trendbench.families.disks.process import Coupling, Disks
from trendbench.generators.classical.estimates import Estimates, assembled
from trendbench.generators.classical.footprints import Footprints, footprints
from trendbench.generators.classical.poisson import fit_poisson, radius_interval
from trendbench.generators.classical.prior import (
    draw_from_count,
    draw_from_estimate,
    end_from_counts,
    end_from_coverage,
    intensity_of,
)
from trendbench.generators.classical.reconstruction import draw_r, reconstruct, render_one
from trendbench.generators.protocol import Inputs
from trendbench.process.family import Process
from trendbench.process.images import BLACK
from trendbench.process.mixture import Mixed, joined
from trendbench.process.triplets import Triplets
from trendbench.storage.atomic import write_text
from trendbench.training.context import RunContext

_ESTIMATES, _SETTINGS = "estimates.json", "settings.json"
_NONE = np.empty(0)
_NO_GERMS = Germs(np.zeros(2, dtype=np.int64), _NONE, _NONE, _NONE, np.empty(0, dtype=np.uint8))


class _Classical(ABC):
    """What both rows share: estimates, files, and a generator of random numbers per image.

    Image i of ``sample`` depends on its own inputs, i and the seed, not on the other images.
    """

    conditional = True
    parameters = 7  # λ₀, k, R, and mean and between-image spread of λ_left and of λ_right

    def __init__(self, **settings: int | float) -> None:
        for name, value in settings.items():
            if not value > 0:
                raise ValueError(f"{name} = {value}: more than 0")
        self._settings = settings
        self._estimates: Estimates | None = None

    @property
    def estimates(self) -> Estimates:
        """The fitted parameters.

        Raises:
            RecipeError: nothing yet.
        """
        if self._estimates is None:
            raise RecipeError(
                "a classical row draws only after fit or load: call one of them first"
            )
        return self._estimates

    def fit(self, train: Triplets, val: Triplets, run: RunContext) -> None:
        """Estimate every parameter from the training triplets."""
        del val
        if not len(train):
            raise RecipeError("no training triplets: parameters are estimated from them")
        start = time.monotonic()
        self._estimates = self._estimated(train)
        run.report(epochs=0, images_seen=len(train), seconds=time.monotonic() - start)

    def sample(self, inputs: Inputs, seed: int) -> NDArray[np.uint8]:
        """One draw of r for each pair of inputs, (n, H, W) uint8."""
        known = self.estimates
        if inputs.s1.shape[1:] != (known.height, known.width):
            raise RecipeError(
                f"inputs of {inputs.s1.shape[2]}×{inputs.s1.shape[1]} px for parameters of "
                f"{known.width}×{known.height} px"
            )
        images = np.empty(inputs.s1.shape, dtype=np.uint8)
        for i in range(len(inputs)):
            images[i] = self._drawn(inputs, i, np.random.default_rng((seed, i)))
        return images

    def save(self, folder: Path) -> None:
        """Estimates with their errors, and the row's settings, as JSON."""
        write_text(folder / _ESTIMATES, self.estimates.model_dump_json(indent=2) + "\n")
        write_text(folder / _SETTINGS, json.dumps(self._settings, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The row that ``save`` left in a folder.

        Raises:
            RecipeError: a file is missing, or its numbers make no sense.
        """
        try:
            settings, text = ((folder / name).read_text() for name in (_SETTINGS, _ESTIMATES))
            row = cls(**json.loads(settings))
            row._estimates = Estimates.model_validate_json(text)
        except ValidationError as error:
            raise RecipeError(f"{folder / _ESTIMATES}: {first_problem(error, Estimates)}") from None
        except (OSError, ValueError, TypeError) as error:
            raise RecipeError(f"{folder} holds no fitted classical row: {error}") from None
        return row

    @abstractmethod
    def _estimated(self, train: Triplets) -> Estimates:
        """All parameters, from the training triplets."""

    @abstractmethod
    def _drawn(self, inputs: Inputs, i: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw r for the i-th pair of inputs, (H, W)."""


class PoissonGerms(_Classical):
    """Germs known: exact Poisson maximum likelihood, and the conditional law with its estimates.

    Args:
        radius_images: from how many training triplets R is found.
    """

    privileged: ClassVar[bool] = True

    def __init__(self, *, radius_images: int = 100) -> None:
        super().__init__(radius_images=radius_images)

    def _estimated(self, train: Triplets) -> Estimates:
        germs = _given(train)
        train = replace(train, latent=germs)
        low, high = radius_interval(train[: int(self._settings["radius_images"])])
        height, width = train.r.shape[1:]
        window = Window(width, height, (low + high) / 2)
        x = germs.x[(germs.member & IN_R) != 0]
        trend = fit_poisson(x, len(train), window)
        radius = Radius(
            estimate=window.radius, standard_error=(high - low) / 4, low=low, high=high,
            source="nearest germs of edge pixels",
        )  # fmt: skip
        left, right = (end_from_counts(germs.counts(bit), window) for bit in (IN_S1, IN_S2))
        return assembled(
            _coupling(train.spec), len(train), window, trend, radius, left, right,
            one_trend=_has_one_trend(train),
        )  # fmt: skip

    def _drawn(self, inputs: Inputs, i: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        known, own = self.estimates, _given(inputs, i)
        n_left, n_right = (int(own.counts(bit)[0]) for bit in (IN_S1, IN_S2))
        left = draw_from_count(known.left, n_left, known.window.area, rng)
        right = draw_from_count(known.right, n_right, known.window.area, rng)
        process = known.process(left, right, rising=n_left <= n_right)
        return render_one(redraw_r(process, own, rng), process)


class PoissonImage(_Classical):
    """Images only: composite likelihood, and germs reconstructed from the inputs.

    Args:
        longest_run: longest white path of the composite likelihood [px].
        particles: how many isolated particles R is estimated from.
        sweeps: steps of the walk over germs, for each germ.
    """

    privileged: ClassVar[bool] = False

    def __init__(
        self, *, longest_run: int = 16, particles: int = 20_000, sweeps: float = 150.0
    ) -> None:
        super().__init__(longest_run=longest_run, particles=particles, sweeps=sweeps)
        self._shapes: Footprints | None = None

    def _estimated(self, train: Triplets) -> Estimates:
        longest, k = int(self._settings["longest_run"]), len(train.spec.of_split("train").members)
        try:
            fits = [
                (fit_runs(runs), runs)
                for runs in (lineal_paths(train.r[t::k], longest) for t in range(k))
            ]
            first, runs = min(fits, key=lambda fit: fit[0].radius_error)
        except ImagesError as error:
            raise RecipeError(f"training images: {error}") from None
        sparser = min((train.s1, train.s2), key=lambda s: np.count_nonzero(s == BLACK))
        tolerance = max(6 * first.radius_error, 0.01 * first.radius)
        radius = radius_of(first, sparser, tolerance, int(self._settings["particles"]))
        height, width = train.r.shape[1:]
        window = Window(width, height, radius.estimate)
        fit = fit_runs(runs.alone, radius.estimate)
        trend = fit.line, fit.covariance
        left, right = (
            end_from_coverage(np.count_nonzero(s == BLACK, axis=(1, 2)) / s[0].size, window)
            for s in (train.s1, train.s2)
        )
        return assembled(
            _coupling(train.spec), len(train), window, trend, radius, left, right,
            one_trend=_has_one_trend(train),
        )  # fmt: skip

    def _drawn(self, inputs: Inputs, i: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        known = self.estimates
        s1, s2 = inputs.s1[i] == BLACK, inputs.s2[i] == BLACK
        ends = []
        for end, black in ((known.left, s1), (known.right, s2)):
            observed = float(intensity_of(np.float64(black.mean()), known.radius.estimate))
            ends.append(draw_from_estimate(end, observed, rng))
        process = known.process(*ends, rising=bool(s1.sum() <= s2.sum()))
        if process.coupling == "independent":
            return render_one(redraw_r(process, _NO_GERMS, rng), process)
        if self._shapes is None:
            self._shapes = footprints(process.radius)
        pair = reconstruct(s1, s2, process, self._shapes, float(self._settings["sweeps"]), rng)
        return draw_r(pair, process, rng)


def _coupling(process: Process) -> Coupling:
    """How the images of a triplet share their disks.

    Raises:
        RecipeError: they share something else.
    """
    first = process.members[0]
    if isinstance(first, Disks):
        return first.coupling
    if process.is_independent:  # the Boolean model is then an approximation
        return "independent"
    raise RecipeError(
        f"the family {process.family} shares germs between images in its own way, which the "
        "classical rows do not reconstruct: they are for disks, and for independent images"
    )


def _has_one_trend(train: Triplets) -> bool:
    """Whether triplets have no trends of their own."""
    return len(train.spec.of_split("train").members) == 1


def _given(shown: Triplets | Inputs, i: int | None = None) -> Germs:
    """The germs of triplets in their order, or of triplet i alone."""
    latent = shown.latent if i is None or shown.latent is None else shown.latent[i : i + 1]
    if isinstance(latent, Mixed):
        latent = joined(latent.members[0], latent.parts)
    if not isinstance(latent, Germs):
        raise RecipeError(
            "poisson-mle-germs needs the germs of disks, which this data does not hold: "
            "poisson-mle-image does without"
        )
    return latent
