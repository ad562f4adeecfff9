"""``tb.score``: images from anywhere, a data file, one card."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.data.opening import open_dataset
from trendbench.errors import ImagesError
from trendbench.metrics.card import Card
from trendbench.metrics.files import read_samples
from trendbench.metrics.full_card import full_card, must_know_trends
from trendbench.metrics.intake import Handling, accepted_samples, tensor_line
from trendbench.process.triplets import Triplets
from trendbench.progress import Bar, quiet

Images = NDArray[np.uint8] | str | Path


def score(
    images: Images,
    dataset: Dataset | str | Path,
    *,
    name: str = "images",
    second: Images | None = None,
    conditional: bool = True,
    c2st: bool = True,
    connectivity: bool = False,
    bar: Bar = quiet,
    threshold: float | None = None,
    invert: bool = False,
) -> Card:
    """Score images against the test split of a data file, as ``trendbench score`` does.

    Args:
        images: one for each test triplet in the file's order, (n, H, W) uint8, particles 0 and
            background 255, or floats in 0 … 1; or (2, n, H, W), of which the second is another
            sample for the same triplets; or the path of a ``.npy``, ``.npz``, ``.h5`` or ``.tif``
            file or of a folder of numbered PNGs or TIFFs.
        dataset: an open data file, which stays open, or the path of one.
        name: what the card calls the images.
        second: another sample for the same triplets, for the score ``diversity``.
        conditional: whether they were drawn from s1 and s2; if not, the scores of the coupling
            are absent.
        c2st: whether to train the classifier, which takes minutes and at least 100 triplets.
        connectivity: whether to score clusters too: ``spanning_error`` and ``cluster_error``.
        bar: shows progress, e.g. ``trendbench.progress.bar``; nothing by default.
        threshold: pixels of this value and above become white, all others black; 0 … 255 for
            integers, 0 … 1 for floats. None leaves grey values as they are.
        invert: whether to exchange black and white, for white particles on black.

    Returns:
        The card: ``card.scores["xi"].value`` with ``low`` and ``high`` (95 % interval) and
        ``truth``, by metric name, None where a score does not exist here; ``card.flags``,
        ``card.verdict``, ``card.per_image``, and ``card.to_json()``.

    Raises:
        ImagesError: the images do not fit the test split, are too few, or cannot be told black
            from white; the message gives the line that mends them.
        InputError: the threshold is no number.
        DataFileError: the data file is missing, foreign or damaged.

    Source: every exact value is derived on the manual's pages on the mathematics and the scores.
    """
    opened = nullcontext(dataset) if isinstance(dataset, Dataset) else open_dataset(dataset)
    with opened as data:
        must_know_trends(data.spec, conditional=conditional)
        first, again = both_samples(images, second, data, Handling(threshold, invert))
        return full_card(
            first, data, name=name, second=again, conditional=conditional, c2st=c2st,
            connectivity=connectivity, bar=bar,
        )  # fmt: skip


def both_samples(
    images: Images, second: Images | None, data: Dataset, how: Handling
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The images and, if there is one, another sample for the same triplets.

    Raises:
        ImagesError: as ``score``.
    """
    first, again = _given(images, data, how)
    if second is not None:
        if again is not None:
            raise ImagesError(
                f"{_name(images)} holds a second sample already: leave out {_name(second)}"
            )
        again, further = _given(second, data, how)
        if further is not None:
            raise ImagesError(f"{_name(second)} holds two samples: needed is one")
    return first, again


def _name(images: Images) -> str:
    return str(images) if isinstance(images, str | Path) else "the array"


def _given(
    images: Images, data: Dataset, how: Handling
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The images, and the second sample for the same triplets where they hold one."""
    spec, n = data.spec, data.spec.test
    if images is None or isinstance(images, Triplets):
        way = "uint8 images (n, H, W)" if images is None else "one series of them, as triplets.r"
        raise ImagesError(f"the images are {type(images).__name__}: needed is {way}")
    if isinstance(images, str | Path):
        return read_samples(Path(images), spec, n, how)
    try:
        array = np.asarray(images)
    except Exception as error:  # other libraries' arrays raise as they like
        hint = f"of a tensor {tensor_line(images)} makes one"
        if isinstance(images, list | tuple):
            hint = f"np.stack(images) makes one of {spec.height}×{spec.width} arrays alone"
        raise ImagesError(f"the images are no array ({error}): {hint}") from None
    return accepted_samples(array, spec, n, _name(images), how)
