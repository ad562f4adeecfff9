"""The germs behind a pair of images, the sparser one inside the denser."""

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.families.disks.conditional import redraw_r
from trendbench.families.disks.germs import IN_S1, IN_S2, Germs
from trendbench.families.disks.process import Disks
from trendbench.families.disks.rendering import render_r
from trendbench.generators.classical.cover import first_cover, run_lengths
from trendbench.generators.classical.footprints import Footprints
from trendbench.generators.classical.posterior import walk
from trendbench.process.images import BLACK, WHITE


def disks_in(
    allowed: NDArray[np.bool_],
    needed: NDArray[np.bool_],
    intensity: float,
    radius: float,
    shapes: Footprints,
    sweeps: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A draw of the germs whose disks lie in the allowed pixels and cover the needed ones.

    A greedy cover, then the walk of ``posterior`` from there. Disks may be cut by the border.

    Args:
        allowed: pixels that may be black, (H, W).
        needed: pixels to be covered, (H, W), all allowed.
        intensity: λ of the germs [px⁻²].
        radius: R [px].
        shapes: ``footprints(radius)``.
        sweeps: steps of the walk for each germ, expected or found.
        rng: source of the walk.

    Returns:
        Centres (x, y) [px] on the dilated frame, (n, 2), and the needed pixels that no admissible
        disk covers, as (row, column), (m, 2).
    """
    margin = 2 * shapes.reach + 2
    height, width = allowed.shape
    inside = np.pad(allowed, margin, constant_values=True)
    wanted = np.pad(needed, margin)
    centres, residual = first_cover(inside, wanted, shapes)
    low, far = margin - 0.5 - radius, margin - 0.5 + radius
    bounds = (low, width + far, low, height + far)
    mean = max(intensity, 0.0) * (width + 2 * radius) * (height + 2 * radius)
    steps = math.ceil(sweeps * (mean + len(centres)))
    covered = wanted & ~residual
    centres = walk(centres, run_lengths(inside), covered, bounds, mean, radius, steps, rng)
    return centres + 0.5 - margin, np.argwhere(residual) - margin


@dataclass(frozen=True)
class Reconstruction:
    """Germs that may have drawn a pair of inputs.

    Attributes:
        germs: of one triplet, with the membership bits of s1 and s2.
        residual: black pixels that no germ's disk covers, as (row, column), (m, 2).
        owner: the nearest germ of each, (m,); −1 where there is none.
    """

    germs: Germs
    residual: NDArray[np.int64]
    owner: NDArray[np.int64]


def reconstruct(
    s1: NDArray[np.bool_],
    s2: NDArray[np.bool_],
    process: Disks,
    shapes: Footprints,
    sweeps: float,
    rng: np.random.Generator,
) -> Reconstruction:
    """A draw of the germs of s1 and s2 given the two images, coupled by thinning.

    The sparser image's germs, of intensity λ_sparse, lie in its black pixels and cover them. Those
    of the denser one alone, of intensity λ_dense − λ_sparse, lie in the black of either and cover
    the rest of it. Given the images the two are independent, so they are drawn one by one.

    Args:
        s1: black pixels, (H, W).
        s2: likewise.
        process: with the λ's of this pair.
        shapes: ``footprints`` of its radius.
        sweeps: see ``disks_in``.
        rng: source of everything random.
    """
    rising = process.lambda_left <= process.lambda_right
    sparse, dense = (s1, s2) if rising else (s2, s1)
    low, high = sorted((process.lambda_left, process.lambda_right))
    shared, rest = disks_in(sparse, sparse, low, process.radius, shapes, sweeps, rng)
    either = sparse | dense
    own, left = disks_in(either, either & ~sparse, high - low, process.radius, shapes, sweeps, rng)
    x, y = np.concatenate([shared, own]).T
    member = np.full(x.size, IN_S2 if rising else IN_S1, dtype=np.uint8)
    member[: len(shared)] = IN_S1 | IN_S2
    owners = _nearest(rest, shared, 0), _nearest(left, own, len(shared))
    germs = Germs(np.array([0, x.size]), x, y, np.zeros(x.size), member)
    return Reconstruction(germs, np.concatenate([rest, left]), np.concatenate(owners))


def _nearest(
    pixels: NDArray[np.int64], centres: NDArray[np.float64], first: int
) -> NDArray[np.int64]:
    """Index of the germ nearest to each pixel (row, column), counted from ``first``."""
    if not len(pixels) or not len(centres):
        return np.full(len(pixels), -1)
    _, nearest = scipy.spatial.cKDTree(centres).query(pixels[:, ::-1] + 0.5)
    return np.asarray(nearest + first)


def draw_r(pair: Reconstruction, process: Disks, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw r given reconstructed germs, (H, W); residual pixels go with the nearest germ.

    Args:
        pair: the germs.
        process: the task, with the λ's of this pair.
        rng: source of the draw.
    """
    kept = redraw_r(process, pair.germs, rng)
    image = render_one(kept, process)
    if len(pair.residual):
        survives = np.isin(pair.germs.x + 1j * pair.germs.y, kept.x + 1j * kept.y)
        rows, columns = pair.residual.T
        free = image[rows, columns] == WHITE
        stays = pair.owner < 0
        stays[~stays] = survives[pair.owner[~stays]]
        image[rows[free & stays], columns[free & stays]] = BLACK
    return image


def render_one(germs: Germs, process: Disks) -> NDArray[np.uint8]:
    """The image of one triplet's germs in r, (H, W)."""
    image: NDArray[np.uint8] = render_r(germs, process)[0]
    return image
