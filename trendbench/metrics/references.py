"""The references of a data file: what its training images say, beside what is exact."""

import numpy as np

from trendbench.data.dataset import Dataset
from trendbench.errors import DataFileError
from trendbench.metrics.batch import THRESHOLD, density_profile
from trendbench.metrics.thumbnails import thumbnails
from trendbench.metrics.truth import Truth

_BATCH = 128


def truth_of(dataset: Dataset, *, conditional: bool = True) -> Truth:
    """The references of an open data file.

    Args:
        dataset: the data file.
        conditional: whether images are scored with their inputs. If not, the test images are
            among the images that must not be remembered, unless they stand for true images.

    Raises:
        DataFileError: the file has no training triplets to average ξ₀ over.
    """
    training = dataset.images("train", "r")
    if not len(training):
        raise DataFileError(
            f"{dataset.path} has no training triplets, so ξ₀ is undefined: make one with --n"
        )
    profile = density_profile(training, dataset.spec.window)
    known = [training, dataset.images("val", "r")]
    if not conditional and dataset.spec.simulated:
        known.append(dataset.images("test", "r"))
    small = np.concatenate(
        [
            thumbnails(series[start : start + _BATCH] < THRESHOLD, dataset.spec)
            for series in known
            for start in range(0, len(series), _BATCH)
        ]
    )
    return Truth(dataset.spec, profile.mean(axis=0), len(training), small)
