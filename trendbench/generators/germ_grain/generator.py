"""The germ–grain model: shapes found in images, and a learned conditional intensity."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save as save_arrays

from trendbench.errors import RecipeError, WeightsError
from trendbench.generators.germ_grain.model import FEATURES, MARKS, Law, Model
from trendbench.generators.germ_grain.poisson import drawn_at_once, is_poisson
from trendbench.generators.germ_grain.rounds import Settings, learned_models, rng_of
from trendbench.generators.germ_grain.scenes import configuration_of, is_falling, rising, scene_of
from trendbench.generators.germ_grain.shapes import MOST_SHAPES, must_hold, stored_shapes
from trendbench.generators.germ_grain.walk import walked
from trendbench.generators.network.schedule import checked
from trendbench.generators.protocol import Inputs
from trendbench.generators.weights import read_settings, read_tensors, write_settings
from trendbench.process.images import BLACK, WHITE
from trendbench.process.triplets import Triplets
from trendbench.storage.atomic import write_bytes
from trendbench.training.context import RunContext

_WEIGHTS, _SETTINGS = "generator.safetensors", "settings.json"
_MOST_CUTS = 1 << 23  # shapes of a stored file times the places at which the frame cuts them


class GermGrain:
    """Images as unions of grains whose conditional intensity a small network gives.

    Shapes of grains are found among the pieces of the training images. The grains of a triplet are
    a point process, the mark of a grain being the images that have it. Its conditional intensity
    λ_k(u | X) is learned by logistic regression from configurations that cover the training
    images, which a walk draws by the intensity of the round before. r is drawn by a walk over the
    configurations that cover its inputs, or at once where its grains are a Poisson process.

    Args:
        **settings: the fields of ``Settings``.

    Raises:
        ValueError: an unknown, missing or impossible setting.

    Source: Chiu, Stoyan, Kendall & Mecke, Stochastic geometry and its applications (2013), for
    germ–grain models; Baddeley et al., Logistic regression for spatial Gibbs point processes
    (2014).
    """

    conditional: ClassVar[bool] = True

    def __init__(self, **settings: Any) -> None:
        self.settings: Settings = checked(Settings, settings)
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """Shapes and network.

        Raises:
            RecipeError: nothing is learned yet.
        """
        if self._model is None:
            raise RecipeError("the germ–grain model draws only after fit or load: call one first")
        return self._model

    @property
    def parameters(self) -> int:
        """Numbers of the network, and a frequency of each shape once they are known."""
        h, kinds, shapes = self.settings.hidden, MARKS, 0
        if self._model:
            kinds, shapes = len(self._model.law.b3), len(self._model.shapes.areas)
        return h * (FEATURES + 1) + h * (h + 1) + kinds * (h + 1) + shapes

    def fit(self, train: Triplets, val: Triplets, run: RunContext) -> None:
        """Find the shapes, cover every image, and learn the intensity round by round.

        Raises:
            RecipeError: the black is not made of grains, there are too many shapes of them, or the
                frame is smaller than a grain.
        """
        del val  # the harness watches validation samples through run.observe
        start, seen = time.monotonic(), 0
        for number, found in enumerate(learned_models(train, self.settings, run), 1):
            self._model, seen = found
            run.observe(self, number)
        run.report(epochs=1, images_seen=seen, seconds=time.monotonic() - start)

    def sample(self, inputs: Inputs, seed: int) -> NDArray[np.uint8]:
        """One draw of r for each pair of inputs, (n, H, W) uint8.

        Image i depends on its own inputs, i and the seed alone.

        Raises:
            RecipeError: the frame is smaller than a grain, or the weights ask for more than four
                grains per pixel.
        """
        shapes, law, shared, expected, (height, width) = self.model
        must_hold(shapes, *inputs.s1.shape[1:])
        larger = inputs.s1[0].size / (height * width) if len(inputs) else 1
        images = np.empty(inputs.s1.shape, dtype=np.uint8)
        at_once = is_poisson(law)

        def drawn(i: int) -> None:
            given = inputs.s1[i] == BLACK, inputs.s2[i] == BLACK
            pair, rng = rising(*given), rng_of(seed, "sample", i)
            scene = scene_of(*pair, None, shapes)
            if at_once:
                black = drawn_at_once(scene, law, rng)
            else:
                found = configuration_of(*pair, None, shapes, shared, rng)
                grains = math.ceil(expected * larger)
                black, _ = walked(scene, law, found, self.settings.sweeps, grains, rng)
            images[i] = np.where(black[:, ::-1] if is_falling(*given) else black, BLACK, WHITE)

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(drawn, range(len(inputs))))
        return images

    def save(self, folder: Path) -> None:
        """Shapes and network as safetensors, settings as JSON."""
        shapes, law, shared, expected, frame = self.model
        arrays = {name: np.ascontiguousarray(part) for name, part in law._asdict().items()}
        arrays |= {
            "masks": shapes.masks.astype(np.uint8),
            "weights": shapes.weights,
            "shared": np.array([int(shared)]),
            "expected": np.array([expected]),
        }
        write_bytes(folder / _WEIGHTS, save_arrays(arrays))
        write_settings(folder / _SETTINGS, frame, self.settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that ``save`` left in a folder.

        Raises:
            WeightsError: files that are missing, damaged, or not this class's.
        """
        stored = read_settings(folder / _SETTINGS)
        try:
            model = cls(**stored.settings)
        except ValueError as error:
            raise WeightsError(f"{folder / _SETTINGS}: {str(error).splitlines()[0]}") from None
        tensors = read_tensors(folder / _WEIGHTS)
        wrong = _misfit(tensors, model.settings.hidden, stored.frame)
        if wrong:
            raise WeightsError(
                f"{folder}: the weights are not those of the settings beside them ({wrong!r:.80})"
            )
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        shapes = stored_shapes(arrays["masks"] > 0, arrays["weights"])
        if len(arrays["b3"]) != MARKS * (int(shapes.classes[-1]) + 1):
            raise WeightsError(f"{folder}: the weights are for other sizes of grains than theirs")
        law = Law(*(arrays[name] for name in Law._fields))
        shared, expected = bool(arrays["shared"][0]), int(arrays["expected"][0])
        model._model = Model(shapes, law, shared, expected, stored.frame)
        return model


