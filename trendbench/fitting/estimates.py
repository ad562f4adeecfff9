"""λ₀, k and R of pictures, and what the model gives at these values.

λ₀, k and R come from the composite likelihood of lineal paths. Where enough isolated particles are
found, R comes from their shapes, with an error that is smaller by an order of magnitude, and λ₀ and
k from the coverage at that R. These are the estimators of the classical rows.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.families.disks import Disks, disk_area
from trendbench.families.disks.conditional import redraw_r
from trendbench.families.disks.estimation.lineal_paths import ImageFit, fit_runs, lineal_paths
from trendbench.families.disks.estimation.particles import Radius, radius_of_particles
from trendbench.families.disks.estimation.window import Window, process_of
from trendbench.families.disks.germs import Germs
from trendbench.families.disks.rendering import render_r

_PATHS = "lineal paths"
_LONGEST_RUN = 16  # pixels
_PARTICLES = 300  # looked at: R is then known to about 0.1 %
_TOLERANCE = 0.4  # of R from lineal paths, within which the R of particles is looked for
_LEAST_ACROSS = 3  # disks side by side along the shorter side of a picture
Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Estimates:
    """The parameters of one set of images.

    Attributes:
        line: (λ₀, k) [px⁻², px⁻³].
        radius: R [px] and what it was estimated from.
        line_errors: standard errors of λ₀ and k by the differences between images, (2,).
        predictor: (Aλ₀, Ak) of −log(1 − p(x)) from the coverage alone, whatever R is, (2,).
        predictor_covariance: of the two, by the differences between images, (2, 2).
        process: the model at these values, with λ ≥ 0 wherever germs are.
    """

    line: NDArray[np.float64]
    radius: Radius
    line_errors: NDArray[np.float64]
    predictor: NDArray[np.float64]
    predictor_covariance: NDArray[np.float64]
    process: Disks

    @property
    def values(self) -> NDArray[np.float64]:
        """(λ₀, k, R)."""
        return np.array([*self.line, self.radius.estimate])

    @property
    def is_from_particles(self) -> bool:
        """Whether R was estimated from isolated particles."""
        return self.radius.source != _PATHS


def estimated(images: Images, fewest: int | None) -> Estimates:
    """Estimate λ₀, k and R.

    Args:
        images: (n, H, W) uint8, black 0 and white 255.
        fewest: isolated particles from which R is taken; None for lineal paths alone.

    Raises:
        ImagesError: nothing to estimate from, or disks too large for the pictures.
    """
    runs = lineal_paths(images, _LONGEST_RUN)
    try:
        fit = fit_runs(runs)
    except np.linalg.LinAlgError:
        raise ImagesError(
            "the pictures determine no disks: too few grains, or too little white between them"
        ) from None
    near = fit.radius
    _must_hold_disks(images, near)
    found = None
    if fewest is not None:
        found = radius_of_particles(images, near, _TOLERANCE * near, _PARTICLES, fewest)
    radius = found or Radius(
        estimate=near, standard_error=fit.radius_error, low=0.0, high=float(max(images.shape[1:])),
        source=_PATHS,
    )  # fmt: skip
    alone = fit_runs(runs.alone, radius.estimate)
    line, errors = fit.line, np.sqrt(np.diag(fit.covariance))
    if found:
        line = alone.line
        by_radius = 2 * line / found.estimate * found.standard_error  # λ ∝ 1/R² at a coverage
        errors = np.sqrt(np.diag(alone.covariance) + by_radius**2)
    return Estimates(
        line, radius, errors, *_predictor(alone), _process(images, line, radius.estimate)
    )


def drawn(process: Disks, n: int, rng: np.random.Generator) -> Images:
    """Fresh images of a process, (n, H, W)."""
    none, nothing = np.zeros(n + 1, dtype=np.int64), np.empty(0)
    germs = Germs(none, nothing, nothing, nothing, np.empty(0, dtype=np.uint8))
    return render_r(redraw_r(process, germs, rng), process)


def _predictor(alone: ImageFit) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(Aλ₀, Ak) and their covariance, from a fit of the coverage at any R."""
    area = disk_area(alone.radius)
    return area * alone.line, area**2 * alone.covariance


def _process(images: Images, line: NDArray[np.float64], radius: float) -> Disks:
    height, width = images.shape[1:]
    left, right = float(line[0]), float(line[0] + line[1] * width)
    window = Window(width, height, radius)
    return process_of(max(left, 0.0), max(right, 0.0), window, "independent", rising=left <= right)


def _must_hold_disks(images: Images, radius: float) -> None:
    """Refuse pictures that are smaller than a few disks."""
    height, width = images.shape[1:]
    if min(height, width) < 2 * _LEAST_ACROSS * radius:
        raise ImagesError(
            f"pictures of {width}×{height} px and disks of R = {radius:.3g} px: needed is room for "
            f"{_LEAST_ACROSS} disks side by side, {math.ceil(2 * _LEAST_ACROSS * radius)} px: give "
            "larger pictures, or pictures of larger areas"
        )
