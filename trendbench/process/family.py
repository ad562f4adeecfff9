"""The seam between families of textures and everything else: what a family offers.

A family is a class of ``Process``. It states its parameters, its characteristic length and how an
image is drawn. Each law that it also states is exact; a score whose law is absent is held against
fresh simulated images and called estimated. Nothing outside a family's folder knows its name.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic.fields import FieldInfo

from trendbench.arguments import numbers
from trendbench.errors import LawError
from trendbench.process.held_out import HeldOut
from trendbench.process.images import IMAGES, Image
from trendbench.process.latent import Latent, Seeds
from trendbench.process.seeds import Split
from trendbench.process.trend import Trend

if TYPE_CHECKING:
    from trendbench.process.triplets import Triplets

_MOST_PIXELS = 1 << 28
Images = NDArray[np.uint8]
Law = Literal[
    "coverage",
    "pair_black",
    "quads",
    "white_run",
    "survival",
    "disagreement",
    "trend",
    "impossible",
]
LAWS: tuple[Law, ...] = (
    "coverage", "pair_black", "quads", "white_run", "survival", "disagreement", "trend",
    "impossible",
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A way in which images may be nearly true: for negative controls and for the power.

    Attributes:
        draw: from the latents of triplets, random numbers and the size of the change, one image
            a triplet, (n, H, W) uint8; no change at size 0.
        meaning: one line for people.
        conditional: whether the images are drawn for the inputs.
        copies: whether images of the set are copied; scores by exchange of labels tell that alone.
    """

    draw: Callable[[Latent, np.random.Generator, float], Images]
    meaning: str
    conditional: bool = False
    copies: bool = False


@dataclass(frozen=True)
class Check:
    """One reading of triplets against the law that they are said to have.

    Attributes:
        name: what was looked at.
        passed: whether it holds.
        reading: what was found.
    """

    name: str
    passed: bool
    reading: str


