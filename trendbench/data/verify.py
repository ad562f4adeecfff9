"""Is a data file what it says: its bytes, its geometry, its physics."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trendbench import theory
from trendbench.data.dataset import Dataset
from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2
from trendbench.families.disks.process import Disks
from trendbench.families.disks.rendering import render
from trendbench.process.images import IMAGES
from trendbench.process.seeds import SPLITS, Split
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec

_LARGEST_Z = 5.0  # passed by chance once in some 10⁶ checks
_SMALLEST_TAIL = 2 * stats.norm.sf(_LARGEST_Z)  # the same, for counts that are not Gaussian
_ENOUGH_IMAGES = 30
_ENOUGH_GERMS = 1000  # below it a coverage is no more Gaussian than the count is
_RENDERED_AT_ONCE = 128
_BITS = {"s1": IN_S1, "s2": IN_S2, "r": IN_R}


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it holds, and the reading it rests on."""

    check: str
    passed: bool
    reading: str


def verify(dataset: Dataset) -> list[Finding]:
    """Look at everything in an open data file.

    Format and layout were checked on opening. Reading compares every SHA-256; then the germs are
    rendered again and compared with the images, and germ counts and coverages are held against
    the spec by z-score.

    Raises:
        DataFileError: content that does not match its hash or cannot be read.
    """
    findings = [Finding("format and layout", True, dataset.describe())]
    for split in SPLITS:
        triplets = dataset.load(split)
        findings.append(Finding(f"{split}: hashes", True, f"{len(triplets)} triplets"))
        if len(triplets):
            findings.append(_intensities(split, dataset))
            findings.append(_membership(split, dataset.spec, triplets))
            findings.append(_rendering(split, triplets))
            findings += _counts(split, dataset.spec, triplets)
            findings += _coverages(split, dataset.spec, triplets)
            findings += _outline(split, dataset.spec, triplets)
    return findings


def _rendering(split: Split, triplets: Triplets) -> Finding:
    wrong = 0
    for start in range(0, len(triplets), _RENDERED_AT_ONCE):
        part = triplets[start : start + _RENDERED_AT_ONCE]
        assert part.germs is not None
        again = np.empty((len(IMAGES), *part.r.shape), dtype=np.uint8)
        render(part.germs, triplets.spec.radius, again)
        for name, images in zip(IMAGES, again, strict=True):
            wrong += int((images != getattr(part, name)).any(axis=(1, 2)).sum())
    total = len(IMAGES) * len(triplets)
    return Finding(f"{split}: germs render to the images", wrong == 0, f"{wrong} of {total} differ")


def _intensities(split: Split, dataset: Dataset) -> Finding:
    """Each triplet's λ_left and λ_right against the spec's."""
    wanted = (dataset.spec.lambda_left, dataset.spec.lambda_right)
    off = sum(
        int(np.count_nonzero(column != value))
        for column, value in zip(dataset.intensities(split), wanted, strict=True)
    )
    return Finding(f"{split}: intensities are the spec's", off == 0, f"{off} differ")


def _membership(split: Split, spec: TaskSpec, triplets: Triplets) -> Finding:
    """Under thinning, a germ's membership follows from its mark and place."""
    germs = triplets.germs
    assert germs is not None
    if spec.coupling == "independent":
        shared = int(np.count_nonzero(~np.isin(germs.member, (0, *_BITS.values()))))
        return Finding(f"{split}: images share no germ", shared == 0, f"{shared} shared")
    level = germs.mark * spec.intensity.extremes(spec.radius)[1]
    levels: dict[str, float | NDArray[np.float64]] = {
        "s1": spec.lambda_left,
        "s2": spec.lambda_right,
        "r": spec.intensity(germs.x),
    }
    off = 0
    for name, bit in _BITS.items():
        shown = np.less(level, levels[name])
        off += int(np.count_nonzero(shown != ((germs.member & bit) != 0)))
    return Finding(f"{split}: membership follows the marks", off == 0, f"{off} germs differ")


