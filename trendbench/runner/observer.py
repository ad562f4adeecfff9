"""Watch a model while it trains: validation ξ and a sheet of samples after each epoch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.figures.canvas import save
from trendbench.figures.samples import sample_sheet
from trendbench.generators.protocol import inputs_for
from trendbench.metrics.batch import Batch
from trendbench.metrics.grey import GreyFraction
from trendbench.metrics.intake import drawn_by
from trendbench.metrics.references import truth_of
from trendbench.metrics.xi import Xi
from trendbench.progress import optional
from trendbench.training.curves import Curves
from trendbench.training.losses import CurveLog

VALIDATION_SEED = 1
Reader = Callable[[int, NDArray[np.uint8]], None]
_WATCHED = 64
_SHOWN = 4


def observer(
    folder: Path,
    model_class: Any,
    dataset: Dataset,
    name: str,
    curves: Curves,
    *,
    figures: Path | None,
    images: int = _WATCHED,
    train: int | None = None,
    then: Reader | None = None,
) -> Callable[[Any, int], None]:
    """A function (generator, epoch) that logs to ``folder``'s ``validation.csv`` and ``curves``.

    It draws from the first ``images`` validation triplets only, with a fixed seed, and leaves the
    training's own randomness alone. An epoch has ``generator.images_an_epoch`` triplets; without
    that attribute ``train``, those of the data file if None. A sheet of samples goes to the folder
    ``figures``, if there is one. What was drawn goes to ``then(epoch, drawn)`` last. A log or a
    figure that cannot be made does not end the training.
    """
    truth = truth_of(dataset, split="val")
    watched = dataset.load("val")[:images]
    inputs = inputs_for(model_class, watched)

    def observe(generator: Any, epoch: int) -> None:
        if not len(inputs):
            return
        drawn = generator.sample(inputs, VALIDATION_SEED)
        drawn_by(drawn, dataset.spec, len(watched), f"{name}.sample")
        usual = train or dataset.spec.train
        seen = epoch * int(getattr(generator, "images_an_epoch", usual))
        with optional(f"epoch {epoch}, validation scores"):
            log = CurveLog(folder / "validation.csv", epoch - 1, key="epoch")
            batch = Batch(drawn, truth.spec.window)
            means = {
                metric.name: float(metric.features(batch, truth).mean())
                for metric in (Xi(), GreyFraction())
            }
            log.add(epoch, means)
            log.sync()
            curves.scalars("validation", seen, means)
        if figures is not None:
            with optional(f"epoch {epoch}, figure of validation samples"):
                path = figures / f"epoch-{epoch:04d}.png"
                save(sample_sheet(watched[:_SHOWN], drawn[:_SHOWN], name), path)
                curves.picture("validation samples", seen, path)
        if then is not None:
            then(epoch, drawn)

    return observe
