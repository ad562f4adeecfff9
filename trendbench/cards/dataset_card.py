"""The card of a task: its data, its question, its exact values. All from the spec."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from trendbench import theory
from trendbench.cards.text import DATA_LICENSE, front_matter, markdown_table, page, scientific
from trendbench.citation import apa
from trendbench.data.dataset import Dataset
from trendbench.data.layout import FORMAT
from trendbench.spec import TaskSpec, canonical_file, is_shipped

_GAUSSIAN_HEIGHT = 10  # radii; in lower frames ``theory.xi_spread`` is off by more than 5 %
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True)
class FileFacts:
    """What a card says of one data file.

    Attributes:
        name: of the file, without its folder.
        seed: of the file.
        version: of trendbench that wrote it.
        sha256: its content hash.
    """

    name: str
    seed: int
    version: str
    sha256: str


def facts_of(dataset: Dataset) -> FileFacts:
    """What a card says of an open data file."""
    return FileFacts(dataset.path.name, dataset.seed, dataset.version, dataset.sha256)


def dataset_card(spec: TaskSpec, *, summary: str = "", file: FileFacts | None = None) -> str:
    """A dataset card in Markdown, with the front matter that hosts of data read.

    Args:
        spec: the task.
        summary: a sentence or two in front, from the spec's ``[card]`` table.
        file: the data file that the card describes; None for the task in general.
    """
    parts = [
        _front_matter(spec),
        f"# {spec.name}",
        summary,
        f"Triplets of coupled images of {spec.width}×{spec.height} pixels, black disks of radius "
        f"{spec.radius:g} px on white. All images are simulated; there are no personal data.",
        _images(spec),
        "**Question put to a generator**: " + _question(spec),
        f"**Coupling** `{spec.coupling}`: " + _coupling(spec),
        _splits(spec),
        _exact(spec),
        _file(file) if file else _how_to_make(spec),
        f"**Format** `{FORMAT}`: HDF5 with `s1`, `s2`, `r` as uint8 (n, {spec.height}, "
        f"{spec.width}), the intensities, and the germs of every image.",
        "Data under CC BY 4.0. Please cite:",
        *(f"> {line}" for line in apa().split("\n\n")),
    ]
    return page(parts)


def _front_matter(spec: TaskSpec) -> str:
    total = sum(spec.sizes.values())
    size = next((name for limit, name in _SIZES if total < limit), "n>1M")
    return front_matter(
        {
            "pretty_name": spec.name,
            "license": DATA_LICENSE,
            "task_categories": ["image-to-image", "unconditional-image-generation"],
            "size_categories": [size],
            "tags": ["simulation", "textures", "Boolean model", "trendbench"],
        }
    )


def _images(spec: TaskSpec) -> str:
    left, right = (float(p) for p in theory.coverage([0, spec.width], spec.intensity, spec.radius))
    low, high = scientific(spec.lambda_left), scientific(spec.lambda_right)
    return markdown_table(
        ["image", "intensity [germs/px²]", "coverage"],
        [
            ["`s1`", f"{low} everywhere", f"{left:.3f}"],
            ["`s2`", f"{high} everywhere", f"{right:.3f}"],
            [
                "`r`",
                f"from {low} at x = 0 to {high} at x = {spec.width}, linear",
                f"{left:.3f} → {right:.3f}",
            ],
        ],
    )


def _question(spec: TaskSpec) -> str:
    if spec.coupling == "thinning":
        return "given `s1` and `s2`, draw `r`."
    return (
        "given two textures, draw a third whose intensity runs from the first one's to the second "
        "one's, with particles of its own."
    )


def _coupling(spec: TaskSpec) -> str:
    if spec.coupling == "independent":
        return (
            "the three images have independent germ sets, so the particles of `r` do not depend "
            "on those of `s1` and `s2`. The mean absolute error is least for the pixelwise median, "
            "which is white where coverage is below one half. Scores of survival do not apply."
        )
    if spec.lambda_left == spec.lambda_right:
        return "without a trend, the three images are equal."
    sparse, dense = ("s1", "s2") if spec.lambda_left < spec.lambda_right else ("s2", "s1")
    return (
        "the three images share one germ set with a uniform mark per germ. `r` keeps every "
        f"particle of `{sparse}`, and of `{dense}` those with a mark below the line of the trend. "
        f"On the columns further than {spec.radius:g} px from both borders, `{sparse}` ⊂ `r` ⊂ "
        f"`{dense}` exactly."
    )


def _splits(spec: TaskSpec) -> str:
    return (
        f"**Splits**: {spec.train} training triplets (`make-data --n` changes this number), "
        f"{spec.val} for validation, {spec.test} for testing. Do not tune on the test split."
    )


def _exact(spec: TaskSpec) -> str:
    floor = theory.xi_floor(spec, spec.window)
    trained = ""
    if spec.train:
        against = theory.xi_floor(spec, spec.window, spec.train)
        trained = f" ({against:.7f} for the {spec.train} of this task)"
    lines = [
        f"**Exact values** (window w = {spec.window}): the mean ξ of true images, the floor, is "
        f"{floor:.7f} against the exact mean profile. Against the mean of n training images it is "
        f"1 + 1/n times as high{trained}."
    ]
    if spec.height >= _GAUSSIAN_HEIGHT * spec.radius:
        spread = theory.xi_spread(spec, spec.window)
        lines.append(f"The standard deviation of ξ between images is {spread:.5f}.")
    lines += _trend(spec)
    return " ".join(lines)


def _trend(spec: TaskSpec) -> Iterator[str]:
    """The bound for the slope, if there is a slope and the intensity is positive everywhere."""
    if spec.intensity.k == 0 or min(spec.lambda_left, spec.lambda_right) == 0:
        return
    _, se = theory.cramer_rao(spec)
    share = se / math.fabs(spec.intensity.k)
    yield (
        "No unbiased estimate of the slope k from the germs in one frame has a standard error "
        f"below {100 * share:.1f} %."
    )


def _how_to_make(spec: TaskSpec) -> str:
    canonical = canonical_file(spec.name)
    if canonical is None:
        file = spec.name if is_shipped(spec) else f"{spec.name}.toml"
        return f"**Making it**: `trendbench make-data --spec {file}`."
    return (
        f"**Canonical file**: `trendbench make-data --spec {spec.name} --n {canonical.train} "
        f"--seed {canonical.seed}`. Its content is the same on every machine: content hash "
        f"`{canonical.sha256}`. `trendbench info` compares a file with it."
    )


def _file(file: FileFacts) -> str:
    return (
        f"**File**: `{file.name}`, simulated with seed {file.seed} by trendbench {file.version}; "
        f"content hash `{file.sha256}`."
    )
