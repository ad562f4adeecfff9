"""A process whose triplets have trends of their own: triplet i has trend i modulo their number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import count
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BeforeValidator, Field, ValidationError, create_model, model_validator

from trendbench.errors import LawError, SpecError, first_problem
from trendbench.process.family import Change, Check, Images, Law, Process
from trendbench.process.images import Image
from trendbench.process.latent import Latent
from trendbench.process.seeds import Split

_MOST_TRENDS = 1000
_Values = NDArray[np.float64]
_P = TypeVar("_P", bound=Process)


def _as_tuples(value: Any) -> Any:
    """Lists of pairs, as JSON and TOML have them, as tuples of floats."""
    if not isinstance(value, list | tuple):
        return value
    pairs = (tuple(pair) if isinstance(pair, list) else pair for pair in value)
    return tuple(pairs)


Trends = Annotated[
    tuple[tuple[float, float], ...], BeforeValidator(_as_tuples), Field(max_length=_MOST_TRENDS)
]


class Mixture(Process):
    """Processes of one family that differ in the ends of their trend alone.

    Triplet i of a split has trend i mod K, K being the number of trends. A law of the mixture is
    the mean of the laws of its K members, and the covariance is that within a trend: statistics
    over sets in which every trend has equally many images have these expectations.

    Attributes:
        trends: values of the family's ``ends`` for each trend, (K, 2).
        test_trends: those of the test split, where these are others; laws are then those of the
            test split.

    Raises:
        pydantic.ValidationError: a trend is none that the family can have.
    """

    base: ClassVar[type[Process]]

    trends: Annotated[Trends, Field(min_length=2, examples=[[[0.001, 0.004], [0.004, 0.001]]])]
    test_trends: Trends = ()

    @model_validator(mode="after")
    def _exist(self) -> Self:
        if len(self.test_trends) == 1:
            raise ValueError("test_trends has one trend: needed are two or more, or none")
        for name in ("trends", "test_trends"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"{name} has a trend twice: name each once")
            for i, ends in enumerate(getattr(self, name)):
                try:
                    self.with_ends(self.base, ends)
                except ValidationError as error:
                    problem = first_problem(error, self.base, self.base.also)
                    raise ValueError(f"{name}[{i}]: {problem}") from None
        return self

    def with_ends(self, process: Callable[..., _P], ends: tuple[float, float], **more: Any) -> _P:
        """The process with one trend."""
        names = (name for name in self.base.model_fields if name not in self.base.ends)
        shared = {name: getattr(self, name) for name in names}
        return process(**shared, **dict(zip(self.base.ends, ends, strict=True)), **more)

    @property
    def members(self) -> tuple[Process, ...]:
        """The process with each trend of the test split."""
        return _members(self)

    @property
    def _first(self) -> Process:
        return self.members[0]

    def of_split(self, split: Split) -> Self:
        """The mixture whose laws are those of a split."""
        if not self.test_trends:
            return self
        trends = self.test_trends if split == "test" else self.trends
        return self.model_copy(update={"trends": trends, "test_trends": ()})

    def ends_of(self, n: int) -> dict[str, _Values]:
        """The ends of the trend of the first n triplets by name, (n,) each."""
        trends = np.array(self.test_trends or self.trends)
        return dict(zip(self.ends, trends[np.arange(n) % len(trends)].T, strict=True))

    # what is drawn

    @property
    def length(self) -> float:
        """The largest of its members [px]."""
        return max(member.length for member in self.members)

    def latents(self, n: int, seed: int, split: Split, start: int = 0) -> "Mixed":
        """Those of each triplet with its own trend."""
        members = self.of_split(split).members
        which = np.arange(start, start + n) % len(members)
        parts = (members[t].latents(1, seed, split, i) for t, i in zip(which, count(start)))
        return Mixed(members, which, tuple(parts))

    def render(self, latents: Latent, out: Images) -> None:
        """Draw s1, s2 and r of every triplet into ``out``, (3, n, H, W)."""
        mixed = _as_mixed(latents)
        for i, (t, part) in enumerate(zip(mixed.trend, mixed.parts, strict=True)):
            mixed.members[t].render(part, out[:, i : i + 1])

    def redraw(self, latents: Latent, rng: np.random.Generator) -> "Mixed":
        """Latents of another r for each triplet, from its law given s1 and s2."""
        return _as_mixed(latents).mapped(lambda member, part: member.redraw(part, rng))

    def free(self, latents: Latent, rng: np.random.Generator) -> "Mixed":
        """Latents of another r for each triplet with the same trend."""
        return _as_mixed(latents).mapped(lambda member, part: member.free(part, rng))

    def render_r(self, latents: Latent) -> Images:
        """The r of latents, (n, H, W)."""
        return self._images(latents, lambda member, part: member.render_r(part))

    def _images(self, latents: Latent, draw: Callable[[Process, Latent], Images]) -> Images:
        images = np.empty((len(latents), self.height, self.width), dtype=np.uint8)
        for member, rows, part in _as_mixed(latents).groups():
            images[rows] = draw(member, part)
        return images

    def packed(self, latents: Latent) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
        """Offsets and columns, as the family packs them."""
        return self._first.packed(joined(self._first, _as_mixed(latents).parts))

    def unpacked(self, offsets: NDArray[np.int64], columns: dict[str, NDArray[Any]]) -> "Mixed":
        """The latents of what ``packed`` gave for triplets 0 to n."""
        whole, n = self._first.unpacked(offsets, columns), len(offsets) - 1
        parts = tuple(whole[i : i + 1] for i in range(n))
        return Mixed(self.members, np.arange(n) % len(self.members), parts)

    # laws

    @property
    def laws(self) -> frozenset[Law]:
        """Those that all members have; the trend is each member's own."""
        return frozenset.intersection(*(member.laws for member in self.members)) - {"trend"}

    def coverage(self, x: ArrayLike, of: Image = "r") -> _Values:
        """Mean over trends."""
        return self._mean(lambda member: member.coverage(x, of))

    def pair_black(self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r") -> _Values:
        """Mean over trends."""
        return self._mean(lambda member: member.pair_black(x1, x2, dy, of))

    def covariance(self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r") -> _Values:
        """Covariance within a trend, mean over trends."""
        return self._mean(lambda member: member.covariance(x1, x2, dy, of))

    @property
    def reach(self) -> float:
        """The largest of its members [px]."""
        return max(member.reach for member in self.members)

    def quads(self, x: ArrayLike, of: Image = "r") -> _Values:
        """Mean over trends."""
        return self._mean(lambda member: member.quads(x, of))

    def white_run(
        self, midpoint: ArrayLike, n: ArrayLike, of: Image = "r", *, along_x: bool
    ) -> _Values:
        """Mean over trends."""
        return self._mean(lambda member: member.white_run(midpoint, n, of, along_x=along_x))

    def disagreement(self, x: ArrayLike) -> _Values:
        """Mean over trends."""
        return self._mean(lambda member: member.disagreement(x))

    def impossible(self, black: NDArray[np.bool_]) -> NDArray[np.int64]:
        """As the first member finds it."""
        return self._first.impossible(black)

    def _mean(self, law: Callable[[Process], _Values]) -> _Values:
        total = sum((law(member) for member in self.members[1:]), start=law(self._first))
        return total / len(self.members)

    # how the images of a triplet hang together

    @property
    def is_independent(self) -> bool:
        """As its members."""
        return self._first.is_independent

    @property
    def is_nested(self) -> bool:
        """Whether those members are whose inputs differ."""
        return any(member.is_nested for member in self.members)

    @property
    def margin(self) -> float:
        """The largest of its members [px]."""
        return max(member.margin for member in self.members)

    @property
    def has_trend(self) -> bool:
        """Whether s1 and s2 differ in law in any member."""
        return any(member.has_trend for member in self.members)

    @property
    def is_rising(self) -> bool:
        """Whether s2 is the denser input of every member.

        Raises:
            LawError: it is of some only; ask each of ``members``.
        """
        rising = {member.is_rising for member in self.members if member.has_trend}
        if len(rising) > 1:
            raise LawError("some trends rise and some fall: ask each of members")
        return rising.pop() if rising else False

    # what people are told

    def grains(self, x: ArrayLike) -> _Values:
        """Mean over trends."""
        return self._mean(lambda member: member.grains(x))

    @property
    def about(self) -> str:
        """As its members."""
        return self._first.about

    def facts(self) -> list[tuple[str, str]]:
        """What all members share, and the ranges of the trends' ends."""
        shared = [row for row in self._first.facts() if all(row in m.facts() for m in self.members)]
        rows = [("trends", _described(self.ends, self.trends))]
        if self.test_trends:
            rows.append(("tested on", _described(self.ends, self.test_trends)))
        return [*shared, *rows]

    def changes(self) -> Mapping[str, Change]:
        """The changes of the members, each drawn with its triplet's trend."""

        def of_each(name: str) -> Callable[[Latent, np.random.Generator, float], Images]:
            def draw(latents: Latent, rng: np.random.Generator, size: float) -> Images:
                return self._images(
                    latents, lambda member, part: member.changes()[name].draw(part, rng, size)
                )

            return draw

        known = self._first.changes()
        return {name: replace(change, draw=of_each(name)) for name, change in known.items()}

    def checks(self, latents: Latent) -> Iterator[Check]:
        """The checks of the members, with the reading of the first trend or of one that fails."""
        found: dict[str, Check] = {}
        for t, (member, _, part) in enumerate(_as_mixed(latents).groups()):
            for check in member.checks(part):
                if check.name not in found or not check.passed:
                    found[check.name] = replace(check, reading=f"{check.reading}, trend {t}")
        for check in found.values():
            yield replace(check, name=f"{check.name}, every trend")


@dataclass(frozen=True)
class Mixed:
    """Latents of n triplets of a mixture.

    Attributes:
        members: the process with each trend.
        trend: (n,) which of them a triplet has.
        parts: the latents of each triplet.
    """

    members: tuple[Process, ...]
    trend: NDArray[np.int64]
    parts: tuple[Latent, ...]

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, triplets: slice) -> "Mixed":
        return Mixed(self.members, self.trend[triplets], self.parts[triplets])

    def joined(self, others: "Sequence[Mixed]") -> "Mixed":
        """These triplets, and behind them those of others."""
        trend = np.concatenate([part.trend for part in (self, *others)])
        parts = self.parts + tuple(part for other in others for part in other.parts)
        return Mixed(self.members, trend, parts)

    def groups(self) -> Iterator[tuple[Process, NDArray[np.int64], Latent]]:
        """For each trend that occurs: the process, which triplets have it, their latents."""
        for t in np.unique(self.trend):
            rows = np.flatnonzero(self.trend == t)
            yield self.members[t], rows, joined(self.members[t], [self.parts[i] for i in rows])

    def mapped(self, change: Callable[[Process, Latent], Latent]) -> "Mixed":
        """Other latents of the same triplets, trend by trend."""
        parts: dict[int, Latent] = {}
        for member, rows, part in self.groups():
            changed = change(member, part)
            parts |= {int(i): changed[j : j + 1] for j, i in enumerate(rows)}
        return replace(self, parts=tuple(parts[i] for i in range(len(self))))


def joined(process: Process, parts: Sequence[Latent]) -> Latent:
    """Latents of consecutive triplets, end to end.

    Raises:
        SpecError: the latents of the family cannot be joined.
    """
    if not hasattr(parts[0], "joined"):
        raise SpecError(
            f"the latents of the family {process.family} have no method joined, which tasks of "
            "several trends need: see Latent in trendbench.process.latent"
        )
    return parts[0].joined(parts[1:])


@cache
def mixture_of(process: type[Process]) -> type[Mixture]:
    """The class of mixtures of a family.

    Raises:
        SpecError: its trend has no two ends.
    """
    if len(process.ends) != 2:
        raise SpecError(
            f"trends: the family {process.family} has no parameters at x = 0 and at x = W that "
            "could differ from triplet to triplet"
        )
    fields = {
        name: (field.annotation, field)
        for name, field in process._own_fields().items()
        if name not in process.ends
    }
    made = cast(
        type[Mixture],
        create_model(f"{process.__name__}Mixture", __base__=Mixture, **cast(Any, fields)),
    )
    made.base = process
    made.family, made.ends, made.stored = process.family, process.ends, process.stored
    made.compile = process.compile  # type: ignore[method-assign]
    made.compiled = process.compiled  # type: ignore[method-assign]
    return made


@lru_cache(maxsize=64)
def _members(mixture: Mixture) -> tuple[Process, ...]:
    trends = mixture.test_trends or mixture.trends
    return tuple(mixture.with_ends(mixture.base, ends) for ends in trends)


def _as_mixed(latents: Latent) -> Mixed:
    assert isinstance(latents, Mixed)
    return latents


def _described(names: tuple[str, ...], trends: tuple[tuple[float, float], ...]) -> str:
    ranges = (
        f"{name} {min(values):g} to {max(values):g}"
        for name, values in zip(names, zip(*trends, strict=True), strict=True)
    )
    return f"{len(trends)}: {', '.join(ranges)}"
