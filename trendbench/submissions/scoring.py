"""``tb.score``: images from anywhere, a data file, one card."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.data.opening import open_dataset
from trendbench.errors import ImagesError
from trendbench.metrics.card import Card
from trendbench.metrics.full_card import full_card
from trendbench.progress import quiet
from trendbench.submissions.images import read_samples
from trendbench.training.context import Bar

Images = NDArray[np.uint8] | str | Path


def score(
    images: Images,
    dataset: Dataset | str | Path,
    *,
    name: str = "images",
    second: Images | None = None,
    conditional: bool = True,
    c2st: bool = True,
    bar: Bar = quiet,
) -> Card:
    """Score images against the test split of a data file, as ``trendbench score`` does.

    Args:
        images: one for each test triplet in the file's order, (n, H, W) uint8, particles 0 and
            background 255; or (2, n, H, W), of which the second is another sample for the same
            triplets; or the path of a ``.npy``, ``.npz`` or ``.h5`` file or of a folder of
            numbered PNGs.
        dataset: an open data file, which stays open, or the path of one.
        name: what the card calls the images.
        second: another sample for the same triplets, for the score ``diversity``.
        conditional: whether they were drawn from s1 and s2; if not, the scores of the coupling
            are absent.
        c2st: whether to train the classifier, which takes minutes and at least 100 triplets.
        bar: shows progress, e.g. ``trendbench.progress.bar``; nothing by default.

    Returns:
        The card: ``card.scores["xi"].value`` with ``low`` and ``high`` (95 % interval) and
        ``truth``, by metric name, None where a score does not exist here; ``card.flags``,
        ``card.verdict``, ``card.per_image``, and ``card.to_json()``.

    Raises:
        ImagesError: the images do not fit the test split, or are too few.
        DataFileError: the data file is missing, foreign or damaged.

    Source: every exact value is derived on the manual's pages on the mathematics and the scores.
    """
    opened = nullcontext(dataset) if isinstance(dataset, Dataset) else open_dataset(dataset)
    with opened as data:
        first, again = both_samples(images, second, data)
        return full_card(
            first, data, name=name, second=again, conditional=conditional, c2st=c2st, bar=bar
        )


def both_samples(
    images: Images, second: Images | None, data: Dataset
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The images and, if there is one, another sample for the same triplets.

    Raises:
        ImagesError: as ``score``.
    """
    first, again = _given(images, data)
    if second is not None:
        if again is not None:
            raise ImagesError(
                f"{_name(images)} holds a second sample already: leave out {_name(second)}"
            )
        again, further = _given(second, data)
        if further is not None:
            raise ImagesError(f"{_name(second)} holds two samples: needed is one")
    return first, again


def _name(images: Images) -> str:
    return str(images) if isinstance(images, str | Path) else "the array"


def _given(images: Images, data: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The images, and the second sample for the same triplets where they hold one."""
    spec, n = data.spec, data.spec.test
    if isinstance(images, str | Path):
        return read_samples(Path(images), spec, n)
    array = np.asarray(images)
    if array.ndim == 4 and len(array) == 2:
        return array[0], array[1]
    return array, None
