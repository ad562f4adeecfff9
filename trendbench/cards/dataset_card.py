"""The card of a task: what its data hold, what they ask, what is exact. All from the spec."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from trendbench import theory
from trendbench.cards.text import DATA_LICENSE, front_matter, markdown_table, page, scientific
from trendbench.citation import apa
from trendbench.data.dataset import Dataset
from trendbench.data.layout import FORMAT
from trendbench.spec import TaskSpec, canonical_file, is_shipped

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True)
class FileFacts:
    """What a card says of one data file.

    Attributes:
        name: of the file, without its folder.
        seed, version, sha256: as ``Dataset`` has them.
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
        file: the one data file that the card speaks of; the task in general if None.
    """
    parts = [
        _front_matter(spec),
        f"# {spec.name}",
        summary,
        f"Triplets of coupled images of {spec.width}×{spec.height} pixels, black disks of radius "
        f"{spec.radius:g} px on white, simulated: nothing is measured, nothing personal.",
        _images(spec),
        "**Question put to a generator**: " + _question(spec),
        f"**Coupling** `{spec.coupling}`: " + _coupling(spec),
        _splits(spec),
        _exact(spec),
        _file(file) if file else _how_to_make(spec),
        f"**Format** `{FORMAT}`: HDF5 with `s1`, `s2`, `r` as uint8 (n, {spec.height}, "
        f"{spec.width}), the intensities, and the germs that every image follows from.",
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
            "the three images are drawn from germ sets that share nothing, so `s1` and `s2` tell "
            "nothing about where the particles of `r` are. The best image in the mean absolute "
            "sense is the pixelwise median, which is blank white wherever coverage is below one "
            "half. Scores that speak of survival do not apply."
        )
    if spec.lambda_left == spec.lambda_right:
        return "without a trend, the three images are one and the same."
    sparse, dense = ("s1", "s2") if spec.lambda_left < spec.lambda_right else ("s2", "s1")
    return (
        "one germ set with a uniform mark per germ serves the three images, so that `r` keeps "
        f"every particle of `{sparse}` and takes from `{dense}` those whose mark lies below the "
        f"line. On the columns further than {spec.radius:g} px from both borders, `{sparse}` ⊂ "
        f"`r` ⊂ `{dense}` exactly."
    )


def _splits(spec: TaskSpec) -> str:
    return (
        f"**Splits**: {spec.train} training triplets (`make-data --n` changes this number), "
        f"{spec.val} for validation, {spec.test} for testing. Never tune on the test split."
    )


def _exact(spec: TaskSpec) -> str:
    floor = theory.xi_floor(spec, spec.window)
    spread = theory.xi_spread(spec, spec.window)
    trained = ""
    if spec.train:
        against = theory.xi_floor(spec, spec.window, spec.train)
        trained = f" ({against:.7f} for the {spec.train} of this task)"
    lines = [
        f"**Exact values** (window w = {spec.window}): a true image scores {floor:.7f} in ξ on "
        "average against the exact mean profile, the floor, and this times 1 + 1/n against the "
        f"mean of n training images{trained}; from image to image it varies by {spread:.5f} "
        "(standard deviation)."
    ]
    lines += _trend(spec)
    return " ".join(lines)


def _trend(spec: TaskSpec) -> Iterator[str]:
    """How well one image tells the slope, where there is a slope and germs everywhere."""
    if spec.intensity.k == 0 or min(spec.lambda_left, spec.lambda_right) == 0:
        return
    _, se = theory.cramer_rao(spec)
    share = se / math.fabs(spec.intensity.k)
    yield f"The germs in one frame tell the slope k to {100 * share:.1f} % at best."


def _how_to_make(spec: TaskSpec) -> str:
    canonical = canonical_file(spec.name)
    if canonical is None:
        file = spec.name if is_shipped(spec) else f"{spec.name}.toml"
        return f"**Making it**: `trendbench make-data --spec {file}`."
    return (
        f"**Canonical file**: `trendbench make-data --spec {spec.name} --n {canonical.train} "
        f"--seed {canonical.seed}`, its content the same on every machine: content hash "
        f"`{canonical.sha256}`. `trendbench info` says whether a file is it."
    )


def _file(file: FileFacts) -> str:
    return (
        f"**File**: `{file.name}`, simulated with seed {file.seed} by trendbench {file.version}; "
        f"content hash `{file.sha256}`."
    )
