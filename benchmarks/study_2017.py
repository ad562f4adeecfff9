"""The 2017 study's networks and printed values against this project's, on the reader's own clone.

``python -m benchmarks.study_2017 --clone FOLDER`` reads a clone of
github.com/astromid/diploma-texture-synthesis, which is not part of this project, and prints
Markdown tables:

- the stored weights of nf8 and nf16_woUnet, drawn from by the networks of
  ``trendbench.generators.study_2017``, beside the pictures that the study's program drew;
- the six printed values, computed again from those pictures, split into bias² and variance, and
  scored by the formula that the study printed.

Nothing is downloaded, and nothing of the clone is kept. The exit code is 1 where a check fails.
"""

import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.table import grid

if TYPE_CHECKING:
    import h5py
    import torch
    from matplotlib.figure import Figure

    from trendbench.generators.study_2017.generator import Study2017
    from trendbench.spec import TaskSpec

WINDOW = 6
_JPEG_QUALITY = 75
_INPUTS = 96  # pairs that the stored weights draw for
_QUIET = 2.0  # grey levels: a pixel whose spread over the drawn images is less takes no inputs
_MODELS = "code/trained_models"
_REFERENCE = "3a5daa5a:data/sand/trend3/metrics/tmse.npy"  # mean of ξ_k² of 3325 images
_SCORED = f"a2e5bd16:{_MODELS}/sand"  # the program's own scores and mean profiles
_THESIS = "1245347c:text/graphs/8-results/sand-trend2/tr_pan.npy"  # mean of ξ_k of 50 images
_RADIUS = 3.2191  # px, of the disks of either data set
_AGREED = 1e-9  # a score computed again
_LEVEL = 1.0  # grey levels that the two programs may differ by
_GREY = 0.124  # darkness of an even page
Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Stored:
    """One network of the study.

    Attributes:
        name: the study's name; arch: this project's.
        data: its data set.
        count: surviving pictures; revision: that holds them.
        weights: revision and path of the generator's weights, of those that are read here.
    """

    name: str
    arch: str
    data: str
    count: int
    revision: str
    weights: str | None = None

    @property
    def pictures(self) -> list[str]:
        """Where each picture lies."""
        folder = f"{self.revision}:{_MODELS}/sand/{self.data}/{self.name}/nn_output"
        return [f"{folder}/sample{i}.jpg" for i in range(self.count)]


NETWORKS = (
    Stored("nf32", "nf32", "trend2", 10, "46a63093"),
    Stored("nf16", "nf16", "trend2", 5, "46a63093"),
    Stored("nf32_woUnet", "nf32-3x3-woUnet", "trend3", 20, "ea755c9e"),
    Stored("nf8", "nf8", "trend2", 5, "46a63093", f"8b8c09d5:{_MODELS}/trend2/nf8/f_gen.weights"),
    Stored("nf16_woUnet", "nf16-woUnet", "trend2", 10, "46a63093",
           f"6a48420f:{_MODELS}/trend2/nf16_woUnet/f_gen.weights"),
    Stored("nf16_3x3_woUnet", "nf16-3x3-woUnet", "trend2", 10, "8d9b08ad"),
)  # fmt: skip
# λ in germs per px² at x = 0 and x = 256, of the Boolean model with each data set's mean profile
INTENSITIES = {"trend2": (7.0282e-4, 1.75705e-2), "trend3": (1.171875e-3, 2.34375e-2)}
FLOORS = {"trend2": 0.0083, "trend3": 0.0025782}  # of re-simulated images; exact
PRINTED = {"nf32": "0.00549", "nf16": "0.00606", "nf32_woUnet": "0.00688", "nf8": "0.00825",
           "nf16_woUnet": "0.00881", "nf16_3x3_woUnet": "0.01034"}  # fmt: skip


