"""What a data file offers: triplets, their latents, one hash of all its content."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import whole
from trendbench.data import layout
from trendbench.data.file import DataFile
from trendbench.errors import DataFileError
from trendbench.notebook import picture, table
from trendbench.process.images import IMAGES
from trendbench.process.latent import Latent
from trendbench.process.seeds import Split
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec
from trendbench.storage.hdf5 import New
from trendbench.storage.scratch import let_go, scratch

_CHANGED = "the content does not match its SHA-256"


def facts(spec: TaskSpec) -> list[tuple[str, str]]:
    """What a task is, and the exact ξ of its true images, as rows of a table."""
    from trendbench import theory  # which opening a file should not wait for

    sizes = ", ".join(f"{size} {split}" for split, size in spec.sizes.items())
    rows = [(spec.counted, sizes), *spec.facts()]
    if "coverage" in spec.laws:
        ends = [spec.coverage([0, spec.width]) for spec in spec.members]
        text = f"{ends[0][0]:.4f} → {ends[0][1]:.4f}"
        if len(ends) > 1:
            text = f"{np.min(ends):.4f} to {np.max(ends):.4f} at either end"
        rows.append(("coverage", text))
    if "pair_black" in spec.laws:
        floor = theory.xi_floor(spec, spec.window)
        against = theory.xi_floor(spec, spec.window, spec.xi0_images)
        rows.append(("ξ floor", f"{floor:.7f}, window {spec.window} px"))
        rows.append(("… with ξ₀ from the training images", f"{against:.7f}"))
    return rows


class Dataset(DataFile):
    """An open data file; use as a context manager.

    Args:
        path: what ``make-data`` wrote.

    Raises:
        DataFileError: as ``DataFile``.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.spec = self.spec.knowing(partial(_test_split, path))

    @property
    def sha256(self) -> str:
        """One hash for the whole content: of the spec, the seed and every data set's hash."""
        lines = [self.spec.to_json(), str(self.seed)]
        lines += [f"{name} {self.hashes[name]}" for name in sorted(self.hashes)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def describe(self) -> str:
        """Task, sizes and seed in a few words."""
        sizes = " + ".join(str(size) for size in self.spec.sizes.values())
        return f"{self.spec.name}, {sizes} {self.spec.counted}, seed {self.seed}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.path)!r}: {self.describe()}>"

    def _repr_html_(self) -> str:
        """What it holds, its ξ floor, and its first triplet, for a notebook."""
        heading = f"{self.path}: {self.describe()}"
        shown = table(heading, [*facts(self.spec), ("sha256", self.sha256)])
        split = next((name for name, size in self.spec.sizes.items() if size), None)
        if split is None:
            return shown
        try:
            first = self.glance(split, 0, 1)
        except DataFileError:  # closed by now
            return shown
        names = IMAGES if self.spec.has_inputs else IMAGES[-1:]
        alt = f"{', '.join(names)} of the first {split} {self.spec.counted[:-1]}"
        return f"{shown}<p>{alt}</p>" + picture([getattr(first, name)[0] for name in names], alt)

    def images(self, split: Split, name: str) -> NDArray[np.uint8]:
        """One series of images, (n, H, W) uint8, checked against its hash.

        Raises:
            DataFileError: the bytes are not those that were written.
        """
        return self._read(f"{split}/{name}")

    def ends(self, split: Split) -> dict[str, NDArray[np.float64]]:
        """The parameters of each triplet's trend by name, (n,) each; for disks intensities."""
        return {name: self._read(f"{split}/{name}") for name in self.spec.ends}

    def latents(self, split: Split) -> Latent:
        """What the images of a split follow from: germs where the family has germs.

        They are checked against their hashes.

        Raises:
            DataFileError: they are not what was written, or do not fit together.
        """
        if not self.spec.stored:
            return self.spec.latents(self.spec.sizes[split], self.seed, split)
        group = f"{split}/{layout.LATENTS}"
        offsets = self._read(f"{group}/{layout.OFFSETS}")
        columns = {name: self._read(f"{group}/{name}", scratch) for name in self.spec.stored}
        let_go()
        sizes = {values.size for values in columns.values()}
        if offsets[0] != 0 or np.any(np.diff(offsets) < 0) or sizes != {int(offsets[-1])}:
            raise self.wrong(group, "the offsets do not fit the latents")
        try:
            return self.spec.of_split(split).unpacked(offsets, columns)
        except ValueError as error:
            raise self.wrong(group, str(error)) from None

    def load(self, split: Split) -> Triplets:
        """A whole split in memory, with latents where images can be drawn from them.

        Raises:
            DataFileError: anything in it is not what was written.
        """
        names = [f"{split}/{name}" for name in IMAGES]
        series, digests = [], []
        with ThreadPoolExecutor(1) as pool:  # hashes a series while the next is read
            for name in names:
                series.append(self.numbers(name))
                digests.append(pool.submit(_sha256, series[-1]))
            latents = self.latents(split)
            for name, digest in zip(names, digests, strict=True):
                _must_match(self, name, digest.result())
        s1, s2, r = series
        return Triplets(self.spec, s1, s2, r, latents if self.spec.simulated else None)

    def in_order(self, split: Split) -> "InOrder":
        """A split of which a block at a time is in memory.

        Raises:
            DataFileError: its latents are not what was written.
        """
        return InOrder(self, split)

    def blocks(self, split: Split, name: str, size: int) -> Iterator[NDArray[np.uint8]]:
        """One series of images, ``size`` at a time, checked against its hash at the end.

        Raises:
            DataFileError: the bytes are not those that were written.
        """
        column = _Column(self, split, name)
        for start in range(0, self.spec.sizes[split], size):
            yield column.read(slice(start, start + size))

    def glance(self, split: Split, start: int, count: int) -> Triplets:
        """A few triplets without latents, to look at: read alone, so not held against a hash.

        Raises:
            DataFileError: they cannot be read.
        """
        rows = slice(whole(start, "start"), start + whole(count, "count"))
        s1, s2, r = (self.numbers(f"{split}/{name}", rows) for name in IMAGES)
        return Triplets(self.spec, s1, s2, r)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, name: str, new: New = np.empty) -> NDArray[Any]:
        array = self.numbers(name, new=new)
        _must_match(self, name, _sha256(array))
        return array


