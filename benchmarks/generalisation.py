"""A row's published weights where they were not trained: ``docs/generalisation.md``.

``python -m benchmarks.generalisation`` draws frames and trends that the weights of ``flow`` never
saw, and ten thousand of the canonical ones, scores each set against its exact truth and prints the
tables; with ``--write`` it writes the page and its picture. ``--only PART`` measures ``many``,
``frames`` or ``trends`` alone. Cards are kept in ``benchmarks/cards/generalisation``, so an
interruption costs one set.
"""

import functools
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from benchmarks.page import machine
from benchmarks.reports import CARDS, Report, at, inside, kept, made, scores_table, starred
from benchmarks.table import grid
from trendbench.families.disks.intensity import LinearIntensity
from trendbench.spec import TaskSpec, load_spec

if TYPE_CHECKING:
    from trendbench.data.dataset import Dataset
    from trendbench.runner.sample import Source

PAGE = Path(__file__).parents[1] / "docs" / "generalisation.md"
PICTURE = PAGE.parent / "images" / "flow-strip.png"
_TEMPLATE = Path(__file__).parent / "generalisation.md"
_CARDS = CARDS / "generalisation"
_WORK = Path("runs") / "generalisation"
_TASK, _ARCH = "trend-v1", "flow"
INTENSITIES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # 10⁻³ px⁻²
_SEED = 1
_UNSEEN = 47  # of the ten thousand, which no choice may have looked at: a new one for a new recipe
_MISSING = "Not measured yet with these weights."


@dataclass(frozen=True)
class Case:
    """One set to draw.

    Attributes:
        name: of the kept card.
        task: its frame, intensities and number of test triplets.
        classifier: whether the trained classifier is asked as well.
        seed: of the data.
    """

    name: str
    task: TaskSpec
    classifier: bool = False
    seed: int = _SEED


def frames() -> list[Case]:
    """A strip and a square with the canonical intensities at both ends."""
    return [
        Case("strip", _task("strip", 100, width=4096)),
        Case("square", _task("square", 100, width=1024, height=1024)),
    ]


def pairs(intensities: Sequence[float] = INTENSITIES) -> list[tuple[float, float]]:
    """Every pair of intensities that a process can have, row by row: λ_left, then λ_right.

    A trend so steep that it would be negative within R of the frame's border is none.
    """
    known = load_spec(_TASK)
    return [
        (left, right)
        for left, right in itertools.product(intensities, repeat=2)
        if LinearIntensity(left, right, known.width).extremes(known.radius)[0] >= 0
    ]


def trends(intensities: Sequence[float] = INTENSITIES) -> list[Case]:
    """A set for each of the pairs."""
    return [
        Case(
            f"trend-{left}-{right}",
            _task("trend", 150, lambda_left=left / 1000, lambda_right=right / 1000),
        )
        for left, right in pairs(intensities)
    ]


def many() -> list[Case]:
    """Ten thousand canonical triplets that are not the test split's."""
    return [Case("many", _task("many", 10_000), classifier=True, seed=_UNSEEN)]


def _task(name: str, test: int, **fields: float) -> TaskSpec:
    numbers = {"name": name, "train": 20, "val": 1, "test": test, **fields}
    return load_spec(_TASK).model_copy(update=numbers)


def report(case: Case) -> Report:
    """Draw a set and score it, or find its card kept."""
    return kept(_kept_at(case), lambda: drawn_and_scored(case, _source()))


def drawn_and_scored(case: Case, source: "Source") -> Report:
    """The card of a set that these weights draw, with what made it."""
    from trendbench.metrics.full_card import full_card
    from trendbench.runner.sample import sample

    with _data(case) as dataset:
        card = full_card(sample(source, dataset), dataset, name=_ARCH, c2st=case.classifier)
    return {**card.to_json(), "made": made(seed=case.seed)}


def card_name(case: Case, weights: str) -> str:
    """Of the card of just this set, drawn with just these weights."""
    asked = hashlib.sha256(
        f"{case.task.to_json()} {case.classifier} {case.seed}".encode()
    ).hexdigest()
    return f"{case.name}-{asked[:8]}-{weights}.json"


def _kept_at(case: Case) -> Path:
    return _CARDS / card_name(case, _record(_source()))


@functools.cache
def _source() -> "Source":
    from trendbench.runner.sample import find_weights

    source = find_weights(_ARCH)
    of_task = [stored for stored in source.records if stored.record.task == _TASK]
    if not of_task:
        raise click.ClickException(f"no record of {_ARCH} on {_TASK} came with weights")
    return replace(source, records=of_task)


