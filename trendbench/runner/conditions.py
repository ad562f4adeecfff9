"""What must hold before a run begins."""

import os

from trendbench.data.dataset import Dataset
from trendbench.errors import DataFileError, RunError
from trendbench.metrics.c2st import FEWEST_TRIPLETS
from trendbench.metrics.card import FEWEST_IMAGES
from trendbench.spec import canonical_file


def must_be_alone() -> None:
    """Refuse to be one of several processes that torchrun started.

    Raises:
        RunError: it is.
    """
    count = os.environ.get("WORLD_SIZE", "1")
    if os.environ.get("TORCHELASTIC_RUN_ID") and count != "1":
        raise RunError(
            f"torchrun started {count:.20} processes, and a run is one process: start trendbench "
            "run without torchrun; several GPUs take a run each, e.g. CUDA_VISIBLE_DEVICES=1 "
            "trendbench run --arch nf16 --seed 1"
        )


def must_be_usable(dataset: Dataset, *, by_default: bool, c2st: bool) -> None:
    """Refuse, before any training, data that cannot be trained on or scored with.

    Raises:
        DataFileError: too few triplets, for the classifier too if it is asked for; or a default
            file that is not the canonical one.
    """
    sizes = dataset.spec.sizes
    if sizes["train"] < 1 or sizes["test"] < FEWEST_IMAGES:
        raise DataFileError(
            f"{dataset.path} has {sizes['train']} training and {sizes['test']} test "
            f"{dataset.spec.counted}: a run needs at least 1 and {FEWEST_IMAGES}"
        )
    if c2st and dataset.spec.simulated and sizes["test"] < FEWEST_TRIPLETS:
        raise DataFileError(
            f"{dataset.path} has {sizes['test']} test triplets: the classifier needs at least "
            f"{FEWEST_TRIPLETS}; use --no-c2st"
        )
    canonical = canonical_file(dataset.spec.name)
    if by_default and canonical and canonical.sha256 != dataset.sha256:
        raise DataFileError(
            f"{dataset.path} is not the canonical file of {dataset.spec.name}: make it again "
            "with trendbench make-data --overwrite, or name your file with --data"
        )