@dataclass(frozen=True)
class Clone:
    """A clone of the study's repository, bare or not."""

    folder: Path

    def read(self, place: str) -> bytes:
        """The file ``revision:path``.

        Raises:
            ClickException: there is none.
        """
        return self._git("show", place)

    def array(self, place: str) -> NDArray[np.float64]:
        """The NumPy array in that file; pickled objects are refused."""
        found: NDArray[np.float64] = np.load(io.BytesIO(self.read(place)), allow_pickle=False)
        return found

    def pictures(self, network: Stored) -> Images:
        """The pictures of a network, (n, 256, 256)."""
        return np.stack([picture(self.read(place)) for place in network.pictures])

    def head(self) -> str:
        """Hash and date of the revision that the clone stands at."""
        return self._git("log", "-1", "--format=%h of %ad", "--date=short").decode().strip()

    def _git(self, *arguments: str) -> bytes:
        try:
            call = subprocess.run(
                ["git", "-C", str(self.folder), *arguments], capture_output=True, check=False
            )
        except OSError as error:
            raise click.ClickException(f"git cannot be run ({error.strerror})") from None
        if call.returncode:
            raise click.ClickException(
                f"{self.folder} does not hold {arguments[-1]}: git clone "
                "https://github.com/astromid/diploma-texture-synthesis makes a whole clone"
            )
        return call.stdout


def picture(content: bytes) -> Images:
    """A grey picture file as (H, W) uint8."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("L"))


def through_jpeg(images: Images) -> Images:
    """Each image as it comes back from a JPEG file of the study's quality."""
    from PIL import Image

    def once(image: Images) -> Images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=_JPEG_QUALITY)
        return picture(file.getvalue())

    return np.stack([once(image) for image in images])


# --- weights ------------------------------------------------------------------------------------


def network_of(arch: str, weights: bytes, *, transposed: bool = True) -> "Study2017":
    """The network ``arch`` with weights that Keras stored.

    Keras keeps kernels as (k, k, inputs, outputs), and those of a transposed convolution as
    (k, k, outputs, inputs); PyTorch wants both in the reverse order.

    Args:
        arch: this project's name.
        weights: the HDF5 file's content.
        transposed: the study's arrays had x as their first axis; so have the kernels.

    Raises:
        ClickException: the file is not that of this network.
    """
    import h5py
    import torch

    from trendbench.generators.recipes import find_recipe

    model: Study2017 = find_recipe(arch).build()
    network = model.build(256, 256)
    with h5py.File(io.BytesIO(weights)) as file:
        stored = list(_layers(file))
    kernels = [one for kind, one in stored if kind in ("conv2d", "conv2d_transpose")]
    norms = [one for kind, one in stored if kind == "batch_normalization"]
    own = (
        [(m.weight, m.bias) for m in (*network.down, *network.up)],
        [
            (m.weight, m.bias, m.running_mean, m.running_var)
            for m in (*network.down_norms, *network.up_norms)
        ],
    )
    with torch.no_grad():
        for ours, theirs in ((own[0], kernels), (own[1], norms)):
            if len(ours) != len(theirs):
                raise click.ClickException(f"the weights have not the layers of {arch}")
            for mine, found in zip(ours, theirs, strict=True):
                _copy(arch, mine, found, transposed)
    model.use(network, (256, 256), "cpu", "fp32")
    return model


def _layers(file: "h5py.File") -> Iterator[tuple[str, list[NDArray[np.float32]]]]:
    """Kind and arrays of each stored layer that has any, in order."""
    for name in file.attrs["layer_names"]:
        layer = file[name.decode()]
        arrays = [layer[weight.decode()][()] for weight in layer.attrs["weight_names"]]
        if arrays:
            yield name.decode().rpartition("_")[0], arrays


def _copy(
    arch: str,
    own: Sequence["torch.Tensor"],
    stored: Sequence[NDArray[np.float32]],
    transposed: bool,
) -> None:
    import torch

    for mine, array in zip(own, stored, strict=True):
        found = torch.from_numpy(array)
        if found.ndim == 4:
            found = found.permute(3, 2, 1, 0) if transposed else found.permute(3, 2, 0, 1)
        if mine.shape != found.shape:
            raise click.ClickException(f"the weights have not the shapes of {arch}")
        mine.copy_(found)


