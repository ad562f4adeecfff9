"""Triplets of images, and the simulator: germs drawn, then rasterised."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import InputError
from trendbench.process.germs import IN_R, IN_S1, IN_S2, Germs, draw_germs
from trendbench.process.seeds import Split
from trendbench.process.trend import TrendProcess
from trendbench.rendering.disks import draw_series
from trendbench.spec import Task, process_of

IMAGES = ("s1", "s2", "r")
_BITS = np.array([IN_S1, IN_S2, IN_R], dtype=np.uint8)


@dataclass(frozen=True)
class Triplets:
    """n triplets of one task.

    Attributes:
        spec: the task they were drawn from.
        s1: (n, H, W) uint8, homogeneous at λ(0); white 255, particles 0.
        s2: the same at λ(W).
        r: the same with the trend.
        germs: of the images, if known.
    """

    spec: TrendProcess
    s1: NDArray[np.uint8]
    s2: NDArray[np.uint8]
    r: NDArray[np.uint8]
    germs: Germs | None = None

    def __len__(self) -> int:
        return len(self.r)

    def __getitem__(self, rows: slice) -> "Triplets":
        """A contiguous range of triplets, as views."""
        germs = self.germs[rows] if self.germs else None
        return Triplets(self.spec, self.s1[rows], self.s2[rows], self.r[rows], germs)


def simulate(
    spec: Task,
    n: int,
    seed: int = 0,
    *,
    split: Split = "train",
    start: int = 0,
    out: NDArray[np.uint8] | None = None,
) -> Triplets:
    """Draw triplets ``start`` to ``start + n`` of a split.

    A triplet depends on (seed, split, index) alone, so any part of a data file can be drawn
    again on its own.

    Args:
        spec: the task, its name, the path of its TOML file, or a bare process.
        n: number of triplets, ≥ 0.
        seed: 0 ≤ seed < 2⁶⁴.
        split: which of the three independent series.
        start: index of the first triplet, ≥ 0.
        out: memory to draw into, (3, n, H, W) uint8; new memory if None.

    Returns:
        ``Triplets`` with s1, s2 and r, (n, H, W) uint8, particles 0 and background 255, and their
        germs in px.

    Raises:
        SpecError: there is no such task.
        InputError: no such split; n, start or seed out of range; or ``out`` does not fit.

    Source: the Boolean model, Chiu, Stoyan, Kendall & Mecke, Stochastic Geometry and its
    Applications, 3rd ed., chapter 3; thinning, section 2.7.3.
    """
    spec = process_of(spec)
    germs = draw_germs(spec, n, seed, split, start)
    shape = (len(IMAGES), len(germs), spec.height, spec.width)
    images = np.empty(shape, dtype=np.uint8) if out is None else out
    if np.shape(images) != shape or images.dtype != np.uint8:
        raise InputError(f"out: needed is an array of shape {shape} and type uint8")
    render(germs, spec.radius, images)
    s1, s2, r = images
    return Triplets(spec, s1, s2, r, germs)


def render(germs: Germs, radius: float, images: NDArray[np.uint8]) -> None:
    """Draw s1, s2 and r of every triplet into ``images``, shape (3, n, H, W)."""
    draw_series(germs.offsets, germs.x, germs.y, germs.member, _BITS, radius, images)


def render_r(
    germs: Germs, process: TrendProcess, *, radius: float | None = None
) -> NDArray[np.uint8]:
    """The images of the germs that are members of r, (n, H, W); of another radius if given."""
    images = np.empty((1, len(germs), process.height, process.width), dtype=np.uint8)
    draw_series(
        germs.offsets, germs.x, germs.y, germs.member, _BITS[2:], radius or process.radius, images
    )
    only: NDArray[np.uint8] = images[0]
    return only


def compile_kernels() -> bool:
    """Make the kernels ready. True if this call had to compile them.

    Machine code is cached on disk, so only the first use on a machine compiles.
    """
    tiny = TrendProcess(width=8, height=8, radius=1.0, lambda_left=0.01, lambda_right=0.02)
    before = _cache_misses()
    simulate(tiny, 1)
    return _cache_misses() > before


def _cache_misses() -> int:
    """How often this process compiled the kernel that draws, as the disk had no code of it."""
    return sum(draw_series.stats.cache_misses.values())  # type: ignore[attr-defined]
