"""What an exported folder says of itself."""

from collections.abc import Sequence

from trendbench.data.dataset import Dataset
from trendbench.process.seeds import Split

_LAYOUT = {
    "npz": "`<split>.npz` holds the arrays s1, s2 and r, each (n, {height}, {width}) uint8.",
    "png": (
        "`<split>/s1/0000.png`, s2 and r likewise: {width}×{height} px, grey, numbered from 0."
    ),
    "aligned": (
        "`<split>/0000.png`: A|B pairs in RGB, {double}×{height} px, numbered from 0. A, the left "
        "half, has\ns1 in its red channel, s2 in green, 0 in blue; B, the right half, has r in all."
    ),
}  # fmt: skip
_ALIGNED = """
For code bases that read A|B pairs: learn A to B with 3 channels in and 1 channel out, and switch
off resizing, cropping and flipping, as the trend has a direction. In pytorch-CycleGAN-and-pix2pix
these are `--direction AtoB --input_nc 3 --output_nc 1 --preprocess none --no_flip`.
"""
_NO_TRUTH = {
    "npz": "The test split has no r: it is what is to be drawn.",
    "png": "The test split has no r: it is what is to be drawn.",
    "aligned": "In the test split B is white: r is what is to be drawn.",
}


_TASK = {
    True: """A generator draws r from (s1, s2). Draw one grey image ({width}×{height} px) for each
of the {test} test pairs, in a folder of their own, each name ending in its pair's number""",
    False: """A generator draws r from nothing. Draw {test} grey images ({width}×{height} px), in a
folder of their own, each name ending in its number""",
}


def readme(dataset: Dataset, form: str, splits: Sequence[Split], *, with_truth: bool) -> str:
    """Where the images come from, how they lie, and how to have others scored."""
    spec = dataset.spec
    sizes = ", ".join(f"{spec.sizes[split]} {split}" for split in splits)
    layout = _LAYOUT[form].format(height=spec.height, width=spec.width, double=2 * spec.width)
    hidden = "" if with_truth or "test" not in splits else f"\n{_NO_TRUTH[form]}\n"
    return f"""# {spec.name}

Exported by trendbench from the data file of content {dataset.sha256}
(seed {dataset.seed}): {sizes} {spec.counted}.{" Data under CC BY 4.0." if spec.simulated else ""}

{layout}
A particle is 0, the background 255.
{hidden}{_ALIGNED if form == "aligned" else ""}
{_TASK[spec.has_inputs].format(width=spec.width, height=spec.height, test=spec.test)}; then

    trendbench score FOLDER --data FILE.h5 --name NAME
    trendbench submit FOLDER --data FILE.h5 --name NAME --recipe recipe.md --out entry.zip
"""