# --- what the networks draw ---------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """What stored weights draw here, beside the pictures that the study's program drew.

    Attributes:
        network: which; ours, stored: its images here and its pictures, (n, H, W).
    """

    network: Stored
    ours: Images
    stored: Images

    @property
    def quiet(self) -> NDArray[np.bool_]:
        """Pixels that hardly depend on the inputs, (H, W): here both programs must agree."""
        still: NDArray[np.bool_] = self.ours.std(axis=0) < _QUIET
        return still

    @property
    def off(self) -> float:
        """Mean absolute difference of the mean images over the quiet pixels, in grey levels."""
        return float(np.abs(self.ours.mean(axis=0) - self.stored.mean(axis=0))[self.quiet].mean())

    @property
    def correlation(self) -> float:
        """Correlation of the two mean images, pixel by pixel."""
        means = (self.ours.mean(axis=0).ravel(), self.stored.mean(axis=0).ravel())
        return float(np.corrcoef(*means)[0, 1])


def drawn_by(clone: Clone, network: Stored) -> Drawn:
    """Images that the stored weights draw for fresh inputs, saved as the study saved its own."""
    from trendbench.generators.protocol import Inputs
    from trendbench.simulation import simulate

    assert network.weights is not None
    inputs = simulate(spec_of(network.data), _INPUTS, seed=0)
    model = network_of(network.arch, clone.read(network.weights))
    given = Inputs(through_jpeg(inputs.s1), through_jpeg(inputs.s2))
    return Drawn(network, through_jpeg(model.sample(given, 0)), clone.pictures(network))


def spec_of(data: str) -> "TaskSpec":
    """The Boolean model with the mean profile of a data set."""
    from trendbench.spec import TaskSpec

    left, right = INTENSITIES[data]
    return TaskSpec(
        name=data, width=256, height=256, radius=_RADIUS, lambda_left=left, lambda_right=right,
        coupling="independent", window=WINDOW, train=1, val=1, test=1,
    )  # fmt: skip


# --- scores -------------------------------------------------------------------------------------


def parts(profiles: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[float, float]:
    """bias² and variance of the mean over images of mean_k (ξ_k − t_k)²; they add up to it.

    Args:
        profiles: ξ_k of each image, (n, K).
        reference: t_k, (K,).
    """
    mean = profiles.mean(axis=0)
    bias = float(np.mean((mean - reference) ** 2))
    return bias, float(np.mean((profiles - mean) ** 2))


def networks_table(found: Sequence[Drawn], reference: NDArray[np.float64]) -> str:
    """Stored weights, drawn from here, beside the study's pictures."""
    from trendbench.metrics.batch import density_profile

    rows = [["network", "as executed: here", "study's pictures", "correlation of the mean images",
             "pixels that take no inputs", "difference there [grey levels]"]]  # fmt: skip
    for one in found:
        ours = np.mean((density_profile(one.ours, WINDOW) - reference) ** 2, axis=1)
        theirs = np.mean((density_profile(one.stored, WINDOW) - reference) ** 2, axis=1)
        rows.append([
            one.network.name, _with_error(ours), _with_error(theirs), f"{one.correlation:.2f}",
            f"{one.quiet.mean():.0%}", f"{one.off:.2f}",
        ])  # fmt: skip
    return grid(rows)


