"""How often true images are told, flagged, and covered: ``python -m benchmarks.calibration``.

Fresh sets of true images are scored as any images are, without the trained classifier. Of them
0.75 % should have any score outside its reference range (the classifier has 0.25 % more), none
should be flagged, and 95 % of the intervals should hold the expected score.
"""

from dataclasses import dataclass, field

import click
import numpy as np
from numpy.typing import NDArray

from trendbench.cards.text import markdown_table
from trendbench.metrics.batch import THRESHOLD, density_profile
from trendbench.metrics.card import score_images
from trendbench.metrics.metric import ImageMetric
from trendbench.metrics.references import mean_profiles
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.sampling import TOLD_BY_CHANCE, ReferenceDistribution
from trendbench.metrics.thumbnails import thumbnails
from trendbench.metrics.truth import Truth
from trendbench.progress import bar
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec, load_spec

TASK = TaskSpec(
    name="calibration", width=64, height=32, radius=3.0, lambda_left=1e-3, lambda_right=1.2e-2,
    window=8, train=400, val=6, test=12,
)  # fmt: skip
_FIRST_SEED = 1000  # of the sets, apart from that of the training images


@dataclass
class Tally:
    """What was found over all sets; ``values`` and ``ends`` by score, one entry a set."""

    told: int = 0
    flagged: int = 0
    values: dict[str, list[float]] = field(default_factory=dict)
    ends: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


def tally(n: int, sets: int, task: TaskSpec = TASK) -> Tally:
    """Score ``sets`` sets of n true images of a task, each drawn for inputs of its own."""
    training = simulate(task, task.train, 1).r
    truth = Truth(
        task,
        *mean_profiles(density_profile(training, task.window), task),
        thumbnails(training < THRESHOLD, task),
    )
    reference, found = ReferenceDistribution(truth, conditional=True), Tally()
    with bar("scoring true sets", sets, "sets") as progress:
        for number in range(sets):
            given = simulate(task, n, _FIRST_SEED + number, split="test")
            assert given.latent is not None
            rng = np.random.default_rng(number)
            first, second = (task.render_r(task.redraw(given.latent, rng)) for _ in range(2))
            card = score_images(
                first, truth, name="true", data="", given=given, second=second, reference=reference
            )
            found.told += bool(card.told_by)
            found.flagged += bool(card.flags)
            for name, score in card.scores.items():
                if score is not None:
                    found.values.setdefault(name, []).append(score.value)
                    found.ends.setdefault(name, []).append((score.low, score.high))
            progress.advance(1)
    return found


def expected(metric: ImageMetric, values: NDArray[np.float64], task: TaskSpec = TASK) -> float:
    """What an interval should hold: the exact value; for sampling noise that of all sets."""
    if not metric.is_noise_on(task):
        no_profiles = np.zeros((len(task.members), task.width - task.window + 1))
        return float(metric.ideal(Truth(task, no_profiles, task.train)))
    return float(np.sqrt(np.square(values).mean()) if metric.is_root else values.mean())


@click.command()
@click.option("--n", default=100, show_default=True, help="Images of a set.")
@click.option("--sets", default=1000, show_default=True, help="Number of sets.")
@click.option("--spec", help="A task's name, or a TOML file.  [default: one of a small frame]")
def main(n: int, sets: int, spec: str | None) -> None:
    """Print the shares of true sets that are told and flagged, and the coverage of intervals."""
    task = load_spec(spec) if spec else TASK
    found = tally(n, sets, task)
    click.echo(
        f"{sets} sets of {n} true images of {task.width}×{task.height} px: "
        f"{100 * found.told / sets:.2f} % told ({100 * TOLD_BY_CHANCE:g} % expected), "
        f"{found.flagged} flagged.\n"
    )
    lines = []
    for metric in IMAGE_METRICS:
        if metric.name in found.values and metric.reference_of(task) == "fresh":
            values, ends = np.array(found.values[metric.name]), np.array(found.ends[metric.name])
            target = expected(metric, values, task)
            covered = ((ends[:, 0] <= target) & (target <= ends[:, 1])).mean()
            lines.append(
                [f"`{metric.name}`", f"{values.mean():.4g}", f"{target:.4g}", f"{covered:.3f}"]
            )
    click.echo(markdown_table(["score", "mean", "expected", "covered"], lines))


if __name__ == "__main__":
    main()
