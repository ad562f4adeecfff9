"""Score samples made elsewhere and pack them as an entry."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.errors import ResultError
from trendbench.generators.recipes import is_reserved
from trendbench.metrics.card import Card
from trendbench.metrics.full_card import full_card
from trendbench.plain_text import checked_name
from trendbench.progress import Bar, quiet
from trendbench.results.record import DataEntry, ScoreEntry, code_entry
from trendbench.results.store import pack_per_image
from trendbench.storage.atomic import write_bytes
from trendbench.submissions.entry import (
    Code,
    Entry,
    RecipeText,
    Samples,
    pack,
    read_recipe,
    samples_hash,
)
from trendbench.submissions.text import checked_line

NOT_SAID = "not said"


@dataclass(frozen=True)
class About:
    """What a submitter says of the samples.

    Attributes:
        name: the row's name.
        recipe: a .md or .toml file that says how they were made.
        seed: of the training, where several are submitted.
        conditional: whether the generator looked at s1 and s2.
        privileged: whether it was shown germs or targets.
        parameters: trained numbers; epochs: passes over the training triplets; device: what it
            was trained on.

    Raises:
        ResultError: a name that is none or is taken by one of our rows, a text that does not go in.
    """

    name: str
    recipe: Path
    seed: int = 0
    conditional: bool = True
    privileged: bool = False
    parameters: int | None = None
    epochs: float | None = None
    device: str = NOT_SAID

    def __post_init__(self) -> None:
        try:
            checked_name(self.name)
        except ValueError as error:
            raise ResultError(f"--name: {error}") from None
        if is_reserved(self.name):
            raise ResultError(f"'{self.name}' is a name of trendbench's own rows: choose another")
        checked_line(self.device, "--device")
        read_recipe(self.recipe)


def submit(
    images: NDArray[np.uint8],
    dataset: Dataset,
    about: About,
    out: Path,
    *,
    second: NDArray[np.uint8] | None = None,
    c2st: bool = True,
    bar: Bar = quiet,
) -> Card:
    """Score images and write ``out``: the same bytes for the same images, data and words.

    Args:
        images: one for each test triplet, (n, H, W) uint8.
        dataset: the open data file.
        about: what is said of them.
        out: the entry's file; it must not exist.
        second: another sample for the same inputs.
        c2st: whether to train the classifier.
        bar: shows progress.

    Raises:
        ImagesError: the images do not fit the test split.
        ResultError: ``out`` exists.
        OSError: it cannot be written.
    """
    must_be_new(out)
    file, text = read_recipe(about.recipe)
    card = full_card(
        images, dataset, name=about.name, second=second, conditional=about.conditional,
        c2st=c2st, bar=bar,
    )  # fmt: skip
    xi = card.scores["xi"]
    per_image = pack_per_image(card.per_image)
    entry = Entry(
        name=about.name,
        task=dataset.spec.name,
        seed=about.seed,
        data=DataEntry(sha256=dataset.sha256, train=dataset.spec.train, seed=dataset.seed),
        code=Code(**code_entry().model_dump()),
        recipe=RecipeText(file=file, sha256=hashlib.sha256(text.encode()).hexdigest()),
        samples=Samples(
            n=len(images),
            sha256=samples_hash(images),
            second=None if second is None else samples_hash(second),
        ),
        conditional=about.conditional,
        privileged=about.privileged,
        parameters=about.parameters,
        epochs=about.epochs,
        device=about.device,
        xi_floor=xi.truth,
        scores={
            name: ScoreEntry(**score.__dict__) if score else None
            for name, score in card.scores.items()
        },
        flags=[flag.name for flag in card.flags],
        images=hashlib.sha256(per_image).hexdigest(),
    )
    write_bytes(out, pack(entry, per_image, text))
    return card


def must_be_new(out: Path) -> None:
    """Refuse to replace a file.

    Raises:
        ResultError: something stands at ``out``.
    """
    if out.exists() or out.is_symlink():
        raise ResultError(f"{out} exists: choose another --out, or move it away")
