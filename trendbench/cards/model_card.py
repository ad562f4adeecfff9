"""The card of a trained model: what it is, how it was made, what it scores. All from its record."""

import json
import re
from collections.abc import Iterator
from typing import Any

from trendbench.cards.text import DATA_LICENSE, front_matter, inline, markdown_table, page
from trendbench.citation import apa
from trendbench.generators.recipes import OWN_FAMILY
from trendbench.results.record import SUBMITTED, RunRecord

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def model_card(record: RunRecord) -> str:
    """A model card in Markdown, with the front matter that hosts of models read."""
    parts = [
        _front_matter(record),
        f"# {record.arch} on {record.task}",
        _what(record),
        "## Use",
        *_use(record),
        "## Training",
        markdown_table(["", ""], _training(record)),
        "## Scores",
        f"On the {record.n_test} test triplets, with 95 % intervals from resampling images; "
        "beside each what true images score, and the reference range: of sets of as many fresh "
        "true images, 1 % have any score outside its range.",
        markdown_table(["score", "value", "95 % interval", "truth", "reference range"],
                       _scores(record)),
        _missing(record),
        f"**Flags**: {', '.join(f'`{flag}`' for flag in record.flags) or 'none'}.",
        "## Provenance",
        f"Record `{record.run_id}`, status {record.status}, code {inline(record.code.version)} "
        f"(`{record.code.sha256[:12]}`), data `{record.data.sha256[:12]}`, recipe "
        f"`{record.recipe.sha256[:12]}`, finished {record.finished}.",
        "Please cite:" if _is_own(record) else "Weights under CC BY 4.0. Please cite:",
        *(f"> {line}" for line in apa().split("\n\n")),
    ]  # fmt: skip
    return page(parts)


def _front_matter(record: RunRecord) -> str:
    metrics = [
        {"type": name, "name": name, "value": score.value}
        for name, score in record.scores.items()
        if score is not None
    ]
    result = {
        "task": {"type": "image-to-image" if record.conditional else "image-generation"},
        "dataset": {"type": record.task, "name": record.task, "split": "test"},
        "metrics": metrics,
    }
    fields: dict[str, Any] = {
        **({} if _is_own(record) else {"license": DATA_LICENSE}),
        "tags": ["trendbench", "textures", "Boolean model", record.family],
        "datasets": [record.task],
        "model-index": [{"name": record.arch, "results": [result]}],
    }
    return front_matter(fields)


def _is_own(record: RunRecord) -> bool:
    """Whether the author is not us, so that the licence is not ours to state."""
    return record.recipe.source is not None or record.family == OWN_FAMILY


def _what(record: RunRecord) -> str:
    size = f", {record.parameters:,} trained numbers" if record.parameters else ""
    looks = "looks at s1 and s2" if record.conditional else "draws without looking at s1 and s2"
    privileged = (
        " It is shown germs and targets, which no honest generator sees." * record.privileged
    )
    return f"Family `{record.family}`{size}; {looks}.{privileged}"


def _use(record: RunRecord) -> Iterator[str]:
    if record.family == SUBMITTED:
        yield (
            "The images were made elsewhere and submitted; there are no weights. Their author's "
            "recipe lies in `entry.zip`, in the folder of the record's name."
        )
        return
    yield "The folder that this card lies in is what the generator's `load` reads:"
    yield _example(record)
    yield "It was made for the images of this task, and knows nothing of other textures."


def _example(record: RunRecord) -> str:
    module, _, name = record.recipe.generator.rpartition(":")
    if not _REFERENCE.fullmatch(record.recipe.generator):  # a file of the author's
        return (
            f"the class is {inline(record.recipe.generator)}; with that file at hand, named after "
            "`--arch`,\n\n```console\n"
            "$ trendbench sample --arch FILE.py:CLASS --weights . --out samples.npy\n```"
        )
    return (
        "```python\n"
        "from pathlib import Path\n\n"
        f"from {module} import {name}\n"
        "from trendbench.generators.protocol import Inputs\n\n"
        f'generator = {name}.load(Path("."))\n'
        "images = generator.sample(Inputs(s1, s2), seed=0)  # s1, s2, images: (n, H, W) uint8\n"
        "```"
    )


def _training(record: RunRecord) -> Iterator[list[str]]:
    training = record.training
    yield ["generator", inline(record.recipe.generator)]
    yield ["preset", inline(record.recipe.preset or "–")]
    for name, value in record.recipe.parameters.items():
        yield [inline(name), inline(json.dumps(value))]
    yield ["data", f"{record.data.train} training triplets, seed {record.data.seed}"]
    yield ["seed of the run", str(record.seed)]
    if training.epochs is not None:
        yield ["epochs", f"{training.epochs:g}"]
    if training.images_seen is not None:
        yield ["images seen", str(training.images_seen)]
    if training.seconds is not None:
        yield ["seconds", f"{training.seconds:.0f}"]
    yield ["device", inline(f"{record.hardware.device}, {record.hardware.precision}")]


def _scores(record: RunRecord) -> Iterator[list[str]]:
    for name, score in record.scores.items():
        if score is None:
            continue
        yield [
            f"`{name}`",
            f"{score.value:.4g}",
            f"{score.low:.3g} … {score.high:.3g}",
            score.marked(f"{score.truth:.3g}"),
            f"{score.truth_low:.3g} … {score.truth_high:.3g}",
        ]


def _missing(record: RunRecord) -> str:
    absent = [f"`{name}`" for name, score in record.scores.items() if score is None]
    return f"Not scored: {', '.join(absent)}." if absent else ""