def _counts(split: Split, spec: TaskSpec, triplets: Triplets) -> Iterator[Finding]:
    """Germ counts on the dilated frame: Poisson with mean λ̄·area, λ̄ at the frame's centre."""
    assert triplets.germs is not None
    for name, process in _processes(spec).items():
        expected = float(process.intensity(spec.width / 2)) * spec.dilated_area * len(triplets)
        counted = int(triplets.germs.counts(_BITS[name]).sum())
        law = stats.poisson(expected)
        tail = 2 * min(law.cdf(counted), law.sf(counted - 1))
        reading = f"{counted}, expected {expected:.0f}, p = {min(tail, 1.0):.2g}"
        yield Finding(f"{split}: germ count of {name}", bool(tail >= _SMALLEST_TAIL), reading)


def _coverages(split: Split, spec: TaskSpec, triplets: Triplets) -> Iterator[Finding]:
    """Contrasts Σ w_c (D̄_c − p_c) of the column densities, with their exact variance wᵀCw/n.

    The halves tell a wrong intensity, their difference a wrong slope k, and the columns within R
    of the left and right border tell germs that are missing outside the frame.
    """
    x = theory.pixel_centres(spec.width)
    right = x > spec.width / 2
    border = (x < spec.radius) | (x > spec.width - spec.radius)
    contrasts = {
        "coverage, left half": ~right / max((~right).sum(), 1),
        "coverage, right half": right / max(right.sum(), 1),
        "slope, right half less left": right / max(right.sum(), 1)
        - ~right / max((~right).sum(), 1),
        "coverage within R of the borders": border / max(border.sum(), 1),
    }
    for name, process in _processes(spec).items():
        germs = float(process.intensity(spec.width / 2)) * spec.dilated_area * len(triplets)
        if germs < _ENOUGH_GERMS:
            continue
        columns = (getattr(triplets, name) == 0).mean(axis=(0, 1))
        exact = theory.coverage(x, process.intensity, spec.radius)
        covariance = theory.column_covariance(process) / len(triplets)
        for what, weights in contrasts.items():
            spread = math.sqrt(weights @ covariance @ weights)
            if spread > 0:
                z = float(weights @ (columns - exact)) / spread
                reading = f"{weights @ columns:.5f}, expected {weights @ exact:.5f}"
                yield _by_z(f"{split}: {name}, {what}", z, reading)


def _outline(split: Split, spec: TaskSpec, triplets: Triplets) -> Iterator[Finding]:
    """Colour changes down the columns of r: at a given coverage they tell the radius."""
    germs = float(spec.intensity(spec.width / 2)) * spec.dilated_area * len(triplets)
    if germs < _ENOUGH_GERMS or len(triplets) < _ENOUGH_IMAGES or spec.height < 2:
        return
    x = theory.pixel_centres(spec.width)
    exact = theory.edge_probability(x, spec.intensity, spec.radius, along_x=False).mean()
    edges = (triplets.r[:, 1:] != triplets.r[:, :-1]).mean(axis=(1, 2))
    spread = edges.std(ddof=1) / math.sqrt(len(edges))
    z = float((edges.mean() - exact) / spread)
    yield _by_z(f"{split}: r, outline of the disks", z, f"{edges.mean():.5f}, expected {exact:.5f}")


def _by_z(check: str, z: float, reading: str) -> Finding:
    return Finding(check, abs(z) <= _LARGEST_Z, f"{reading}, z = {z:+.2f}")


def _processes(spec: TaskSpec) -> dict[str, Disks]:
    """The three images of a triplet as processes of their own."""
    left, right = spec.lambda_left, spec.lambda_right
    return {
        "s1": spec.model_copy(update={"lambda_right": left}),
        "s2": spec.model_copy(update={"lambda_left": right}),
        "r": spec,
    }