def _misfit(tensors: dict[str, torch.Tensor], hidden: int, frame: tuple[int, int]) -> str | None:
    """The first tensor that is not one of a model; None where all are."""
    for name in sorted({*Law._fields, "masks", "weights", "shared", "expected"} ^ {*tensors}):
        return name
    kinds = tensors["b3"].shape[0] if tensors["b3"].ndim == 1 else 0
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (FEATURES,), "scale": (FEATURES,), "w1": (hidden, FEATURES), "b1": (hidden,),
        "w2": (hidden, hidden), "b2": (hidden,), "w3": (kinds, hidden), "b3": (kinds,),
        "shares": (3, kinds), "shared": (1,), "expected": (1,),
    }  # fmt: skip
    whole = ("shared", "expected")
    for name, shape in shapes.items():
        dtype = torch.int64 if name in whole else torch.float64
        if (tensors[name].shape, tensors[name].dtype) != (shape, dtype):
            return name
    if not 0 <= int(tensors["expected"]) <= frame[0] * frame[1]:
        return "expected"
    if not (tensors["scale"] > 0).all():
        return "scale"
    shares = tensors["shares"]
    if not (shares >= 0).all() or not ((shares.sum(dim=1) - 1).abs() < 1e-6).all():
        return "shares"
    masks, weights = tensors["masks"], tensors["weights"]
    side = masks.shape[-1] if masks.ndim == 3 else 0
    if masks.dtype != torch.uint8 or side % 2 == 0 or masks.shape[1] != side:
        return "masks"
    if len(masks) > MOST_SHAPES or side > min(frame):
        return "masks"
    if not 0 < len(masks) * (2 * side - 1) ** 2 <= _MOST_CUTS:
        return "masks"
    areas = torch.count_nonzero(masks, dim=(1, 2))
    if not areas.all() or (areas.diff() > 0).any():
        return "masks"
    if (weights.shape, weights.dtype) != (areas.shape, torch.float64):
        return "weights"
    return None if bool((weights > 0).all()) and float(weights.sum()) < 2 else "weights"
