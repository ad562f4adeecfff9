"""A record put together: what is said of how images were made, and what was computed of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from trendbench.data.dataset import Dataset
from trendbench.metrics.card import Card
from trendbench.results.record import (
    CodeEntry,
    DataEntry,
    HardwareEntry,
    RecipeEntry,
    RunRecord,
    Status,
    TrainingEntry,
)
from trendbench.results.store import pack_per_image


@dataclass(frozen=True, kw_only=True)
class Making:
    """How images were made, as whoever made them states it.

    Attributes:
        arch, family: of the row; status: whose word the record rests on.
        seed: of the training; recipe: whole; code: that trained.
        hardware, training: what it ran on and what it cost.
        train: training triplets; those of the data file if None.
        parameters: trained numbers; None where nobody has said.
        conditional: whether s1 and s2 were looked at; privileged: whether germs or targets were.
    """

    arch: str
    family: str
    status: Status
    seed: int
    recipe: RecipeEntry
    code: CodeEntry
    hardware: HardwareEntry
    training: TrainingEntry
    parameters: int | None
    conditional: bool
    privileged: bool
    train: int | None = None


def assembled(
    making: Making,
    dataset: Dataset,
    card: Card,
    attachments: Mapping[str, bytes],
    finished: str,
) -> tuple[RunRecord, bytes]:
    """The record of scored images and its packed per-image scores; nothing is written.

    ``write_record(results, record, per_image, attachments)`` puts it into a folder of results.

    Args:
        making: what is stated.
        dataset: the open data file whose test split was scored.
        card: the scores, which with the data file give all that is not stated.
        attachments: content by file name, of what is to lie in the record's folder.
        finished: UTC, ``YYYY-MM-DDTHH:MM:SSZ``.

    Raises:
        ValueError: a value that no record can hold.
    """
    per_image = pack_per_image(card.per_image)
    said = dict(making.__dict__)
    train = said.pop("train") or dataset.spec.train
    record = RunRecord(
        **said,
        task=dataset.spec.name,
        data=DataEntry(sha256=dataset.sha256, train=train, seed=dataset.seed),
        n_test=card.n,
        xi_floor=card.scores["xi"].truth,
        scores=card.scores,
        flags=[flag.name for flag in card.flags],
        told_by=list(card.told_by),
        images=_digest(per_image),
        attachments={name: _digest(content) for name, content in attachments.items()},
        finished=finished,
    )
    return record, per_image


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
