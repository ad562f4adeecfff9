"""The process that a set of pictures was drawn from, as far as held-out pictures show it."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, NoReturn, Self

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from trendbench.errors import LawError, SpecError
from trendbench.families.images.shown import Shown, contents_of, digest
from trendbench.families.images.sources import Sources
from trendbench.process.family import Change, Check, Law, Process
from trendbench.process.held_out import HeldOut
from trendbench.process.latent import Latent
from trendbench.process.seeds import Split
from trendbench.process.triplets import Triplets

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
_Spoil = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]


class PictureSet(Process):
    """Pictures of which no law is known.

    The r of the test split, held out from every generator, are the true images. A score's value
    for true images is estimated from them, and the error of that estimate is in its range.

    Attributes:
        width: W of the frame [px].
        height: H of the frame [px].
        characteristic_length: where the covariance along y has fallen to 1/e [px].
        inputs: whether there are s1 and s2; if not, they are white.
        held_out_sha256: of the r of the test split.
        pixel_size: of a pixel, in ``pixel_unit``; None where the files do not say.
        pixel_unit: for example "µm".

    Raises:
        pydantic.ValidationError: a number is out of range.
    """

    family: ClassVar[str] = "images"
    stored: ClassVar[dict[str, str]] = {"source": "<i8"}
    simulated: ClassVar[bool] = False

    characteristic_length: Annotated[float, Field(ge=0.1, le=1e5, examples=[6.0])]
    inputs: bool
    held_out_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    pixel_size: Annotated[float | None, Field(gt=0, le=1e12)] = None
    pixel_unit: Annotated[str | None, Field(pattern=r"^[\w/^-]{1,16}$")] = None

    _shown: Shown | None = PrivateAttr(default=None)

    # the pictures

    def knowing(self, read: Callable[[], Triplets]) -> Self:
        """The same with the pictures at hand."""
        known = self.model_copy()
        known._shown = Shown(read, self.held_out_sha256)
        return known

    @property
    def is_known(self) -> bool:
        """Whether the data file was opened that holds the pictures."""
        return self._shown is not None

    @property
    def held_out(self) -> HeldOut:
        """The test split.

        Raises:
            LawError: the process was read from elsewhere than the data file.
        """
        if self._shown is None:
            raise LawError(
                "true values of pictures are known with their data file alone: open it with "
                "trendbench.open_dataset, or name it with --data"
            )
        return self._shown.held_out

    def packed(self, latents: Latent) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
        """One source a triplet."""
        assert isinstance(latents, Sources)
        return np.arange(len(latents) + 1), {"source": latents.source}

    def unpacked(self, offsets: NDArray[np.int64], columns: dict[str, NDArray[Any]]) -> Sources:
        """The sources of triplets.

        Raises:
            ValueError: there is not one source a triplet.
        """
        if not np.array_equal(offsets, np.arange(len(offsets))):
            raise ValueError("each triplet has one source")
        return Sources(np.asarray(columns["source"], dtype=np.int64))

    def latents(self, n: int, seed: int, split: Split, start: int = 0) -> NoReturn:
        """Refuse to simulate.

        Raises:
            SpecError: always.
        """
        del n, seed, split, start
        raise SpecError(
            "pictures are not simulated: trendbench import makes a data file of them, which other "
            "commands take with --data"
        )

    # laws: none

    @property
    def laws(self) -> frozenset[Law]:
        """None."""
        return frozenset()

    @property
    def length(self) -> float:
        """The characteristic length [px], about the radius of a disk for disks."""
        return self.characteristic_length

    @property
    def has_inputs(self) -> bool:
        """Whether there are s1 and s2."""
        return self.inputs

    @property
    def is_independent(self) -> bool:
        """False: nobody knows how the pictures of a triplet hang together."""
        return False

    @property
    def has_trend(self) -> bool:
        """Whether there are inputs, which may differ in law."""
        return self.inputs

    @property
    def is_rising(self) -> bool:
        """True: nobody knows which input is denser, and s1 is called the sparser one."""
        return True

    # pictures spoilt on purpose: each is the only draw there is

    def redraw(self, latents: Latent, rng: np.random.Generator) -> Latent:
        """The same."""
        del rng
        return latents

    def free(self, latents: Latent, rng: np.random.Generator) -> Latent:
        """The same."""
        del rng
        return latents

    def render_r(self, latents: Latent) -> NDArray[np.uint8]:
        """The r of as many of the first held-out triplets, (n, H, W)."""
        return self.held_out.r[: len(latents)].copy()

    def changes(self) -> Mapping[str, Change]:
        """A share of the pictures mirrored, shuffled, or with black a pixel larger or smaller."""
        return {
            name: Change(partial(_spoilt, self, spoil), meaning)
            for name, (spoil, meaning) in _SPOILS.items()
        }

    # what people are told

    @property
    def about(self) -> str:
        """What black is."""
        return "what is black in the pictures"

    def facts(self) -> list[tuple[str, str]]:
        """Frame, length, pixel size, and where true values come from."""
        length = f"{self.characteristic_length:.3g}"
        rows = [("frame", f"{self.width}×{self.height} px, length {length} px")]
        if self.pixel_size is not None:
            unit, size = self.pixel_unit or "", self.pixel_size
            frame = f"{self.width * size:.4g}×{self.height * size:.4g} {unit}"
            rows.append(("pixel", f"{size:.4g} {unit}; frame {frame}"))
        kind = "s1, s2 and r" if self.inputs else "r alone"
        rows.append(("images", f"{kind}; true values are estimated from the test split"))
        return rows

    def checks(self, latents: Latent) -> Iterator[Check]:
        """Each triplet has a source."""
        assert isinstance(latents, Sources)
        count = len(np.unique(latents.source))
        yield Check("sources", bool((latents.source >= 0).all()), f"{count} source pictures")

    def checks_of_file(
        self, latents: Mapping[Split, Latent], load: Callable[[Split], Triplets]
    ) -> Iterator[Check]:
        """No source and no image in two splits; the held-out pictures are the task's."""
        seen: list[NDArray[np.int64]] = []
        for part in latents.values():
            assert isinstance(part, Sources)
            seen.append(np.unique(part.source))
        count = sum(map(len, seen))
        shared = count - len(np.unique(np.concatenate(seen)))
        yield Check("no source in two splits", shared == 0, f"{shared} of {count} shared")
        contents = [contents_of(load(split)) for split in latents]
        twice = sum(map(len, contents)) - len(frozenset().union(*contents))
        reading = f"{twice} equal, but for those of one colour"
        yield Check("no image in two splits", twice == 0, reading)
        same = digest(self.held_out.r) == self.held_out_sha256
        yield Check("held-out pictures", same, f"SHA-256 {self.held_out_sha256[:8]}…")


def _spoilt(
    process: PictureSet, spoil: _Spoil, latents: Latent, rng: np.random.Generator, size: float
) -> NDArray[np.uint8]:
    """The pictures, a share of them spoilt."""
    images = process.render_r(latents)
    for i in np.flatnonzero(rng.random(len(images)) < size):
        images[i] = spoil(images[i], rng)
    return images


def _mirrored(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    del rng
    return image[:, ::-1]


def _shuffled(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.permutation(image, axis=1)


def _grown(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    del rng
    return np.asarray(scipy.ndimage.grey_erosion(image, footprint=_CROSS))


def _shrunk(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    del rng
    return np.asarray(scipy.ndimage.grey_dilation(image, footprint=_CROSS))


_SPOILS: dict[str, tuple[_Spoil, str]] = {
    "mirrored": (_mirrored, "pictures mirrored along x"),
    "shuffled": (_shuffled, "pictures with shuffled columns"),
    "grown": (_grown, "pictures whose black is a pixel larger"),
    "shrunk": (_shrunk, "pictures whose black is a pixel smaller"),
}
