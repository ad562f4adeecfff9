"""Coverage of the intervals of ``trendbench fit``, and how often its verdict is right.

    python -m benchmarks.fit --images 20
    python -m benchmarks.fit --images 1 --pattern excursion

Prints one line of JSON.
"""

import json
from collections.abc import Callable

import click
import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.families.disks import Disks
from trendbench.families.disks.germs import IN_R, Germs
from trendbench.families.disks.rendering import render_r
from trendbench.families.excursion import FAMILY as EXCURSION
from trendbench.fitting.estimates import drawn
from trendbench.fitting.fit import fit_pictures

Images = NDArray[np.uint8]


def disks_at(x: NDArray[np.float64], y: NDArray[np.float64], process: Disks) -> Images:
    """One image of disks at given places, (H, W)."""
    germs = Germs(np.array([0, x.size]), x, y, x * 0, np.full(x.size, IN_R, dtype=np.uint8))
    return render_r(germs, process)[0]


def boolean(process: Disks, n: int, rng: np.random.Generator) -> Images:
    """The Boolean model itself."""
    return drawn(process, n, rng)


def ellipses(process: Disks, n: int, rng: np.random.Generator) -> Images:
    """Ellipses twice as long as wide, along y, by stretching disks."""
    half = process.model_copy(update={"height": process.height // 2})
    return drawn(half, n, rng).repeat(2, axis=1)


def excursion(process: Disks, n: int, rng: np.random.Generator) -> Images:
    """Excursion sets of a Gaussian field with the coverage and about the length of the disks."""
    left, right = process.coverage([0.0, process.width])
    field = EXCURSION(
        width=process.width, height=process.height, sigma=process.radius,
        coverage_left=float(left), coverage_right=float(right),
    )  # fmt: skip
    return np.stack([field.draw(rng, "r") for _ in range(n)])


def hard_core(process: Disks, n: int, rng: np.random.Generator) -> Images:
    """Germs no nearer to each other than 2R, by simple sequential inhibition."""
    return np.stack([disks_at(*_inhibited(process, rng), process) for _ in range(n)])


def clustered(process: Disks, n: int, rng: np.random.Generator) -> Images:
    """Germs in clusters of four on average, normal around their parents with deviation 2R."""
    images = []
    for _ in range(n):
        margin = 6 * process.radius
        area = (process.width + 2 * margin) * (process.height + 2 * margin)
        parents = rng.poisson(process.intensity(process.width / 2) * area / 4)
        children = rng.poisson(4, parents)
        places = rng.uniform(
            -margin, [process.width + margin, process.height + margin], (parents, 2)
        ).repeat(children, axis=0)
        x, y = (places + 2 * process.radius * rng.standard_normal(places.shape)).T
        images.append(disks_at(x, y, process))
    return np.stack(images)


def _inhibited(
    process: Disks, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    margin, kept = process.radius, np.empty((0, 2))
    area = (process.width + 2 * margin) * (process.height + 2 * margin)
    for _ in range(rng.poisson(process.intensity(process.width / 2) * area)):
        place = rng.uniform(-margin, [process.width + margin, process.height + margin])
        if not len(kept) or np.hypot(*(kept - place).T).min() > 2 * process.radius:
            kept = np.vstack([kept, place])
    return kept[:, 0].copy(), kept[:, 1].copy()


PATTERNS: dict[str, Callable[[Disks, int, np.random.Generator], Images]] = {
    pattern.__name__: pattern for pattern in (boolean, ellipses, excursion, hard_core, clustered)
}


@click.command()
@click.option("--pattern", type=click.Choice(list(PATTERNS)), default="boolean")
@click.option("--images", default=20, help="Images a set.")
@click.option("--fits", default=200, help="Sets that are fitted.")
@click.option("--sets", default=100, help="Sets simulated for each fit.")
@click.option("--size", nargs=2, type=int, default=(64, 64), help="Width and height [px].")
@click.option("--radius", default=3.0, help="R [px].")
@click.option("--ends", nargs=2, type=float, default=(2e-3, 1e-2), help="λ at both borders [px⁻²].")
def main(
    pattern: str,
    images: int,
    fits: int,
    sets: int,
    size: tuple[int, int],
    radius: float,
    ends: tuple[float, float],
) -> None:
    """Fit sets of one pattern: share of intervals that hold the truth, share of sets refused."""
    process = Disks(
        width=size[0], height=size[1], radius=radius, lambda_left=ends[0], lambda_right=ends[1],
        coupling="independent",
    )  # fmt: skip
    truth = (process.lambda_left, process.intensity.k, process.radius)
    held, told, trends, unfit, by = [], 0, 0, 0, {}
    for i in range(fits):
        pictures = PATTERNS[pattern](process, images, np.random.default_rng((20171205, i)))
        try:
            found = fit_pictures(pictures, along="x", sets=sets, seed=i)
        except ImagesError:
            unfit += 1
            continue
        estimates = found.parameters.values()
        held.append([e.low <= t <= e.high for e, t in zip(estimates, truth, strict=True)])
        told += not found.holds
        trends += found.p_trend < 0.05
        for name in found.told_by:
            by[name] = by.get(name, 0) + 1
    shares = np.mean(held, axis=0).round(3).tolist() if held else []
    click.echo(
        json.dumps(
            {
                "pattern": pattern, "images": images, "size": size, "R": radius, "λ": ends,
                "fitted": len(held), "not fitted": unfit, "λ₀, k, R covered": shares,
                "not Boolean": told / max(len(held), 1), "told by": by,
                "p of no trend < 0.05": trends / max(len(held), 1),
            },
            ensure_ascii=False,
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
