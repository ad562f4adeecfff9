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
    if not dataset.spec.train:
        raise DataFileError(
            f"{dataset.path} has no training {dataset.spec.counted}, so ξ₀ is undefined: make one "
            f"with {'--n' if dataset.spec.simulated else 'trendbench import'}"
        )
    spec = dataset.spec if split == "test" else dataset.spec.of_split(split)
    known: list[Split] = ["train", "val"]
    if not conditional and dataset.spec.simulated:
        known.append("test")
    profiles, small = [], []
    for part in known:
        for images in dataset.blocks(part, "r", _BATCH):
            small.append(thumbnails(images < THRESHOLD, dataset.spec))
            if part == "train":
                profiles.append(density_profile(images, spec.window))
    xi0, averaged = mean_profiles(np.concatenate(profiles), spec)
    return Truth(spec, xi0, averaged, np.concatenate(small))


def mean_profiles(training: NDArray[np.float64], spec: TaskSpec) -> tuple[NDArray[np.float64], int]:
    """ξ₀ of each trend, (K, W − w + 1), and how many it averages.

    ``training`` holds the profiles of the training r, (n, W − w + 1).

    Where the test split has trends that the training split has not, ξ₀ is the exact E ξ_k.
    """
    if spec.xi0_images is None:
        members = true_values(spec).members
        return np.stack([member.mean_profile for member in members]), EXACTLY
    k = len(spec.members)
    return np.stack([training[t::k].mean(axis=0) for t in range(k)]), len(training)