class Process(BaseModel):
    """A law of triplets (s1, s2, r) of black and white images.

    s1 and s2 are stationary, and between their laws the law of r changes along x.

    A family must state ``family``, ``length`` and ``draw``. Where its images share what they follow
    from, it states ``latents``, ``render``, ``redraw`` and ``render_r`` in place of ``draw``.

    Attributes:
        family: the name in specs.
        ends: names of the parameters that say where the trend begins and ends; a data file has
            them for each triplet.
        stored: name to type of what a data file keeps of the latents, beside their ``offsets``.
        also: keys that a spec may have beside the fields.
        simulated: whether triplets can be drawn. If not, the process is known by the test split of
            an open data file alone.
        width: W of the frame [px].
        height: H of the frame [px].

    Raises:
        pydantic.ValidationError: a number is out of range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)
    family: ClassVar[str]
    ends: ClassVar[tuple[str, ...]] = ()
    stored: ClassVar[Mapping[str, str]] = {}
    also: ClassVar[tuple[str, ...]] = ("family",)
    simulated: ClassVar[bool] = True

    width: Annotated[int, Field(ge=1, le=1 << 20, examples=[256])]
    height: Annotated[int, Field(ge=1, le=1 << 20, examples=[256])]

    @model_validator(mode="before")
    @classmethod
    def _of_this_family(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("family") == cls.family:
            return {name: value for name, value in fields.items() if name != "family"}
        return fields

    @model_validator(mode="after")
    def _is_of_a_size(self) -> Self:
        if self.width * self.height > _MOST_PIXELS:
            raise ValueError(
                f"an image of {self.width}×{self.height} px has more than the {_MOST_PIXELS} px "
                "allowed"
            )
        return self

    # which trends

    @property
    def members(self) -> tuple["Process", ...]:
        """The process with each of its trends: itself where it has one."""
        return (self,)

    def of_split(self, split: Split) -> Self:
        """The process that triplets of a split follow, where splits differ."""
        del split
        return self

    def ends_of(self, n: int) -> dict[str, NDArray[np.float64]]:
        """The ends of the trend of the first n triplets by name, (n,) each."""
        return {name: np.full(n, getattr(self, name), dtype=np.float64) for name in self.ends}

    # what is drawn

    @property
    def length(self) -> float:
        """Characteristic length [px]: about half the size of what the texture is made of."""
        raise NotImplementedError(f"the family {self.family} states no length")

    def draw(self, rng: np.random.Generator, of: Image) -> Images:
        """One image (H, W) uint8, black 0 and white 255, drawn on its own."""
        raise NotImplementedError(f"the family {self.family} draws no image on its own")

    def latents(self, n: int, seed: int, split: Split, start: int = 0) -> Latent:
        """What triplets ``start`` to ``start + n`` of a split follow from."""
        return Seeds.of(n, seed, split, start)

    def render(self, latents: Latent, out: Images) -> None:
        """Draw s1, s2 and r of every triplet into ``out``, (3, n, H, W)."""
        assert isinstance(latents, Seeds)
        for j, name in enumerate(IMAGES):
            for i in range(len(latents)):
                out[j, i] = self.draw(latents.generator(i, name), name)

    def redraw(self, latents: Latent, rng: np.random.Generator) -> Latent:
        """Latents of another r for each triplet, from its law given s1 and s2."""
        return Seeds.fresh(len(latents), rng)

    def free(self, latents: Latent, rng: np.random.Generator) -> Latent:
        """Latents of another r for each triplet, drawn without regard to s1 and s2."""
        return Seeds.fresh(len(latents), rng)

    def render_r(self, latents: Latent) -> Images:
        """The r of latents, (n, H, W)."""
        assert isinstance(latents, Seeds)
        images = np.empty((len(latents), self.height, self.width), dtype=np.uint8)
        for i in range(len(latents)):
            images[i] = self.draw(latents.generator(i, "r"), "r")
        return images

    def packed(self, latents: Latent) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
        """Offsets (n + 1,) and the columns that ``stored`` names, for a data file."""
        del latents
        raise NotImplementedError(f"the family {self.family} stores nothing")

    def unpacked(self, offsets: NDArray[np.int64], columns: dict[str, NDArray[Any]]) -> Latent:
        """The latents of what ``packed`` gave.

        Raises:
            ValueError: the columns do not fit together.
        """
        del offsets, columns
        raise NotImplementedError(f"the family {self.family} stores nothing")

    def knowing(self, read: "Callable[[], Triplets]") -> Self:
        """The process once its data file is open; ``read`` gives that file's test split.

        By default the process itself: what can be simulated needs no pictures.
        """
        del read
        return self

    @property
    def is_known(self) -> bool:
        """Whether true images are at hand: simulated, or held out in an open data file."""
        return True

    @property
    def held_out(self) -> HeldOut:
        """The true pictures of a process that is not ``simulated``.

        Raises:
            LawError: there are none, or their data file is not open.
        """
        raise LawError(f"the family {self.family} is simulated, and holds out no pictures")

    @classmethod
    def compile(cls) -> bool:
        """Make kernels ready. True if this call had to compile them."""
        return False

    @classmethod
    def compiled(cls) -> str | None:
        """The folder that keeps the machine code of the kernels; None where none does."""
        return None

    # laws

    @property
    def laws(self) -> frozenset[Law]:
        """The laws that are exact: those that the class states."""
        stated: frozenset[Law] = frozenset(
            law for law in LAWS if getattr(type(self), law) is not getattr(Process, law)
        )
        if self.is_independent and "coverage" in stated:
            return stated | {"disagreement"}
        return stated

    def coverage(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """Probability p(x) that a pixel at x [px] is black, any shape.

        Raises:
            LawError: the family does not state it.
        """
        raise self._absent("coverage")

    def pair_black(
        self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r"
    ) -> NDArray[np.float64]:
        """Probability that two pixels at x1 and x2, ``dy`` rows apart, are both black.

        Args:
            x1, x2: pixel centres [px]; dy: distance along y [px]; they are broadcast.
            of: of which image.

        Raises:
            LawError: the family does not state it.
        """
        raise self._absent("pair_black")

    def covariance(
        self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r"
    ) -> NDArray[np.float64]:
        """Covariance of the colours (black 1, white 0) of two pixels, as ``pair_black``."""
        both = self.pair_black(x1, x2, dy, of)
        return both - self.coverage(x1, of) * self.coverage(x2, of)

    @property
    def reach(self) -> float:
        """Distance [px] beyond which the covariance of two pixels is negligible."""
        return float(np.hypot(self.width, self.height))

    def quads(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """Probability of each configuration of a 2×2 window centred at x, shape of x plus (16,).

        Pixels are numbered 0 top left, 1 top right, 2 bottom left, 3 bottom right; configuration c
        has pixel i black iff bit i of c is set.

        Raises:
            LawError: the family does not state it.
        """
        raise self._absent("quads")

    def white_run(
        self, midpoint: ArrayLike, n: ArrayLike, of: Image = "r", *, along_x: bool
    ) -> NDArray[np.float64]:
        """Probability that n pixels of a row, or else of a column, are all white.

        Args:
            midpoint: x of the middle of the run [px]; n: number of pixels; they are broadcast.
            of: of which image.
            along_x: whether the run lies in a row.

        Raises:
            LawError: the family does not state it.
        """
        raise self._absent("white_run")

    def survival(self, x: ArrayLike) -> NDArray[np.float64]:
        """Probability that a pixel at x, black in the denser input only, is black in r.

        Raises:
            LawError: the family does not state it.
        """
        raise self._absent("survival")

    def disagreement(self, x: ArrayLike) -> NDArray[np.float64]:
        """Probability that two draws of r for the same inputs differ in a pixel at x.

        Raises:
            LawError: the family does not state it.
        """
        if self.is_independent:
            black = self.coverage(numbers(x, "x"))
            return 2 * black * (1 - black)
        raise self._absent("disagreement")

    @property
    def trend(self) -> Trend:
        """The coefficients of the trend and how the coverage follows from them.

        Raises:
            LawError: the family does not state it.
        """
        raise self._absent("trend")

    def information(self, *, dilated: bool = False) -> NDArray[np.float64]:
        """Fisher information on the trend's coefficients in the latents of one image, (2, 2).

        Args:
            dilated: whether latents beyond the frame count that images depend on.

        Raises:
            LawError: the family does not state it.
        """
        raise self._absent("information")

    def impossible(self, black: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Black pixels of each image (n, H, W) that no image of the process can have, (n,).

        Raises:
            LawError: the family does not state it.
        """
        raise self._absent("impossible")

    def _absent(self, law: str) -> LawError:
        return LawError(f"the family {self.family} states no exact {law}")

    # how the images of a triplet hang together

    @property
    def has_inputs(self) -> bool:
        """Whether there are s1 and s2; if not, r alone is drawn and scored."""
        return True

    @property
    def counted(self) -> str:
        """What a split holds, in a word."""
        return "triplets" if self.has_inputs else "pictures"

    @property
    def is_independent(self) -> bool:
        """Whether s1, s2 and r are three independent draws."""
        return True

    @property
    def is_nested(self) -> bool:
        """Whether the black of the sparser input lies in that of r, and that in the denser's.

        On the columns further than ``margin`` from the left and right border.
        """
        return False

    @property
    def margin(self) -> float:
        """Width of the borders [px] on which ``survival`` and ``disagreement`` do not hold."""
        return 0.0

    @property
    def has_trend(self) -> bool:
        """Whether s1 and s2 differ in law."""
        left, right = (getattr(self, name) for name in self.ends)
        return bool(left != right)

    @property
    def is_rising(self) -> bool:
        """Whether s2 is the denser of the two inputs."""
        left, right = (getattr(self, name) for name in self.ends)
        return bool(left < right)

    # what people are told

    def grains(self, x: ArrayLike) -> NDArray[np.float64]:
        """Number of grains per px² at x: the unit of errors of the Euler number."""
        return np.full_like(numbers(x, "x"), 1 / (4 * self.length**2))

    @property
    def about(self) -> str:
        """What black is, in a few words."""
        return f"the family {self.family}"

    def facts(self) -> list[tuple[str, str]]:
        """What the process is, as rows (name, text)."""
        return [
            ("frame", f"{self.width}×{self.height} px, length {self.length:g} px"),
            *(
                (name, f"{getattr(self, name):g}")
                for name, field in self._own_fields().items()
                if field.annotation in {int, float}
            ),
        ]

    @classmethod
    def _own_fields(cls) -> dict[str, FieldInfo]:
        """The fields that the family adds, without those of a task."""
        owner = next(base for base in cls.__mro__ if "family" in vars(base))
        assert issubclass(owner, Process)
        own = owner.model_fields
        return {name: own[name] for name in own if name not in Process.model_fields}

    def changes(self) -> Mapping[str, Change]:
        """Ways in which images may be nearly true, by name."""
        return {}

    def checks(self, latents: Latent) -> Iterator[Check]:
        """What must hold of the latents of a data file, for ``trendbench verify``."""
        del latents
        yield from ()

    def checks_of_file(
        self, latents: Mapping[Split, Latent], load: "Callable[[Split], Triplets]"
    ) -> Iterator[Check]:
        """What must hold of all splits of a data file together; ``load`` reads the images."""
        del latents, load
        yield from ()
