"""What a search minimises, on validation images: the distance to truth, not ξ itself.

    value = |ξ_b/floor − 1| + (number of flags)

ξ_b is the mean ξ of the validation images after thresholding at 128, the floor its exact value for
true images. Why not ξ: a true image does not score 0 but the floor, and what lies below it is
collapsed or grey. A search that minimised ξ would find exactly those. So

- the distance is taken to 1, from both sides, as the leaderboard does;
- it is taken after thresholding, which turns the mean profile in grey, 0.006 floors by raw ξ, into
  a blank image, 16 floors;
- each flag of the score card costs as much as a ξ that is off by a whole floor: repeating one
  image, copying an input, or the right profile made of a wrong texture do not pay.

A flag is raised at the same limits as on the card, allowance for the number of images included.
Two flags are left out: what ``memorised`` looks at takes longer than drawing, and the score
``diversity`` needs a second draw. The test split is never read.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.errors import DataFileError
from trendbench.metrics.card import FEWEST_IMAGES, score_images
from trendbench.metrics.references import truth_of
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.sampling import ReferenceDistribution

_LEFT_OUT = ("memorisation", "repeats", "diversity", "stray_error")  # costly, or not at hand
_LOOKED_AT = tuple(metric for metric in IMAGE_METRICS if metric.name not in _LEFT_OUT)


def must_be_usable(dataset: Dataset) -> None:
    """Refuse, before any training, data that cannot be trained on or searched with.

    Raises:
        DataFileError: it has too few training or validation triplets.
    """
    sizes = dataset.spec.sizes
    if sizes["train"] < 1 or sizes["val"] < FEWEST_IMAGES:
        raise DataFileError(
            f"{dataset.path} has {sizes['train']} training and {sizes['val']} validation triplets: "
            f"a search needs at least 1 and {FEWEST_IMAGES}"
        )
    trends = len(dataset.spec.of_split("val").members)
    if sizes["val"] % trends:
        raise DataFileError(
            f"{dataset.path} has {sizes['val']} validation triplets for {trends} trends: a search "
            f"needs as many of each, so set val to a multiple of {trends}"
        )


@dataclass(frozen=True)
class Finding:
    """What was found of one set of validation images.

    Attributes:
        value: what is minimised; 0 for true images.
        xi_ratio: ξ after thresholding, over the floor; 1 for true images.
        flags: names of the flags raised.
    """

    value: float
    xi_ratio: float
    flags: list[str]


class Objective:
    """The value of images drawn for a data file's validation inputs.

    Args:
        dataset: an open data file; its training and validation splits are read, now.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.val = dataset.load("val")
        self._data = dataset.sha256
        self._truth = truth_of(dataset, split="val")
        self._references = {
            conditional: ReferenceDistribution(self._truth, conditional)
            for conditional in (False, True)
        }

    def __call__(self, drawn: NDArray[np.uint8], *, conditional: bool = True) -> Finding:
        """The finding on images (n, H, W) uint8, one for each validation triplet, in order.

        Args:
            drawn: the images.
            conditional: whether they were drawn from the inputs; images of an unconditional model
                stand alone.
        """
        card = score_images(
            drawn,
            self._truth,
            name="validation",
            data=self._data,
            given=self.val if conditional else None,
            reference=self._references[conditional],
            metrics=_LOOKED_AT,
        )
        xi = card.scores["xi_binary"]
        ratio = xi.value / self._truth.xi_floor
        flags = [flag.name for flag in card.flags]
        return Finding(abs(ratio - 1) + len(flags), ratio, flags)