def _record(source: "Source") -> str:
    return "+".join(sorted(stored.record.run_id for stored in source.records))


def _data(case: Case) -> "Dataset":
    from trendbench.data.make import make_data
    from trendbench.data.opening import open_dataset

    path = _WORK / f"{case.name}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    make_data(case.task, case.seed, path, overwrite=True)
    return open_dataset(path)


def trend_map(
    found: list[Report],
    shown: Callable[[Report], str],
    intensities: Sequence[float] = INTENSITIES,
) -> str:
    """λ_left down, λ_right across, empty where there is no such process."""
    cells = dict(zip(pairs(intensities), map(shown, found), strict=True))
    head = ["λ_left \\ λ_right [10⁻³ px⁻²]", *map(str, intensities)]
    rows = [
        [str(left), *(cells.get((left, right), "") for right in intensities)]
        for left in intensities
    ]
    return grid([head, *rows])


def slope(found: Report) -> str:
    """The slope's error; for a level trend, where there is none to speak of, λ's."""
    level = found["scores"]["k_error"] is None
    return starred("lambda0_error" if level else "k_error", 1, signed=True)(found)


def ten_thousand(found: list[Report]) -> str:
    """The table of the ten thousand."""
    return scores_table(dict(zip(["10 000 of 256×256 px"], found, strict=True)))


def other_frames(found: list[Report]) -> str:
    """The table of the frames, and the picture of one."""
    return (
        scores_table(dict(zip(["4096×256 px", "1024×1024 px"], found, strict=True)))
        + f"\n\n![The first strip that was drawn, above the true one](images/{PICTURE.name})"
        + "\n\nDrawn above, true below."
    )


def maps(found: list[Report], intensities: Sequence[float] = INTENSITIES) -> str:
    """The map of ξ/floor and that of the slope's error."""
    return (
        f"ξ/floor:\n\n{trend_map(found, starred('xi_ratio', 2), intensities)}\n\n"
        "The slope's error in standard errors, and on the diagonal, without a slope, λ's:\n\n"
        f"{trend_map(found, slope, intensities)}"
    )


def other_trends(found: list[Report]) -> str:
    """The maps, and what was within."""
    return (
        f"{maps(found)}\n\n"
        "In how many of the sets a score lies within 99 % of fresh true ones:\n\n"
        f"{inside({'sets within': found})}"
    )


@dataclass(frozen=True)
class Part:
    """A section of the page: its sets, and what it says of their cards."""

    cases: Callable[[], list[Case]]
    text: Callable[[list[Report]], str]

    def measured(self) -> str:
        """The text, sets drawn and scored where their cards are not kept."""
        return self.text([report(case) for case in self.cases()])

    def known(self) -> str:
        """The text if every card is kept; that it is missing if not."""
        found = [card for case in self.cases() if (card := at(_kept_at(case)))]
        return self.text(found) if len(found) == len(self.cases()) else _MISSING


PARTS = {
    "many": Part(many, ten_thousand),
    "frames": Part(frames, other_frames),
    "trends": Part(trends, other_trends),
}


def page(found: Mapping[str, str], record: str) -> str:
    """The page's text, with a text for each of the parts put in."""
    text = _TEMPLATE.read_text(encoding="utf-8")
    for name in PARTS:
        text = text.replace(f"{{{name}}}", found[name])
    return text.replace("{record}", record).replace("{machine}", machine())


def draw_picture(path: Path) -> None:
    """A strip that was drawn above the true one, pixel for pixel."""
    from PIL import Image

    from trendbench.runner.sample import sample

    with _data(Case("picture", _task("strip", 2, width=4096))) as dataset:
        drawn, true = sample(_source(), dataset)[0], dataset.load("test").r[0]
    gap = np.full((8, true.shape[1]), 160, np.uint8)
    Image.fromarray(np.concatenate([drawn, gap, true])).save(path, optimize=True)


@click.command()
@click.option("--only", "names", type=click.Choice(list(PARTS)), multiple=True)
@click.option("--write", is_flag=True, help="Write the page.")
def main(names: tuple[str, ...], write: bool) -> None:
    """Measure and print, or write the page: of other parts, what is kept."""
    for name in names or PARTS:
        click.echo(f"{PARTS[name].measured()}\n")
    if write:
        found = {name: part.known() for name, part in PARTS.items()}
        if found["frames"] != _MISSING:  # the page shows it, of the weights that its tables are of
            draw_picture(PICTURE)
        PAGE.write_text(page(found, _record(_source())), encoding="utf-8")


if __name__ == "__main__":
    main()
