"""λ₀, k and R from images alone: composite likelihood of lineal paths.

In column c, a lineal path of n pixels down the column is white with probability

    q_nc = exp(−λ(x_c)·U_n),   U_n = A + (n − 1)(A − ν(1)),

exactly; n = 1 is the coverage, whose fit has the link −log(1 − p) = Aλ. λ and R are separable
because U_n grows with n by a crescent of about 2R beside A = πR². With Q̄_nc the observed
shares of white paths, averaged over images, the fit maximises the composite log likelihood

    Σ_nc Q̄_nc log q_nc + (1 − Q̄_nc) log(1 − q_nc)

by Fisher scoring. Pixels and paths depend on each other, images do not: the errors are those of the
sandwich J⁻¹VJ⁻¹/n, J the expected second derivative and V the covariance between images of the
scores.

Sources: Varin, Reid & Firth, An overview of composite likelihood methods, Statistica Sinica 21, 5
(2011); McCullagh & Nelder, Generalized Linear Models (1989), chapter 9; Molchanov, Statistics of
the Boolean Model (1997).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.families.disks import disk_area, run_area
from trendbench.process.images import pixel_centres

_BATCH = 128
_ITERATIONS = 60
_SMALLEST_SHARE = 1e-9
_STEP = 1e-4  # of the numerical derivative of U_n, in units of R
_LEAST_RADIUS = 0.5
_HALVINGS = 30
_ROUNDING = 1e-10  # of the likelihood, which is negative


@dataclass(frozen=True)
class LinealPaths:
    """Shares of lineal paths down the columns that are white.

    Attributes:
        lengths: numbers of pixels, (L,), the first being 1.
        shares: Q, (images, L, W).
    """

    lengths: NDArray[np.int64]
    shares: NDArray[np.float64]

    @property
    def alone(self) -> "LinealPaths":
        """Single pixels only, which is the coverage."""
        return LinealPaths(self.lengths[:1], self.shares[:, :1])


@dataclass(frozen=True)
class ImageFit:
    """The parameters as fitted.

    Attributes:
        line: (λ₀, k), and ``covariance`` its sandwich covariance, (2, 2).
        radius: R [px], fitted or given; radius_error: its standard error, 0 where it was given.
    """

    line: NDArray[np.float64]
    covariance: NDArray[np.float64]
    radius: float
    radius_error: float


def lineal_paths(images: NDArray[np.uint8], longest: int) -> LinealPaths:
    """Count white paths of 1, 2, 4, … pixels up to ``longest``, or to the height of the images."""
    most = min(longest, images.shape[1])
    lengths = 2 ** np.arange(most.bit_length())
    shares = np.empty((len(images), lengths.size, images.shape[2]))
    for start in range(0, len(images), _BATCH):
        rows = slice(start, start + _BATCH)
        white = images[rows] > 0
        for j, n in enumerate(lengths):
            if n > 1:
                half = n // 2
                white = white[:, :-half] & white[:, half:]
            shares[rows, j] = np.count_nonzero(white, axis=1) / white.shape[1]
    return LinealPaths(lengths, shares)


def fit_runs(runs: LinealPaths, radius: float | None = None) -> ImageFit:
    """Fit λ₀ and k, and R where it is not given, with λ ≥ 0 on the frame dilated by R.

    Where the free line would be negative there, the line that is 0 at that border of the dilated
    frame is fitted in its place.

    Raises:
        ImagesError: images all white or all black, or no path of 2 px, without which R and λ are
            not separate.
    """
    mean = runs.shares.mean(axis=0)
    if not 0 < float(mean[0].mean()) < 1:
        raise ImagesError("the images are all white or all black: they show no trend")
    if radius is None and (runs.lengths.size < 2 or mean[1].mean() == 0):
        raise ImagesError(
            "the images show no two white pixels in a column: R and λ cannot be separated"
        )
    start = _first_radius(mean) if radius is None else radius
    width = mean.shape[1]
    x = pixel_centres(width)
    design = np.column_stack([1 - x / width, x / width])  # β = (λ(0), λ(W))
    to_line = np.array([[1.0, 0.0], [-1 / width, 1 / width]])
    fit = _scored(runs, start, radius is None, design, to_line)
    lowest = [fit.line[0] + fit.line[1] * end for end in (-fit.radius, width + fit.radius)]
    if min(lowest) >= 0:
        return fit
    root = -fit.radius if lowest[0] < 0 else width + fit.radius
    sign = np.sign(width / 2 - root)  # β = |k|, the line being 0 at the root
    to_line = np.array([[-sign * root], [sign]])
    return _scored(runs, fit.radius, radius is None, (sign * (x - root))[:, None], to_line)


def _first_radius(mean: NDArray[np.float64]) -> float:
    """R from the first step of the path probability: (A − ν(1))/A ≈ 2/(πR)."""
    one, two = (-np.log(np.maximum(row.mean(), _SMALLEST_SHARE)) for row in mean[:2])
    return float(max(_LEAST_RADIUS, 2 / (np.pi * max(two / one - 1, 1e-3))))


def _scored(
    runs: LinealPaths,
    radius: float,
    free: bool,
    design: NDArray[np.float64],
    to_line: NDArray[np.float64],
) -> ImageFit:
    """Fisher scoring of (β, R) to the maximum, λ(x_c) = (Dβ)_c, and the sandwich there.

    Args:
        runs: what is fitted.
        radius: R, or where its search starts.
        free: whether R is fitted.
        design: D, (W, parameters).
        to_line: from β to (λ₀, k), (2, parameters).
    """
    mean = runs.shares.mean(axis=0)
    covered = np.minimum(1 - mean[0], 1 - _SMALLEST_SHARE)
    beta, *_ = np.linalg.lstsq(design, -np.log1p(-covered) / disk_area(radius), rcond=None)
    own = slice(0, beta.size)
    for _ in range(_ITERATIONS):
        derivative, q = _derivative(runs.lengths, design, beta, radius, free)
        weighted = derivative / (q * (1 - q))[..., None]
        bread = np.einsum("lca,lcb->ab", derivative, weighted)
        step = np.linalg.solve(bread, np.einsum("lc,lca->a", mean - q, weighted))
        least = _likelihood(mean, q) * (1 + _ROUNDING)
        for _ in range(_HALVINGS):  # few images may send a whole step beyond the maximum
            moved = beta + step[own]
            wider = radius
            if free:
                wider = max(_LEAST_RADIUS, radius + float(np.clip(step[-1], -1, 1)))
            if _likelihood(mean, _white(runs.lengths, design, moved, wider)) >= least:
                break
            step = step / 2
        beta, radius = moved, wider
        if np.all(np.abs(step[own]) <= 1e-12 * np.abs(beta).max()):
            break
    scores = np.einsum("ilc,lca->ia", runs.shares - mean, weighted)
    meat = scores.T @ scores / max(len(scores) - 1, 1)
    inverse = np.linalg.inv(bread)
    spread = inverse @ meat @ inverse / len(scores)
    return ImageFit(
        line=to_line @ beta,
        covariance=to_line @ spread[own, own] @ to_line.T,
        radius=radius,
        radius_error=float(np.sqrt(spread[-1, -1])) if free else 0.0,
    )


def _white(
    lengths: NDArray[np.int64],
    design: NDArray[np.float64],
    beta: NDArray[np.float64],
    radius: float,
) -> NDArray[np.float64]:
    """q, (L, W), away from 0 and 1 where logarithms end."""
    lam = np.maximum(design @ beta, 0.0)
    q = np.exp(-np.outer(run_area(lengths, radius), lam))
    inside: NDArray[np.float64] = np.clip(q, _SMALLEST_SHARE, 1 - _SMALLEST_SHARE)
    return inside


def _likelihood(mean: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """The composite log likelihood of probabilities q, both (L, W)."""
    return float(np.sum(mean * np.log(q) + (1 - mean) * np.log1p(-q)))


def _derivative(
    lengths: NDArray[np.int64],
    design: NDArray[np.float64],
    beta: NDArray[np.float64],
    radius: float,
    free: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """∂q/∂(β, R), (L, W, parameters), and q, (L, W)."""
    area = run_area(lengths, radius)
    lam = np.maximum(design @ beta, 0.0)
    q = _white(lengths, design, beta, radius)
    by_beta = -q[..., None] * area[:, None, None] * design
    if not free:
        return by_beta, q
    step = _STEP * radius
    ends = (run_area(lengths, radius + s) for s in (step, -step))
    by_radius = -q * np.outer(np.subtract(*ends) / (2 * step), lam)
    return np.concatenate([by_beta, by_radius[..., None]], axis=2), q
