"""What the reference rows draw. Each negative control passes some score and must fail another."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.errors import RecipeError
from trendbench.generators.protocol import Inputs
from trendbench.metrics.coupling import rising, sparse_and_dense
from trendbench.metrics.truth import true_values
from trendbench.process.changes import changes_of
from trendbench.process.family import Process
from trendbench.process.images import BLACK, WHITE
from trendbench.process.latent import Latent
from trendbench.spec import TaskSpec

_BLOCK = 16
_EVEN_GREY = 0.124  # mean of E ξ_k² over the study's training images
Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """All that a reference row may use: task, inputs, training and validation, randomness."""

    process: TaskSpec
    inputs: Inputs
    training: Images
    rng: np.random.Generator
    validation: Images = field(default_factory=lambda: np.empty((0, 0, 0), dtype=np.uint8))

    @property
    def latent(self) -> Latent:
        """What the inputs follow from."""
        if self.inputs.latent is None:
            raise absent(self.process)
        return self.inputs.latent

    @property
    def target(self) -> Images:
        """The true r."""
        assert self.inputs.target is not None
        return self.inputs.target

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, H, W)."""
        return len(self.inputs), self.process.height, self.process.width

    @property
    def coverage(self) -> NDArray[np.float64]:
        """p(x) of each column, for each image, (n, 1, W)."""
        members = true_values(self.process).members
        each = np.stack([member.column_coverage for member in members])
        return each[self.trend, None, :]

    @property
    def trend(self) -> NDArray[np.int64]:
        """Which of the task's trends each image has, (n,)."""
        return np.arange(len(self.inputs)) % len(self.process.members)

    @property
    def places(self) -> NDArray[np.float64]:
        """x/W of each column, (W,)."""
        return theory.pixel_centres(self.process.width) / self.process.width


def oracle(scene: Scene) -> Images:
    """A draw from the true conditional law, given what s1 and s2 show."""
    return scene.process.render_r(scene.process.redraw(scene.latent, scene.rng))


def real(scene: Scene) -> Images:
    """The true r of the same triplets."""
    return scene.target.copy()


def white(scene: Scene) -> Images:
    """Blank."""
    return np.full(scene.shape, WHITE, dtype=np.uint8)


def grey(scene: Scene) -> Images:
    """One even grey, 12.4 % dark: the level of the least ``xi_executed``."""
    return _everywhere(scene, np.full(scene.process.width, WHITE * (1 - _EVEN_GREY)))


def grey_ramp(scene: Scene) -> Images:
    """Every column the grey of its mean coverage: the mean profile with no variance."""
    return _everywhere(scene, WHITE * (1 - scene.coverage))


def iid_pixels(scene: Scene) -> Images:
    """Independent pixels, black with probability p(x)."""
    return _image_of(scene.rng.random(scene.shape) < scene.coverage)


def repeated(scene: Scene) -> Images:
    """One training image, again and again."""
    return np.broadcast_to(scene.training[0], scene.shape).copy()


def replayed(scene: Scene) -> Images:
    """The training images in their order."""
    return scene.training[np.arange(scene.shape[0]) % len(scene.training)]


def mirrored(scene: Scene) -> Images:
    """The training images upside down; the law of r is symmetric in y."""
    return np.ascontiguousarray(replayed(scene)[:, ::-1])


def s1(scene: Scene) -> Images:
    """The left-intensity input."""
    return scene.inputs.s1.copy()


def s2(scene: Scene) -> Images:
    """The right-intensity input."""
    return scene.inputs.s2.copy()


def halves(scene: Scene) -> Images:
    """The left half of s1 beside the right half of s2."""
    return np.where(scene.places < 0.5, scene.inputs.s1, scene.inputs.s2)


def average(scene: Scene) -> Images:
    """The grey mean of s1 and s2."""
    return _blend(scene, np.full(scene.process.width, 0.5))


def blend(scene: Scene) -> Images:
    """Grey: s1 fading into s2 along x."""
    return _blend(scene, scene.places)


