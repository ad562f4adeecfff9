"""Ways in which images of any family may be nearly true, beside those that a family states."""

import numpy as np

from trendbench.process.family import Change, Images, Process
from trendbench.process.images import BLACK
from trendbench.process.latent import Latent

_GREY = 128
Rng = np.random.Generator


def changes_of(process: Process) -> dict[str, Change]:
    """Every change of a process, by name: those of its family first."""

    def free(latents: Latent, rng: Rng) -> Images:
        return process.render_r(process.free(latents, rng))

    def lone_pixels(latents: Latent, rng: Rng, size: float) -> Images:
        images = free(latents, rng)
        count = size * float(process.grains(process.width / 2)) * process.width * process.height
        images[rng.random(images.shape) < count / images[0].size] = BLACK
        return images

    def grey_pixels(latents: Latent, rng: Rng, size: float) -> Images:
        images = free(latents, rng)
        images[rng.random(images.shape) < size] = _GREY
        return images

    def duplicates(latents: Latent, rng: Rng, size: float) -> Images:
        images = free(latents, rng)
        k = len(process.members)  # an image and the next one of its trend are a pair
        pairs = np.arange(len(images) // (2 * k) * k)
        chosen = pairs[np.floor(2 * size * (pairs + 1)) > np.floor(2 * size * pairs)]
        first = chosen // k * 2 * k + chosen % k
        images[first + k] = images[first]
        return images

    def other_inputs(latents: Latent, rng: Rng, size: float) -> Images:
        images = process.render_r(process.redraw(latents, rng))
        replaced = np.flatnonzero(rng.random(len(images)) < size)
        images[replaced] = images[np.roll(replaced, 1)]  # also of other trends, where there are any
        return images

    ours = {
        "others": Change(other_inputs, "drawn for other inputs", conditional=True),
        "lone-pixels": Change(lone_pixels, "lone pixels a grain"),
        "grey": Change(grey_pixels, "grey pixels"),
        "duplicates": Change(duplicates, "duplicates", copies=True),
    }
    if process.is_independent:
        del ours["others"]
    return dict(process.changes()) | ours
