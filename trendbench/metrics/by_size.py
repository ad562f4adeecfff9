"""At how many images the verdict turns: images in sets of n, each judged by itself."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.errors import ImagesError
from trendbench.metrics.card import FEWEST_IMAGES
from trendbench.metrics.flags import TELL_NOTHING
from trendbench.metrics.full_card import reference_of
from trendbench.metrics.metric import SetMetric
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.resampling import measured
from trendbench.metrics.sampling import features_of
from trendbench.progress import Bar, quiet

_BATCH = 128


@dataclass(frozen=True)
class BySize:
    """The verdicts on sets of n images.

    Attributes:
        n: images in a set.
        sets: number of sets, which have no image in common.
        told: how many of them any score tells from true images.
        by: how many of them each score tells, the most first.
    """

    n: int
    sets: int
    told: int
    by: dict[str, int]


def by_size(
    images: NDArray[np.uint8],
    dataset: Dataset,
    sizes: Sequence[int],
    *,
    second: NDArray[np.uint8] | None = None,
    conditional: bool = True,
    bar: Bar = quiet,
) -> Iterator[BySize]:
    """Cut images into sets of n, for each n, and hold each set against the card's ranges.

    A set is told if any score lies outside its reference range at n images. Of true sets 0.75 %
    are; the trained classifier, with 0.25 % more, is left out, and so are flags.

    Args:
        images: one for each test triplet, (m, H, W) uint8.
        dataset: an open data file.
        sizes: numbers n.
        second: another sample for the same inputs.
        conditional: whether the images were drawn from s1 and s2.
        bar: shows progress; nothing by default.

    Raises:
        ImagesError: a size is below 2, larger than the set, or does not hold each trend as often;
            or it is a part of a set of pictures.
    """
    trends = len(dataset.spec.members)
    for n in sizes:
        if n < FEWEST_IMAGES:
            raise ImagesError(f"sets of {n}: a score needs at least {FEWEST_IMAGES} images")
        if n > len(images):
            raise ImagesError(f"{len(images)} images hold no set of {n}: --n {len(images)} at most")
        if n % trends:
            raise ImagesError(f"sets of {n} images of {trends} trends: n is a multiple of {trends}")
        if n < len(images) and not dataset.spec.simulated:
            raise ImagesError(
                "the tiles of a source picture depend on each other, so parts of these images have "
                f"no reference range: --n {len(images)} judges them as a whole"
            )
    reference = reference_of(dataset, conditional and dataset.spec.has_inputs)
    truth = reference.truth
    given = dataset.in_order("test") if reference.conditional else None
    with bar("scoring", len(images), "images") as progress:
        features = features_of(IMAGE_METRICS, images, truth, given, second, _BATCH, progress)
    metrics = [m for m in IMAGE_METRICS if m.name in features or isinstance(m, SetMetric)]
    metrics = [m for m in metrics if m.is_measurable(dataset.spec)]
    reference.prepare(metrics, bar)
    for n in sizes:
        sets = [slice(start, start + n) for start in range(0, len(images) - n + 1, n)]
        found: Counter[str] = Counter()
        told = 0
        for rows in sets:
            own = {
                m.name: m.features_of_set(images[rows], truth)
                if isinstance(m, SetMetric)
                else features[m.name][rows]
                for m in metrics
            }
            ranges = reference.ranges(metrics, own, n)
            values = {m.name: measured(m, own[m.name], truth) for m in metrics}
            outside = [
                name
                for name, value in values.items()
                if name not in TELL_NOTHING and not ranges[name].low <= value <= ranges[name].high
            ]
            found.update(outside)
            told += bool(outside)
        yield BySize(n, len(sets), told, dict(found.most_common()))