def blocks(scene: Scene) -> Images:
    """s1 or s2 block by block, each pixel from the denser one with its exact survival."""
    n, height, width = scene.shape
    uniforms = scene.rng.random((n, -(-height // _BLOCK), -(-width // _BLOCK)))
    fine = uniforms.repeat(_BLOCK, axis=1).repeat(_BLOCK, axis=2)[:, :height, :width]
    return _either(scene, fine)


def columns(scene: Scene) -> Images:
    """s1 or s2 column by column, from the denser one with its exact survival."""
    n, _, width = scene.shape
    return _either(scene, scene.rng.random((n, 1, width)))


def independent(scene: Scene) -> Images:
    """A true r of some other inputs, where it matters which inputs."""
    if scene.process.is_independent:
        raise absent(scene.process)
    return scene.process.render_r(scene.process.free(scene.latent, scene.rng))


def shuffled(scene: Scene) -> Images:
    """The true r with its columns in random order."""
    order = scene.rng.permuted(
        np.broadcast_to(np.arange(scene.shape[2]), (scene.shape[0], scene.shape[2])), axis=1
    )
    return np.take_along_axis(scene.target, order[:, None, :], axis=2)


def stray_pixels(scene: Scene) -> Images:
    """A true draw for the inputs with three black pixels put anywhere."""
    images = oracle(scene)
    n, height, width = images.shape
    places = scene.rng.integers(0, height * width, (n, 3))
    np.put_along_axis(images.reshape(n, -1), places, BLACK, axis=1)
    return images


def third_others(scene: Scene) -> Images:
    """True draws for the inputs, a third of them for some other inputs."""
    images = oracle(scene)
    images[::3] = independent(scene)[::3]
    return images


def validation(scene: Scene) -> Images:
    """The validation images in their order, for no inputs."""
    return scene.validation[np.arange(scene.shape[0]) % len(scene.validation)]


def leaked(scene: Scene) -> Images:
    """The true r of the test triplets in random order, those of one trend, for no inputs."""
    images = np.empty_like(scene.target)
    for t in np.unique(scene.trend):
        rows = scene.trend == t
        images[rows] = scene.rng.permutation(scene.target[rows])
    return images


def changed(name: str, size: float) -> Callable[[Scene], Images]:
    """True images but for one change that the family of the task states, see ``Process.changes``.

    Raises:
        RecipeError: the family states no such change.
    """

    def draw(scene: Scene) -> Images:
        change = changes_of(scene.process).get(name)
        if change is None:
            raise absent(scene.process)
        return change.draw(scene.latent, scene.rng, size)

    return draw


def absent(process: Process) -> RecipeError:
    """The error for a row that makes no sense for a family."""
    return RecipeError(
        f"this reference row does not exist for the family {process.family}: real does, and those "
        "negative controls that need no law of the images"
    )


TRUTHS: dict[str, Callable[[Scene], Images]] = {"oracle": oracle, "real": real}
NULLS: dict[str, Callable[[Scene], Images]] = {
    "white": white,
    "grey": grey,
    "grey-ramp": grey_ramp,
    "iid-pixels": iid_pixels,
    "repeated": repeated,
    "replayed": replayed,
    "mirrored": mirrored,
    "targets": real,
    "s1": s1,
    "s2": s2,
    "halves": halves,
    "average": average,
    "blend": blend,
    "blocks": blocks,
    "columns": columns,
    "independent": independent,
    "shuffled": shuffled,
    "radius-off": changed("radius", 0.1),
    "no-trend": changed("slope", 1.0),
    "reversed-trend": changed("slope", 2.0),
    "stray-pixels": stray_pixels,
    "third-others": third_others,
}
# Drawn without regard to the inputs, and scored without them.
UNCONDITIONAL_NULLS: dict[str, Callable[[Scene], Images]] = {
    "uneven-rows": changed("along-y", 0.3),
    "waves": changed("waves", 0.3),
    "ellipses": changed("ellipses", 0.05),
    "larger-disks": changed("larger", 0.03),
    "empty-borders": changed("border", 1.0),
    "mixed-slopes": changed("slopes", 0.1),
    "twice": changed("duplicates", 0.5),
    "duplicates": changed("duplicates", 0.1),
    "leaked": leaked,
    "validation": validation,
}


def _image_of(black: NDArray[np.bool_]) -> Images:
    return np.where(black, BLACK, WHITE).astype(np.uint8)


def _everywhere(scene: Scene, columns: NDArray[np.float64]) -> Images:
    """Each column one grey: (W,), or (n, 1, W)."""
    return np.broadcast_to(columns.round().astype(np.uint8), scene.shape).copy()


def _blend(scene: Scene, share: NDArray[np.float64]) -> Images:
    mixed = (1 - share) * scene.inputs.s1 + share * scene.inputs.s2
    return mixed.round().astype(np.uint8)


def _either(scene: Scene, uniforms: NDArray[np.float64]) -> Images:
    process = scene.process
    if "survival" not in process.laws:
        raise absent(process)
    x = theory.pixel_centres(process.width)
    share = np.stack([m.survival(x) if m.has_trend else np.ones_like(x) for m in process.members])
    rises = rising(process)[scene.trend]
    sparse, dense = sparse_and_dense(scene.inputs.s1, scene.inputs.s2, rises)
    return np.where(uniforms < share[scene.trend, None, :], dense, sparse)
