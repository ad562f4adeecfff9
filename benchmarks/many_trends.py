"""``flow`` trained on many trends instead of one: ``docs/many-trends.md``.

``python -m benchmarks.many_trends`` trains the published recipe on triplets of which each has a
trend of its own, draws a set for every pair of intensities, scores it against its exact truth and
prints maps; with ``--write`` it writes the page. ``--left`` draws some rows of the maps alone, so
that several processes can share them. Training goes on where it was interrupted; the weights lie in
``benchmarks/weights/many-trends``, cards in ``benchmarks/cards/many-trends``.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.generalisation import (
    Case,
    card_name,
    drawn_and_scored,
    maps,
    pairs,
    trends,
)
from benchmarks.networks import fitted
from benchmarks.reports import CARDS, Report, at, inside, kept, machines
from trendbench.families.disks.process import Disks
from trendbench.generators.recipes import find_recipe, load_class
from trendbench.spec import load_spec

if TYPE_CHECKING:
    from trendbench.process.triplets import Triplets
    from trendbench.runner.sample import Source

PAGE = Path(__file__).parents[1] / "docs" / "many-trends.md"
WEIGHTS = Path(__file__).parent / "weights" / "many-trends"
_TEMPLATE = Path(__file__).parent / "many_trends.md"
_CARDS = CARDS / "many-trends"
_WORK = Path("runs") / "many-trends"
_ARCH = "flow"
_TRAIN, _SEED = 3500, 0
_RANGE = (0.5, 16.0)  # 10⁻³ px⁻², that training's intensities are drawn from
INTENSITIES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # 10⁻³ px⁻², of the maps


def processes(n: int) -> list[Disks]:
    """The canonical process with intensities of its own for each training triplet."""
    known = load_spec("trend-v1")
    base = Disks(**{name: getattr(known, name) for name in Disks.model_fields})
    low, high = np.log(np.array(_RANGE) / 1000)
    ends = np.exp(np.random.default_rng(_SEED).uniform(low, high, (n, 2)))
    return [
        base.model_copy(update={"lambda_left": float(left), "lambda_right": float(right)})
        for left, right in ends
    ]


def triplets(each: Iterable[Disks]) -> "Triplets":
    """One triplet of every process, as one series; ``spec`` is the first one's."""
    from trendbench.process.triplets import Triplets
    from trendbench.simulation import simulate

    each = list(each)
    drawn = [simulate(process, 1, _SEED, start=i) for i, process in enumerate(each)]

    def series(name: str) -> NDArray[np.uint8]:
        return np.concatenate([getattr(one, name) for one in drawn])

    return Triplets(each[0], series("s1"), series("s2"), series("r"))


def train(folder: Path) -> None:
    """Train the row's recipe on the triplets and save the weights."""
    told = processes(_TRAIN)
    series = triplets(told)
    data = _digest(repr(told).encode())
    generator = fitted(find_recipe(_ARCH), series, series[:1], _WORK, data, _SEED)
    folder.mkdir(parents=True, exist_ok=True)
    generator.save(folder)


def source() -> "Source":
    """The row with the weights, trained if there are none yet."""
    from trendbench.runner.sample import Source

    recipe = find_recipe(_ARCH)
    if not WEIGHTS.exists():
        train(WEIGHTS)
    return Source(recipe, load_class(recipe.generator), WEIGHTS, [])


def report(case: Case) -> Report:
    """Draw a set and score it, or find its card kept."""
    weights = source()
    return kept(_kept_at(case), lambda: drawn_and_scored(case, weights))


def _kept_at(case: Case) -> Path:
    return _CARDS / card_name(case, _weights_digest()[:8])


def _weights_digest() -> str:
    return _digest(b"".join(path.read_bytes() for path in sorted(WEIGHTS.iterdir())))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def within(found: list[Report]) -> str:
    """What was within: of all sets, and of those that the map of the published weights has too."""
    cards = dict(zip(pairs(INTENSITIES), found, strict=True))
    both = [cards[pair] for pair in pairs()]
    return inside({f"all {len(found)} sets": found, f"the {len(both)} of both maps": both})


def page(found: list[Report]) -> str:
    """The page's text with everything put in."""
    low, high = _RANGE
    beyond = [value for value in INTENSITIES if not low <= value <= high]
    return _TEMPLATE.read_text(encoding="utf-8").format(
        arch=_ARCH,
        train=_TRAIN,
        low=low,
        high=high,
        beyond=" and ".join(map(str, beyond)),
        machines=machines(found),
        maps=maps(found, INTENSITIES),
        within=within(found),
    )


@click.command()
@click.option("--left", "lefts", type=click.Choice([str(i) for i in INTENSITIES]), multiple=True)
@click.option("--write", is_flag=True, help="Write the page, once every card is kept.")
def main(lefts: tuple[str, ...], write: bool) -> None:
    """Train, draw what is not yet drawn and print the maps, or write the page."""
    cases = trends(INTENSITIES)
    for case in cases:
        if not lefts or str(1000 * case.task.lambda_left) in lefts:
            report(case)
    found = [card for case in cases if (card := at(_kept_at(case)))]
    if len(found) < len(cases):
        raise click.ClickException(f"{len(cases) - len(found)} sets are not drawn yet")
    click.echo(f"{maps(found, INTENSITIES)}\n\n{within(found)}")
    if write:
        PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
