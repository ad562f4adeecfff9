"""The references of a data file: what its training images say, beside what is exact."""

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.errors import DataFileError
from trendbench.metrics.batch import THRESHOLD, density_profile
from trendbench.metrics.thumbnails import thumbnails
from trendbench.metrics.truth import EXACTLY, Truth, true_values
from trendbench.process.seeds import Split
from trendbench.spec import TaskSpec

_BATCH = 128


def truth_of(dataset: Dataset, *, conditional: bool = True, split: Split = "test") -> Truth:
    """The references of an open data file.

    Args:
        dataset: the data file.
        conditional: whether images are scored with their inputs. If not, the test images are
            among the images that must not be remembered, unless they stand for true images.
        split: whose triplets are scored; it matters where the test split has other trends.

    Raises:
        DataFileError: the file has no training triplets to average ξ₀ over.
    """
    training = dataset.images("train", "r")
    if not len(training):
        raise DataFileError(
            f"{dataset.path} has no training triplets, so ξ₀ is undefined: make one with --n"
        )
    spec = dataset.spec if split == "test" else dataset.spec.of_split(split)
    xi0, averaged = mean_profiles(training, spec)
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
    return Truth(spec, xi0, averaged, small)


def mean_profiles(training: NDArray[np.uint8], spec: TaskSpec) -> tuple[NDArray[np.float64], int]:
    """ξ₀ of each trend from the training r (n, H, W): (K, W − w + 1), and how many it averages.

    Where the test split has trends that the training split has not, ξ₀ is the exact E ξ_k.
    """
    if spec.xi0_images is None:
        members = true_values(spec).members
        return np.stack([member.mean_profile for member in members]), EXACTLY
    profile, k = density_profile(training, spec.window), len(spec.members)
    return np.stack([profile[t::k].mean(axis=0) for t in range(k)]), len(profile)
