"""The card of a task: its data, its question, its exact values. All from the spec."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from trendbench import theory
from trendbench.cards.text import DATA_LICENSE, front_matter, markdown_table, page, scientific
from trendbench.citation import apa
from trendbench.data.dataset import Dataset
from trendbench.data.layout import format_of
from trendbench.errors import InputError
from trendbench.spec import TaskSpec, canonical_file, is_shipped

_GAUSSIAN_HEIGHT = 10  # lengths; in lower frames ``theory.xi_spread`` is off by more than 5 %
_SMALL = 0.01  # written with a power of ten below it
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
    if not spec.simulated:
        return _picture_card(spec, summary, file)
    parts = [
        _front_matter(spec),
        f"# {spec.name}",
        summary,
        f"Triplets of images of {spec.width}×{spec.height} pixels, black on white: "
        f"{spec.about}. All images are simulated; there are no personal data.",
        *_images(spec),
        "**Question put to a generator**: " + _question(spec),
        "**How the images of a triplet hang together**: " + _coupling(spec),
        _splits(spec),
        _exact(spec),
        _file(file) if file else _how_to_make(spec),
        f"**Format** `{format_of(spec)}`: HDF5 with `s1`, `s2`, `r` as uint8 (n, {spec.height}, "
        f"{spec.width}), {_columns(spec)}.",
        "Data under CC BY 4.0. Please cite:",
        *(f"> {line}" for line in apa().split("\n\n")),
    ]
    return page(parts)


def _picture_card(spec: TaskSpec, summary: str, file: FileFacts | None) -> str:
    """The card of pictures that somebody has: where they come from, only they can add."""
    sizes = ", ".join(f"{size} {split}" for split, size in spec.sizes.items())
    parts = [
        _front_matter(spec),
        f"# {spec.name}",
        summary,
        f"Pictures of {spec.width}×{spec.height} pixels, black and white: {spec.about}. "
        + "; ".join(f"{name}: {text}" for name, text in spec.facts())
        + ".",
        "**Question put to a generator**: "
        + ("given `s1` and `s2`, draw `r`." if spec.has_inputs else "draw `r`."),
        f"**Splits**: {sizes}. No source picture has parts in two splits. Do not tune on the test "
        "split.",
        "**True values**: no law is known. All are estimated from the `r` of the test split, and "
        "every score says so. The error of the estimate is part of each reference range.",
    ]
    if file:
        parts.append(
            f"**File**: `{file.name}`, imported with seed {file.seed} by trendbench "
            f"{file.version}; content hash `{file.sha256}`."
        )
    return page(
        [
            *parts,
            f"**Format** `{format_of(spec)}`: HDF5 with `s1`, `s2`, `r` as uint8 (n, "
            f"{spec.height}, {spec.width}), and the source picture of every triplet.",
            "The scores are those of trendbench. Please cite:",
            *(f"> {line}" for line in apa().split("\n\n")),
        ]
    )


def _front_matter(spec: TaskSpec) -> str:
    total = sum(spec.sizes.values())
    size = next((name for limit, name in _SIZES if total < limit), "n>1M")
    return front_matter(
        {
            "pretty_name": spec.name,
            "license": DATA_LICENSE if spec.simulated else "other",
            "task_categories": _categories(spec),
            "size_categories": [size],
            "tags": [
                *(["simulation"] if spec.simulated else []),
                "textures",
                spec.family,
                "trendbench",
            ],
        }
    )


def _categories(spec: TaskSpec) -> list[str]:
    """What the data are for: without inputs, only where all triplets have one trend."""
    alone = [] if len(spec.members) > 1 else ["unconditional-image-generation"]
    return ["image-to-image", *alone]


def _columns(spec: TaskSpec) -> str:
    ends = " and ".join(f"`{name}`" for name in spec.ends)
    return f"{ends}, and the germs of every image" if spec.stored else ends


def _images(spec: TaskSpec) -> list[str]:
    """What is known of each image, as the paragraphs of a card."""
    if len(spec.members) > 1:
        return _trends(spec)
    (left, low), (right, high) = ((name, _written(getattr(spec, name))) for name in spec.ends)
    rows = [
        ["`s1`", "stationary"],
        ["`s2`", "stationary"],
        ["`r`", f"`{left}` = {low} to `{right}` = {high}, linear in x"],
    ]
    heads = ["image", "law"]
    if "coverage" in spec.laws:
        heads.append("coverage")
        at = [f"{float(spec.coverage(0.0, name)):.3f}" for name in ("s1", "s2")]
        trend = " → ".join(f"{float(p):.3f}" for p in spec.coverage([0.0, spec.width]))
        for row, text in zip(rows, [*at, trend], strict=True):
            row.append(text)
    return [markdown_table(heads, rows)]


def _trends(spec: TaskSpec) -> list[str]:
    """The trends of a task of several, and the coverage of both inputs."""
    left, right = spec.ends
    text = (
        f"Triplet i of a split has trend i modulo {len(spec.members)} of the table: `s1` is "
        f"stationary at `{left}`, `s2` at `{right}`, and `r` linear in x between them."
    )
    if spec.of_split("train") != spec:
        text += " These are the trends of the test split. " + _of_training(spec)
    heads = ["trend", f"`{left}`", f"`{right}`"]
    rows = [
        [str(t), *(_written(getattr(member, name)) for name in spec.ends)]
        for t, member in enumerate(spec.members)
    ]
    if "coverage" in spec.laws:
        heads += ["coverage of `s1`", "coverage of `s2`"]
        for row, member in zip(rows, spec.members, strict=True):
            row += [f"{float(member.coverage(0.0, name)):.3f}" for name in ("s1", "s2")]
    return [text, markdown_table(heads, rows)]


def _of_training(spec: TaskSpec) -> str:
    """The trends of the training split, where the test split has others."""
    own = spec.of_split("train")
    ranges = []
    for name in spec.ends:
        values = [getattr(member, name) for member in own.members]
        ranges.append(f"`{name}` from {_written(min(values))} to {_written(max(values))}")
    return f"Training and validation have {len(own.members)} others, {' and '.join(ranges)}."


def _written(value: float) -> str:
    return f"{value:g}" if value >= _SMALL else scientific(value)


def _question(spec: TaskSpec) -> str:
    if not spec.is_independent:
        return "given `s1` and `s2`, draw `r`."
    return (
        "given two textures, draw a third that runs from the first one's law to the second one's, "
        "and has details of its own."
    )


def _coupling(spec: TaskSpec) -> str:
    if spec.is_independent:
        return (
            "the three images are independent draws, so the details of `r` do not depend on those "
            "of `s1` and `s2`. The mean absolute error is least for the pixelwise median, which is "
            "white where coverage is below one half. Scores of survival do not apply."
        )
    if not spec.has_trend:
        return "without a trend, the three images are equal."
    sparse, dense = _inputs_by_density(spec)
    where = (
        f"On the columns further than {spec.margin:g} px from both borders"
        if (spec.margin)
        else "Everywhere"
    )
    return (
        "the three images share their germs, with a uniform mark per germ. `r` keeps all the black "
        f"of {sparse}, and of {dense} that of the germs with a mark below the line of the "
        f"trend. {where}, {sparse} ⊂ `r` ⊂ {dense} exactly."
    )


def _inputs_by_density(spec: TaskSpec) -> tuple[str, str]:
    """What the sparser and the denser input are called."""
    rising = {member.is_rising for member in spec.members if member.has_trend}
    if len(rising) > 1:
        return "the sparser input", "the denser input"
    return ("`s1`", "`s2`") if True in rising else ("`s2`", "`s1`")


def _splits(spec: TaskSpec) -> str:
    return (
        f"**Splits**: {spec.train} training triplets (`make-data --n` changes this number), "
        f"{spec.val} for validation, {spec.test} for testing. Do not tune on the test split."
    )


def _exact(spec: TaskSpec) -> str:
    if not spec.laws >= {"coverage", "pair_black"}:
        return (
            f"**Exact values**: none are known of the family `{spec.family}`. Scores are held "
            "against fresh simulated images and called estimated."
        )
    floor = theory.xi_floor(spec, spec.window)
    trained = ""
    if spec.xi0_images:
        value = theory.xi_floor(spec, spec.window, spec.xi0_images)
        each = " of each trend" if len(spec.members) > 1 else ""
        trained = f" ({value:.7f} for the {spec.xi0_images}{each} of this task)"
    against = f"Against the mean of n training images it is 1 + 1/n times as high{trained}."
    if spec.of_split("train") != spec:
        against = "Scores use this one: no training image has a trend of the test split."
    lines = [
        f"**Exact values** (window w = {spec.window}): the mean ξ of true images, the floor, is "
        f"{floor:.7f} against the exact mean profile. {against}"
    ]
    if spec.height >= _GAUSSIAN_HEIGHT * spec.length and len(spec.members) == 1:
        spread = theory.xi_spread(spec, spec.window)
        lines.append(f"The standard deviation of ξ between images is {spread:.5f}.")
    lines += _trend(spec)
    return " ".join(lines)


def _trend(spec: TaskSpec) -> Iterator[str]:
    """The bound for the slope, if there is one slope and the information is finite."""
    if not spec.has_trend or len(spec.members) > 1:
        return
    try:
        _, se = theory.cramer_rao(spec)
    except InputError:  # no such law, or no finite value
        return
    share = se / math.fabs(spec.trend.slope)
    yield (
        f"No unbiased estimate of the slope {spec.trend.names[1]} from what one frame shows of the "
        f"germs has a standard error below {100 * share:.1f} %."
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