class InOrder:
    """The triplets of a split, read from the file in order, hashes checked at its end.

    Slices are ``Triplets`` with latents where images can be drawn from them. Each begins where the
    one before ended; one that begins at 0 starts anew.
    """

    def __init__(self, dataset: Dataset, split: Split) -> None:
        self.spec = dataset.spec
        self._size = dataset.spec.sizes[split]
        self._latents = dataset.latents(split) if dataset.spec.simulated else None
        self._columns = [_Column(dataset, split, name) for name in IMAGES]

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, rows: slice) -> Triplets:
        s1, s2, r = (column.read(rows) for column in self._columns)
        latent = None if self._latents is None else self._latents[rows]
        return Triplets(self.spec, s1, s2, r, latent)


class _Column:
    """A column that is read in order, and hashed on the way."""

    def __init__(self, dataset: Dataset, split: Split, series: str) -> None:
        self._dataset, self._name = dataset, f"{split}/{series}"
        self._next, self._digest = 0, hashlib.sha256()
        self._size = dataset.spec.sizes[split]

    def read(self, rows: slice) -> NDArray[np.uint8]:
        """The next rows, or the first.

        Raises:
            ValueError: other rows come next.
            DataFileError: with the last of them, the content is not what was written.
        """
        start = rows.start or 0
        if start == 0:
            self._next, self._digest = 0, hashlib.sha256()
        if start != self._next:
            raise ValueError(f"rows from {start}: {self._next} of {self._name} come next")
        array = self._dataset.numbers(self._name, rows)
        self._digest.update(array.data)
        self._next += len(array)
        if self._next == self._size:
            _must_match(self._dataset, self._name, self._digest.hexdigest())
        return array


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(array.data).hexdigest()


def _must_match(dataset: Dataset, name: str, digest: str) -> None:
    if digest != dataset.hashes[name]:
        raise dataset.wrong(name, _CHANGED)


def _test_split(path: Path) -> Triplets:
    """The test split of the data file at a path, opened for this alone.

    Raises:
        DataFileError: as ``DataFile``, or its content is not what was written.
    """
    with Dataset(path) as dataset:
        s1, s2, r = (dataset.images("test", name) for name in IMAGES)
        return Triplets(dataset.spec, s1, s2, r, dataset.latents("test"))
