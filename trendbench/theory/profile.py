"""The density profile: mean, covariance, and the ξ of a true image.

With D_c the black share of column c and ξ_k the mean of D over w columns from c = k − 1 on,

    Cov(D_c, D_c') = H⁻² Σ_{|d| < H} (H − |d|) · Cov(pixels c, c' at row distance d),

which vanishes beyond the reach of the process.

A task is given as a spec, by its name, or by the path of its TOML file. Every function raises
InputError where there is no such task, or where the window does not fit into the frame.
"""

import math

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import number, whole
from trendbench.process.family import Process
from trendbench.process.images import Image, pixel_centres
from trendbench.spec import Task, process_of


def column_coverage(process: Task, of: Image = "r") -> NDArray[np.float64]:
    """E D_c of a true image, the coverage p at the centre of each pixel column, shape (W,)."""
    process = process_of(process)
    return process.coverage(pixel_centres(process.width), of)


def mean_profile(process: Task, window: int) -> NDArray[np.float64]:
    """E ξ_k of a true image, k = 1 … W − w + 1, shape (W − w + 1,)."""
    process, window = _checked(process, window)
    return np.convolve(column_coverage(process), np.full(window, 1 / window), mode="valid")


def column_covariance(process: Task, of: Image = "r") -> NDArray[np.float64]:
    """Covariance matrix of the column densities D_c of a true image, shape (W, W)."""
    process = process_of(process)
    width, height = process.width, process.height
    x = pixel_centres(width)
    reach = math.ceil(process.reach)
    rows = np.arange(-min(reach, height - 1), min(reach, height - 1) + 1)
    weight = (height - np.abs(rows)) / height**2
    result = np.zeros((width, width))
    for apart in range(min(reach, width - 1) + 1):
        left = x[: width - apart, None]
        pairs = process.covariance(left, left + apart, rows[None, :], of) @ weight
        c = np.arange(width - apart)
        result[c, c + apart] = result[c + apart, c] = pairs
    return result


def profile_covariance(process: Task, window: int) -> NDArray[np.float64]:
    """Covariance matrix of ξ_1 … ξ_{W−w+1} of a true image."""
    process, window = _checked(process, window)
    columns = np.cumsum(np.cumsum(column_covariance(process), axis=0), axis=1)
    padded = np.pad(columns, ((1, 0), (1, 0)))
    sums = padded[window:] - padded[:-window]
    sums = sums[:, window:] - sums[:, :-window]
    return sums / window**2


def xi_floor(process: Task, window: int, training_images: int | None = None) -> float:
    """E ξ of a true image: Σ_k Var(ξ_k)/(W − w), the least expected ξ of a correct generator.

    Args:
        process: the task.
        window: w [px], 1 ≤ w < W.
        training_images: n independent training images whose average is ξ₀; the floor is then
            1 + 1/n times as high. None for the exact ξ₀.
    """
    process, window = _checked(process, window)
    floor = float(np.trace(profile_covariance(process, window))) / (process.width - window)
    if training_images is None:
        return floor
    return floor * (1 + 1 / whole(training_images, "training_images", 1))


def xi_spread(process: Task, window: int) -> float:
    """Standard deviation of ξ over true images, the profile taken as Gaussian.

    √(2·tr Σ²)/(W − w), Σ the covariance of the profile. A column averages some H/2R independent
    stretches, so the neglected excess kurtosis is of order 2R/H: the true value is within 5 % for
    H ≥ 10R, and 0.67 to 0.87 of this one for R = 25 px in H = 64 px.
    """
    process, window = _checked(process, window)
    covariance_of_profile = profile_covariance(process, window)
    return math.sqrt(2 * float(np.sum(covariance_of_profile**2))) / (process.width - window)


def envelope_factor(
    process: Task, window: int, *, level: float = 0.95, draws: int = 20_000
) -> float:
    """Half-width c of the global envelope E ξ_k ± c·σ_k that holds a whole profile.

    P(max_k |ξ_k − E ξ_k|/σ_k ≤ c) = ``level`` for one true image, the profile taken as Gaussian
    with its exact covariance. The quantile is that of ``draws`` draws with a fixed seed. Most true
    images leave a pointwise envelope somewhere. Without germs c is 0.
    """
    return envelope_of(profile_covariance(process, window), level=level, draws=draws)


def envelope_of(
    covariance: NDArray[np.float64], *, level: float = 0.95, draws: int = 20_000
) -> float:
    """The half-width c of ``envelope_factor`` for a profile with this covariance, (K, K)."""
    level = number(level, "level", above=0, below=1)
    draws = whole(draws, "draws", 1)
    spread = np.sqrt(np.diag(covariance))
    usable = spread > 0
    if not usable.any():  # no germ can fall anywhere
        return 0.0
    scale = np.outer(spread[usable], spread[usable])
    correlation = covariance[np.ix_(usable, usable)] / scale
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    noise = np.random.default_rng(0).standard_normal((draws, len(root)))
    return float(np.quantile(np.abs(noise @ root.T).max(axis=1), level))


def _checked(process: Task, window: int) -> tuple[Process, int]:
    process = process_of(process)
    return process, whole(window, "window", 1, process.width - 1)
