"""Is a data file what it says: its bytes, its geometry, its physics."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from trendbench import theory
from trendbench.data.dataset import Dataset
from trendbench.process.family import Check
from trendbench.process.images import BLACK, IMAGES, WHITE
from trendbench.process.seeds import SPLITS, Split
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec

_LARGEST_Z = 5.0  # passed by chance once in some 10⁶ checks
_ENOUGH_IMAGES = 30
_ENOUGH_GRAINS = 1000  # below it a coverage is no more Gaussian than the count of grains is
_RENDERED_AT_ONCE = 128


def verify(dataset: Dataset) -> list[Check]:
    """Look at everything in an open data file.

    Format and layout were checked on opening. Reading compares every SHA-256; then the latents are
    rendered again and compared with the images, the family checks them, and coverages and edges are
    held against their laws by z-score, where these are exact.

    Raises:
        DataFileError: content that does not match its hash or cannot be read.
    """
    found = [Check("format and layout", True, dataset.describe())]
    spec = dataset.spec
    latents = {split: dataset.latents(split) for split in SPLITS}
    for split in SPLITS:
        triplets = dataset.load(split)
        found.append(Check(f"{split}: hashes", True, f"{len(triplets)} {spec.counted}"))
        if len(triplets):
            found.append(_ends(split, dataset))
            found += [
                replace(check, name=f"{split}: {check.name}")
                for check in spec.of_split(split).checks(latents[split])
            ]
            found.append(
                _rendering(split, triplets) if spec.simulated else _colours(split, triplets)
            )
            if spec.laws >= {"coverage", "pair_black"}:
                of_all = spec.of_split(split)
                even = triplets[: len(triplets) - len(triplets) % len(of_all.members)]
                found += _coverages(split, of_all, even)
                found += _outline(split, of_all, even)
    return found + list(spec.checks_of_file(latents, dataset.load))


def _colours(split: Split, triplets: Triplets) -> Check:
    """What was not simulated is black and white."""
    grey = sum(
        int(((images != BLACK) & (images != WHITE)).any(axis=(1, 2)).sum())
        for images in (triplets.s1, triplets.s2, triplets.r)
    )
    total = len(IMAGES) * len(triplets)
    return Check(f"{split}: black and white", grey == 0, f"{grey} of {total} have grey pixels")


def _rendering(split: Split, triplets: Triplets) -> Check:
    wrong = 0
    for start in range(0, len(triplets), _RENDERED_AT_ONCE):
        part = triplets[start : start + _RENDERED_AT_ONCE]
        assert part.latent is not None
        again = np.empty((len(IMAGES), *part.r.shape), dtype=np.uint8)
        triplets.spec.render(part.latent, again)
        for name, images in zip(IMAGES, again, strict=True):
            wrong += int((images != getattr(part, name)).any(axis=(1, 2)).sum())
    total = len(IMAGES) * len(triplets)
    return Check(f"{split}: latents render to the images", wrong == 0, f"{wrong} of {total} differ")


def _ends(split: Split, dataset: Dataset) -> Check:
    """Each triplet's parameters of the trend against the spec's."""
    spec = dataset.spec
    exact = spec.of_split(split).ends_of(spec.sizes[split])
    off = sum(
        int(np.count_nonzero(column != exact[name])) for name, column in dataset.ends(split).items()
    )
    return Check(f"{split}: the trends are the spec's", off == 0, f"{off} differ")


def _coverages(split: Split, spec: TaskSpec, triplets: Triplets) -> Iterator[Check]:
    """Contrasts Σ w_c (D̄_c − p_c) of the column densities, with their exact variance wᵀCw/n.

    The halves tell a wrong mean, their difference a wrong slope, and the columns within a length
    of the left and right border tell what is missing outside the frame.
    """
    x = theory.pixel_centres(spec.width)
    right = x > spec.width / 2
    border = (x < spec.length) | (x > spec.width - spec.length)
    contrasts = {
        "coverage, left half": ~right / max((~right).sum(), 1),
        "coverage, right half": right / max(right.sum(), 1),
        "slope, right half less left": right / max(right.sum(), 1)
        - ~right / max((~right).sum(), 1),
        "coverage near the borders": border / max(border.sum(), 1),
    }
    for name in IMAGES:
        if not _is_enough(spec, triplets):
            continue
        columns = (getattr(triplets, name) == BLACK).mean(axis=(0, 1))
        exact = spec.coverage(x, name)
        covariance = theory.column_covariance(spec, name) / len(triplets)
        for what, weights in contrasts.items():
            spread = math.sqrt(max(float(weights @ covariance @ weights), 0.0))
            if spread > 0:
                z = float(weights @ (columns - exact)) / spread
                reading = f"{weights @ columns:.5f}, expected {weights @ exact:.5f}"
                yield _by_z(f"{split}: {name}, {what}", z, reading)


def _outline(split: Split, spec: TaskSpec, triplets: Triplets) -> Iterator[Check]:
    """Colour changes down the columns of r: at a given coverage they tell the size of grains."""
    few = len(triplets) < _ENOUGH_IMAGES or spec.height == 1
    if few or not _is_enough(spec, triplets):
        return
    x = theory.pixel_centres(spec.width)
    exact = theory.edge_probability(spec, x, along_x=False).mean()
    edges = (triplets.r[:, 1:] != triplets.r[:, :-1]).mean(axis=(1, 2))
    spread = edges.std(ddof=1) / math.sqrt(len(edges))
    z = float((edges.mean() - exact) / spread)
    yield _by_z(f"{split}: r, outlines", z, f"{edges.mean():.5f}, expected {exact:.5f}")


def _is_enough(spec: TaskSpec, triplets: Triplets) -> bool:
    grains = float(spec.grains(spec.width / 2)) * spec.width * spec.height * len(triplets)
    return grains >= _ENOUGH_GRAINS


def _by_z(name: str, z: float, reading: str) -> Check:
    return Check(name, abs(z) <= _LARGEST_Z, f"{reading}, z = {z:+.2f}")
