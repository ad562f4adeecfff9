"""Scores against the number of training triplets: ``docs/data-size.md``.

``python -m benchmarks.data_size`` trains ``flow`` and ``pix2pix-16`` on 35, 350, 3500 and 35 000
triplets, so long that each sees equally many images in all, scores each on the test split of
``trend-v1`` and prints the tables; with ``--write`` it writes the page and its figure. ``--arch``
and ``--n`` leave out others, so that several processes can share the work. A run that is
interrupted goes on from ``runs/data-size``; cards are kept in ``benchmarks/cards/data-size``, so
that the page can be written again without training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.networks import fitted
from benchmarks.reports import CARDS, Report, at, kept, machines, made, scores_table
from trendbench.catalog import RESULTS
from trendbench.generators.recipes import Recipe, find_recipe, load_class
from trendbench.spec import load_spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from trendbench.data.dataset import Dataset

PAGE = Path(__file__).parents[1] / "docs" / "data-size.md"
PICTURE = PAGE.parent / "images" / "data-size.png"
_TEMPLATE = Path(__file__).parent / "data_size.md"
_CARDS = CARDS / "data-size"
_WORK = Path("runs") / "data-size"
_TASK, _DATA_SEED, _SEED = "trend-v1", 0, 0
ARCHS = ("flow", "pix2pix-16")
SIZES = (35, 350, 3500, 35_000)
IMAGES = 35_000
_PANELS = {
    "xi_ratio": "ξ/floor",
    "s2_error": "S₂ error",
    "perimeter_error": "perimeter error",
    "c2st_logloss": "classifier's log loss",
}
_LOGARITHMIC = {"s2_error", "perimeter_error"}


@dataclass(frozen=True)
class Case:
    """One network to train.

    Attributes:
        arch: a row's name.
        train: number of training triplets.
    """

    arch: str
    train: int

    @property
    def recipe(self) -> Recipe:
        """The row's recipe, for as many passes as see ``IMAGES`` images."""
        return find_recipe(self.arch, overrides={"epochs": IMAGES // self.train})

    @property
    def name(self) -> str:
        """Of the folder it trains in and of its card."""
        return f"{self.arch}-n{self.train}-{self.recipe.sha256[:8]}"


def report(case: Case) -> Report:
    """The card of a published run of the same, or the one that is kept, or train and score."""
    return _published(case) or kept(_kept_at(case), lambda: _measured(case))


def known(case: Case) -> Report | None:
    """The same without training: nothing where there is no card."""
    return _published(case) or at(_kept_at(case))


def _kept_at(case: Case) -> Path:
    return _CARDS / f"{case.name}.json"


def _published(case: Case) -> Report | None:
    """The scores of a record of the same recipe, seed and data."""
    from trendbench.results.store import read_folder

    wanted = (case.arch, case.recipe.sha256, case.train, _DATA_SEED, _SEED, _TASK)
    for stored in read_folder(RESULTS, "published"):
        run = stored.record
        made_as = (run.arch, run.recipe.sha256, run.data.train, run.data.seed, run.seed, run.task)
        if made_as == wanted:
            return run.model_dump(mode="json")
    return None


def _measured(case: Case) -> Report:
    from trendbench.generators.protocol import inputs_for
    from trendbench.metrics.full_card import full_card
    from trendbench.runner.run import SAMPLING_SEED

    recipe = case.recipe
    with _data(case) as dataset:
        generator = fitted(
            recipe,
            dataset.load("train"),
            dataset.load("val"),
            _WORK / case.name,
            dataset.sha256,
            _SEED,
        )
        inputs = inputs_for(load_class(recipe.generator), dataset.load("test"))
        drawn = generator.sample(inputs, SAMPLING_SEED)
        card = full_card(drawn, dataset, name=case.arch)
    told = made(recipe=recipe.sha256, train=case.train, seed=_SEED)
    return {**card.to_json(), "made": told}


def _data(case: Case) -> "Dataset":
    """The data file, which differs from the canonical one in its training triplets alone."""
    from trendbench.data.make import make_data
    from trendbench.data.opening import open_dataset

    path = _WORK / f"n{case.train}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    make_data(load_spec(_TASK, train=case.train), _DATA_SEED, path)
    return open_dataset(path)


def tables(found: Mapping[Case, Report]) -> str:
    """For each row a table, numbers of triplets across."""
    return "\n\n".join(
        f"## `{arch}`\n\n"
        + scores_table(
            {f"{_spaced(case.train)} triplets": card
             for case, card in found.items() if case.arch == arch}
        )
        for arch in ARCHS
    )  # fmt: skip


def figure(found: Mapping[Case, Report]) -> "Figure":
    """A panel for each score: its value and interval against the number of training triplets."""
    from trendbench.figures.canvas import BAND, MODEL, TRUTH, new_figure, style

    with style():
        drawn = new_figure(9.6, 5.4)
        for axes, (name, title) in zip(
            drawn.subplots(2, 2, sharex=True).flat, _PANELS.items(), strict=True
        ):
            _draw_truth(axes, [card["scores"][name] for card in found.values()], BAND)
            for arch, colour, marker in zip(ARCHS, (MODEL, TRUTH), "os", strict=True):
                cards = {case.train: card for case, card in found.items() if case.arch == arch}
                _draw_row(axes, {n: card["scores"][name] for n, card in cards.items()},
                          color=colour, marker=marker, label=arch)  # fmt: skip
            axes.set(xscale="log", ylabel=title)
            axes.set_xticks(SIZES, [_spaced(n) for n in SIZES])
            axes.minorticks_off()
            if name in _LOGARITHMIC:
                axes.set(yscale="log")
        for axes in drawn.axes[2:]:
            axes.set(xlabel="training triplets")
        drawn.axes[0].legend()
    return drawn


def _draw_truth(axes: Any, scores: Sequence[Mapping[str, float] | None], colour: str) -> None:
    """What 99 % of fresh true sets reach, as a band."""
    low, high = next((s["truth_low"], s["truth_high"]) for s in scores if s)
    axes.axhspan(low, high, color=colour, linewidth=0, label="fresh true sets")


def _draw_row(axes: Any, scores: Mapping[int, Mapping[str, float] | None], **style: str) -> None:
    """Values with bars, by the number of triplets; nothing where there is no score."""
    there = {n: score for n, score in sorted(scores.items()) if score}
    values = [score["value"] for score in there.values()]
    bars = [
        [score["value"] - score["low"] for score in there.values()],
        [score["high"] - score["value"] for score in there.values()],
    ]
    axes.errorbar(list(there), values, bars, capsize=2, linewidth=1, markersize=4, **style)


def page(found: Mapping[Case, Report]) -> str:
    """The page's text with everything put in."""
    longest = find_recipe(ARCHS[0]).parameters["epochs"]
    holes = {
        "first": ARCHS[0], "second": ARCHS[1],
        "images": _spaced(IMAGES),
        "longest": _spaced(int(longest) * 3500),
        "picture": PICTURE.name, "machines": machines(found.values()), "tables": tables(found),
    }  # fmt: skip
    return _TEMPLATE.read_text(encoding="utf-8").format(**holes)


def _spaced(number: int) -> str:
    """35 000 for 35000."""
    return f"{number:,}".replace(",", " ")


@click.command()
@click.option("--arch", "archs", type=click.Choice(ARCHS), multiple=True)
@click.option("--n", "sizes", type=click.Choice([str(n) for n in SIZES]), multiple=True)
@click.option("--write", is_flag=True, help="Write the page, once every card is kept.")
def main(archs: tuple[str, ...], sizes: tuple[str, ...], write: bool) -> None:
    """Train what is not yet trained and print the tables, or write the page."""
    for arch in archs or ARCHS:
        for n in map(int, sizes or SIZES):
            report(Case(arch, n))
    everything = [Case(arch, n) for arch in ARCHS for n in SIZES]
    found = {case: card for case in everything if (card := known(case))}
    click.echo(tables(found))
    if write and len(found) < len(everything):
        raise click.ClickException(f"{len(everything) - len(found)} networks are not trained yet")
    if write:
        from trendbench.figures.canvas import save

        save(figure(found), PICTURE)
        PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
