"""Areas and centroids of disks, of their intersections and of their unions."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import number, numbers
from trendbench.errors import InputError


def disk_area(radius: float) -> float:
    """A = πR² [px²].

    Raises:
        InputError: R is no positive number.
    """
    radius = number(radius, "radius", above=0)
    return math.pi * radius * radius


def lens_area(h: ArrayLike, radius: float) -> NDArray[np.float64]:
    """Area common to two disks of radius R whose centres are h apart.

    ν(h) = 2R² arccos(h/2R) − (h/2)·√(4R² − h²) for h < 2R, else 0.

    Args:
        h: distances ≥ 0 [px], any shape.
        radius: R [px].

    Returns:
        ν(h) [px²], shape of ``h``.

    Raises:
        InputError: R is no positive number, or h is negative.
    """
    radius = number(radius, "radius", above=0)
    h = np.minimum(numbers(h, "h", least=0), 2 * radius)
    chord = np.sqrt(np.maximum(4 * radius**2 - h**2, 0))  # at h = 2R it may round to below 0
    lens: NDArray[np.float64] = 2 * radius**2 * np.arccos(h / (2 * radius)) - h / 2 * chord
    return lens


def union_of_disks(centres: Sequence[tuple[float, float]], radius: float) -> tuple[float, float]:
    """Area of a union of equal disks, and x of its centroid.

    By Green's theorem along the union's boundary: area = ½∮(x dy − y dx) and ∬x = ½∮x² dy, summed
    over the arcs of each circle that no other disk covers.

    Args:
        centres: (x, y) of each disk [px].
        radius: R [px].

    Returns:
        (area [px²], x of the centroid [px]).

    Raises:
        InputError: R is no positive number, or the centres are no (n, 2) numbers.
    """
    radius = number(radius, "radius", above=0)
    if numbers(centres, "centres").shape[1:] != (2,):
        raise InputError("centres: needed is (x, y) for each of one or more disks")
    centres = list({(float(x), float(y)): None for x, y in centres})
    area = moment = 0.0
    for centre in centres:
        for start, stop in _free_arcs(centre, centres, radius):
            x, y = centre
            sines = math.sin(stop) - math.sin(start)
            cosines = math.cos(stop) - math.cos(start)
            squares = (stop - start) / 2 + (math.sin(2 * stop) - math.sin(2 * start)) / 4
            cubes = sines - (math.sin(stop) ** 3 - math.sin(start) ** 3) / 3
            area += (radius**2 * (stop - start) + radius * (x * sines - y * cosines)) / 2
            moment += (x**2 * radius * sines + 2 * x * radius**2 * squares + radius**3 * cubes) / 2
    return area, moment / area


def _free_arcs(
    centre: tuple[float, float], centres: Sequence[tuple[float, float]], radius: float
) -> list[tuple[float, float]]:
    """Angles of a disk's circle that lie in no other disk, as intervals within [0, 2π]."""
    covered: list[tuple[float, float]] = []
    for other in centres:
        dx, dy = other[0] - centre[0], other[1] - centre[1]
        apart = math.hypot(dx, dy)
        if not 0 < apart < 2 * radius:
            continue
        towards, half = math.atan2(dy, dx), math.acos(apart / (2 * radius))
        start = (towards - half) % math.tau
        stop = start + 2 * half
        covered.append((start, min(stop, math.tau)))
        if stop > math.tau:
            covered.append((0.0, stop - math.tau))
    free, at = [], 0.0
    for start, stop in sorted(covered):
        if start > at:
            free.append((at, start))
        at = max(at, stop)
    if at < math.tau:
        free.append((at, math.tau))
    return free