def values_table(clone: Clone, reference: NDArray[np.float64]) -> tuple[str, float]:
    """The six printed values, and the largest distance from what the study's program stored."""
    from trendbench.metrics.batch import density_profile
    from trendbench.theory import mean_profile

    thesis = clone.array(_THESIS)
    rows = [["network", "data", "pictures", "printed", "computed again", "bias²", "variance",
             "as printed", "over the floor", "as printed, reference of 50 images"]]  # fmt: skip
    worst = 0.0
    for network in NETWORKS:
        profiles = density_profile(clone.pictures(network), WINDOW)
        folder = f"{_SCORED}/{network.data}/{network.name}"
        bias, variance = parts(profiles, reference)
        worst = max(worst, abs(bias + variance - float(clone.array(f"{folder}/err.npy"))))
        own = sum(parts(profiles, mean_profile(spec_of(network.data), WINDOW)))
        is_first = network.data == "trend2"
        rows.append([
            network.name, network.data, str(network.count), PRINTED[network.name],
            f"{bias + variance:.9f}", f"{bias:.6f}", f"{variance:.2g}", f"{own:.4f}",
            f"{own / FLOORS[network.data]:.1f}",
            f"{sum(parts(profiles[:, : thesis.size], thesis)):.4f}" if is_first else "",
        ])  # fmt: skip
    return grid(rows), worst


def pages_table(reference: NDArray[np.float64]) -> str:
    """Scores of pages drawn without a network on trend3, by both readings."""
    from trendbench.theory import mean_profile, profile_covariance

    spec = spec_of("trend3")
    true = mean_profile(spec, WINDOW)
    variance = float(np.diag(profile_covariance(spec, WINDOW)).mean())
    exact = np.square(true) + np.diag(profile_covariance(spec, WINDOW))
    pages = {
        "white page": (np.zeros_like(true), 0.0),
        f"even grey, {_GREY:.1%} dark": (np.full_like(true, _GREY), 0.0),
        "grey ramp, the true mean profile": (true, 0.0),
        "true images": (true, variance),
    }
    rows = [["page", "as executed", "as executed, exact reference", "as printed, exact reference"]]
    for name, (profile, own) in pages.items():
        values = (np.mean((profile - t) ** 2) + own for t in (reference, exact, true))
        rows.append([name, *(f"{value:.4f}" for value in values)])
    return grid(rows)


def profiles_figure(clone: Clone) -> "Figure":
    """Mean profiles of the study's pictures, beside the exact mean profile of their data."""
    from trendbench.figures.canvas import TRUTH, new_figure, style
    from trendbench.metrics.batch import density_profile
    from trendbench.theory import mean_profile

    with style():
        figure = new_figure(9.6, 3.6)
        panels = figure.subplots(1, 2, sharey=True)
        x = np.arange(256 - WINDOW + 1) + WINDOW / 2
        for axes, data in zip(panels, INTENSITIES, strict=True):
            axes.plot(x, mean_profile(spec_of(data), WINDOW), color=TRUTH, lw=2, label="exact mean")
            for network in NETWORKS:
                if network.data == data:
                    mean = density_profile(clone.pictures(network), WINDOW).mean(axis=0)
                    axes.plot(x, mean, lw=1, label=network.name)
            axes.set(title=data, xlabel="x [px]", xlim=(0, 256), ylim=(0, 0.6))
            axes.legend()
        panels[0].set(ylabel="ξ(k)")
    return figure


def _with_error(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.5f} ± {values.std(ddof=1) / len(values) ** 0.5:.5f}"


@click.command()
@click.option("--clone", "folder", type=click.Path(path_type=Path), required=True)
@click.option("--figure", type=click.Path(path_type=Path), help="A PNG of the mean profiles.")
def main(folder: Path, figure: Path | None) -> None:
    """Compare the networks and the printed values on a clone of the study's repository."""
    clone = Clone(folder)
    if figure is not None:
        from trendbench.figures.canvas import save

        save(profiles_figure(clone), figure)
    reference = clone.array(_REFERENCE)
    drawn = [drawn_by(clone, network) for network in NETWORKS if network.weights]
    values, worst = values_table(clone, reference)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    click.echo(f"Read on {today}, the clone at revision {clone.head()}.\n")
    click.echo(f"{networks_table(drawn, reference)}\n\n{values}\n")
    click.echo(f"{pages_table(reference)}\n")
    click.echo(f"Largest difference from the stored scores: {worst:.1g}.")
    if worst > _AGREED or any(one.off > _LEVEL for one in drawn):
        click.echo("the networks or the values do not agree", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
