"""Score published rows again after a metric has changed: ``python -m benchmarks.rescore``.

A record that came with weights is drawn again with them, held against its own per-image ξ, and
scored by the metrics of today. Another processor may round otherwise and flip pixels; other images
are refused. Everything but the scores is the old record's; its files are
replaced, as git keeps them. Rows without weights are run anew with ``trendbench run``.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trendbench import catalog
from trendbench.cards.model_card import model_card
from trendbench.data.make import default_path, make_data
from trendbench.data.opening import open_dataset
from trendbench.generators.protocol import inputs_for
from trendbench.generators.recipes import load_class
from trendbench.metrics.full_card import full_card
from trendbench.metrics.intake import drawn_by
from trendbench.metrics.registry import are_current
from trendbench.progress import bar, say
from trendbench.results import weights
from trendbench.results.assembly import Making, assembled
from trendbench.results.record import RunRecord
from trendbench.results.store import StoredRecord, read_folder, write_record
from trendbench.runner.run import SECOND_SEED
from trendbench.spec import load_spec
from trendbench.storage.atomic import write_text

_OTHER_IMAGES = 0.1  # standard deviations of ξ between images; unrelated sets differ by 1.1
_MAKING = set(Making.__dataclass_fields__) - {"train"}


def main(archs: Sequence[str]) -> None:
    """Score again every stale record with weights, or those of the named rows."""
    for stored in read_folder(catalog.RESULTS, "published"):
        record = stored.record
        if archs and record.arch not in archs:
            continue
        if not weights.names(record):
            say(f"{record.task} {record.arch}: came without weights")
        elif archs or not are_current(record.scores):
            say(f"{record.task} {record.arch}: {rescored(stored)}")


def rescored(stored: StoredRecord) -> Path:
    """Replace a record by one of the same images with the scores of today; returns its path.

    Raises:
        SystemExit: the weights draw other images here than they drew for the record.
    """
    record = stored.record
    spec = load_spec(record.task, train=record.data.train)
    data = default_path(spec, record.data.seed)
    if not data.exists():
        make_data(spec, record.data.seed, data)
    model_class = load_class(record.recipe.generator)
    with open_dataset(data) as dataset, weights.unpacked(stored) as folder:
        test = dataset.load("test")
        generator = model_class.load(folder)
        inputs = inputs_for(model_class, test)
        assert record.training.sampling_seed is not None
        first, second = (
            drawn_by(generator.sample(inputs, seed), dataset.spec, len(test), record.arch)
            for seed in (record.training.sampling_seed, SECOND_SEED)
        )
        card = full_card(
            first, dataset, name=record.arch, second=second, conditional=record.conditional, bar=bar
        )
        before = stored.per_image()["xi"]
        apart = float(np.abs(card.per_image["xi"] - before).mean() / before.std())
        say(f"mean difference of an image's ξ: {apart:.2g} standard deviations between images")
        if apart > _OTHER_IMAGES:
            raise SystemExit(
                f"{record.arch}: the weights draw other images here; "
                f"trendbench run --arch {record.arch} makes the row anew"
            )
        beside = {name: stored.attachment(name) or b"" for name in record.attachments}
        making = Making(
            **{name: getattr(record, name) for name in _MAKING}, train=record.data.train
        )
        made, per_image = assembled(making, dataset, card, beside, record.finished)
    _remove(stored.path, record)
    path = write_record(catalog.RESULTS, made, per_image, beside)
    write_text(path.with_suffix("") / weights.CARD, model_card(made))
    return path


def _remove(path: Path, record: RunRecord) -> None:
    """The record, its per-image scores, and its folder."""
    path.unlink()
    path.with_suffix(".npz").unlink(missing_ok=True)
    shutil.rmtree(path.parent / record.run_id, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
