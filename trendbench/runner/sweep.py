"""Several runs at once: data files × recipes × seeds, here or on a cluster."""

import re
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path

from trendbench.data.canonical import canonical_data
from trendbench.data.opening import open_dataset
from trendbench.engine import Engine, Here
from trendbench.errors import TrendbenchError
from trendbench.progress import say
from trendbench.runner.conditions import must_be_alone
from trendbench.runner.run import Outcome, run

_LOGS = "logs"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all runs of a sweep share: the arguments of ``run`` of the same names."""

    data: Path | None = None
    stream: int | None = None
    fitted_on: Path | None = None
    epochs: int | None = None
    preset: str | None = None
    device: str = "auto"
    c2st: bool = True
    tensorboard: bool = False
    restart: bool = False
    runs: Path = Path("runs")
    results: Path = Path("results")


@dataclass(frozen=True)
class Entry:
    """One run of a sweep.

    Attributes:
        arch, seed: its own.
        options: those of the sweep, with the run's data file.
        folder: which ``file.py:Class`` starts from.
        data: what tells its data file from the sweep's others; empty if there is one.
    """

    arch: str
    seed: int
    options: Options
    folder: Path
    data: str = ""

    @property
    def title(self) -> str:
        """What tells the run from the sweep's others."""
        return f"{self.data} {self.arch} seed {self.seed}".lstrip()


@dataclass(frozen=True)
class Ending:
    """How a run of a sweep ended.

    Attributes:
        entry: which run.
        outcome: where everything lies; None if it failed.
        problem: what went wrong, in one line; empty if nothing did.
    """

    entry: Entry
    outcome: Outcome | None
    problem: str = ""


def sweep(
    archs: Sequence[str],
    seeds: Sequence[int],
    options: Options,
    engine: Engine | None = None,
    *,
    data: Sequence[Path] = (),
) -> Iterator[Ending]:
    """Every recipe with every seed on every data file; one that fails does not stop the others.

    The same call again goes on with what is missing. What a run says on its way goes to
    ``<runs>/logs/<arch>-seed<K>.log``, since several speak at a time; with several data files the
    file's name and hash stand before the recipe's.

    Args:
        archs: names of recipes.
        seeds: each recipe is run with every one of them.
        options: what the runs share.
        engine: where; in this process one after another if None. A cluster's machines must see
            the folders under the same paths.
        data: the files, of one task or of several; that of ``options`` if none is named. Files of
            the same content count once.

    Yields:
        How each run ended, file by file and recipe by recipe.

    Raises:
        DataFileError: a data file cannot be read, or the default one cannot be made.
        RunError: torchrun started this process as one of several.
        ClusterError: the cluster is gone, or a run has taken several workers with it.
    """
    must_be_alone()
    paths = _apart([path.absolute() for path in data or [options.data or canonical_data()]])
    names = [f"{path.stem} {sha256[:8]}" for sha256, path in paths.items()]
    names = names if len(names) > 1 else [""]
    everywhere = replace(options, runs=options.runs.absolute(), results=options.results.absolute())
    entries = [
        Entry(arch, seed, replace(everywhere, data=path), Path.cwd(), name)
        for path, name in zip(paths.values(), names, strict=True)
        for arch in archs
        for seed in seeds
    ]
    say(f"{len(entries)} runs; what they say: {options.runs / _LOGS}")
    yield from (engine or Here()).map(run_entry, entries)


def run_entry(entry: Entry) -> Ending:
    """One run, with its talk in a log of its own."""
    options = entry.options
    name = re.sub(r"[^\w.-]+", "_", f"{entry.data} {entry.arch}".lstrip())
    log = options.runs / _LOGS / f"{name}-seed{entry.seed}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file, redirect_stderr(file):
        try:
            with chdir(entry.folder):
                outcome = run(entry.arch, seed=entry.seed, **vars(options))
        except (TrendbenchError, OSError, MemoryError) as error:
            problem = " ".join(str(error).split()) or type(error).__name__
            say(problem)
            return Ending(entry, None, problem)
    return Ending(entry, outcome)


def _apart(paths: Sequence[Path]) -> dict[str, Path]:
    """Content hash to path: files of one content share a run's folder, so one of them is taken."""
    found: dict[str, Path] = {}
    for path in paths:
        with open_dataset(path) as dataset:
            found.setdefault(dataset.sha256, path)
    return found
