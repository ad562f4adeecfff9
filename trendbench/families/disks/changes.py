"""Ways in which images may be nearly true: each change spoils one property by a size.

Images are drawn for the inputs with another trend or radius, or from germs of their own.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from trendbench.families.disks.conditional import redraw_r
from trendbench.families.disks.germs import IN_R, Germs, as_germs
from trendbench.families.disks.intensity import LinearIntensity
from trendbench.families.disks.process import Disks
from trendbench.families.disks.rendering import render_r
from trendbench.process.family import Change
from trendbench.process.images import BLACK, WHITE
from trendbench.process.latent import Latent

_MOST = 2.0  # largest share of the intensity that a change asks for
_MARGIN = 1.5  # reach of the largest damaged disk, in radii
Images = NDArray[np.uint8]
Positions = NDArray[np.float64]
Rng = np.random.Generator


def changes(process: Disks) -> Mapping[str, Change]:
    """The changes of a process, by name."""

    def slope(latents: Latent, rng: Rng, size: float) -> Images:
        off = size * (process.lambda_right - process.lambda_left) / 2
        left, right = process.lambda_left + off, process.lambda_right - off
        trend = LinearIntensity(left, right, process.width)
        return render_r(redraw_r(process, as_germs(latents), rng, trend=trend), process)

    def radius(latents: Latent, rng: Rng, size: float) -> Images:
        germs = redraw_r(process, as_germs(latents), rng)
        return render_r(germs, process, radius=(1 + size) * process.radius)

    def alone(draw: Callable[[Disks, int, Rng, float], Images], meaning: str) -> Change:
        return Change(lambda latents, rng, size: draw(process, len(latents), rng, size), meaning)

    return {
        "slope": Change(slope, "slope k smaller", conditional=True),
        "radius": Change(radius, "radius R larger", conditional=True),
        "larger": alone(larger_disks, "R larger, same coverage"),
        "ellipses": alone(ellipses, "ellipses"),
        "along-y": alone(steeper_below, "intensity changing along y"),
        "waves": alone(waves, "waves along y"),
        "border": alone(empty_borders, "germs beyond the border missing"),
        "slopes": alone(mixed_slopes, "two slopes"),
    }


def steeper_below(process: Disks, n: int, rng: Rng, size: float) -> Images:
    """Intensity λ(x)·(1 ± size), linear in y from top to bottom."""

    def share(x: Positions, y: Positions) -> Positions:
        del x
        return 1 + size * np.clip(2 * y / process.height - 1, -1, 1)

    return render_r(_germs(process, n, rng, share), process)


def waves(process: Disks, n: int, rng: Rng, size: float) -> Images:
    """Intensity λ(x)·(1 + size·sin 2πy/p), four periods p to the frame's height."""

    def share(x: Positions, y: Positions) -> Positions:
        del x
        return 1 + size * np.sin(8 * np.pi * y / process.height)

    return render_r(_germs(process, n, rng, share), process)


def empty_borders(process: Disks, n: int, rng: Rng, size: float) -> Images:
    """A share of the germs beyond the left and right border is missing."""

    def share(x: Positions, y: Positions) -> Positions:
        del y
        return np.where((x < 0) | (x > process.width), 1 - size, 1.0)

    return render_r(_germs(process, n, rng, share), process)


def larger_disks(process: Disks, n: int, rng: Rng, size: float) -> Images:
    """Radius R·(1 + size), with as many fewer germs as keep the coverage; size up to ½."""
    kept = 1 / (1 + size) ** 2

    def share(x: Positions, y: Positions) -> Positions:
        del y
        return np.full_like(x, kept)

    germs = _germs(process, n, rng, share)
    return render_r(germs, process, radius=(1 + size) * process.radius)


def ellipses(process: Disks, n: int, rng: Rng, size: float) -> Images:
    """Ellipses of half-axes R·(1 + size) along x and R/(1 + size) along y."""
    germs = _germs(process, n, rng, _ones)
    reach = int(np.ceil((1 + size) * process.radius)) + 1
    steps = np.arange(-reach, reach + 1)
    images = np.full((n, process.height, process.width), WHITE, dtype=np.uint8)
    owner = np.repeat(np.arange(n), np.diff(germs.offsets))
    columns, rows = np.floor(germs.x).astype(int), np.floor(germs.y).astype(int)
    for down in steps:
        for along in steps:
            c, r = columns + along, rows + down
            x, y = (c + 0.5 - germs.x) / (1 + size), (r + 0.5 - germs.y) * (1 + size)
            black = np.square(x) + np.square(y) <= process.radius**2
            black &= (c >= 0) & (c < process.width) & (r >= 0) & (r < process.height)
            images[owner[black], r[black], c[black]] = BLACK
    return images


def mixed_slopes(process: Disks, n: int, rng: Rng, size: float) -> Images:
    """Slopes k·(1 ± size) about the same intensity at mid-frame, in equal parts."""
    lam, half = process.intensity, process.width / 2
    sign = np.where(np.arange(n) % 2, 1.0, -1.0)

    def share(x: Positions, y: Positions, owner: NDArray[np.int64]) -> Positions:
        del y
        return 1 + sign[owner] * size * lam.k * (x - half) / np.maximum(lam(x), 1e-12)

    return render_r(_germs_by_image(process, n, rng, share), process)


def _ones(x: Positions, y: Positions) -> Positions:
    del y
    return np.ones_like(x)


def _germs(
    process: Disks,
    n: int,
    rng: Rng,
    share: Callable[[Positions, Positions], Positions],
) -> Germs:
    """Germs of intensity λ(x)·share(x, y), the share being 2 at most."""

    def of_image(x: Positions, y: Positions, owner: NDArray[np.int64]) -> Positions:
        del owner
        return share(x, y)

    return _germs_by_image(process, n, rng, of_image)


def _germs_by_image(
    process: Disks,
    n: int,
    rng: Rng,
    share: Callable[[Positions, Positions, NDArray[np.int64]], Positions],
) -> Germs:
    """Germs of n images: a Poisson process thinned to λ(x)·share.

    The process is the same whatever the share, so that changes of different size differ by no
    more than the change.
    """
    lam, reach = process.intensity, _MARGIN * process.radius
    largest = _MOST * lam.extremes(reach)[1]
    width, height = process.width + 2 * reach, process.height + 2 * reach
    counts = rng.poisson(largest * width * height, n)
    owner = np.repeat(np.arange(n), counts)
    x = rng.uniform(-reach, process.width + reach, owner.size)
    y = rng.uniform(-reach, process.height + reach, owner.size)
    level = rng.random(owner.size) * largest
    kept = level < np.maximum(lam(x), 0) * share(x, y, owner)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=n))])
    member = np.full(int(kept.sum()), IN_R, dtype=np.uint8)
    return Germs(offsets, x[kept], y[kept], level[kept] / largest, member)
