"""The three jobs that people leave running: make-data, a run, a scoring; and what they leave."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.campaign.moments import count, in_child, killing, spread
from trendbench.spec import TaskSpec

Job = Callable[[Path], None]
TINY = TaskSpec(
    name="tiny", width=32, height=32, radius=2.0, lambda_left=2e-3, lambda_right=1e-2,
    window=4, train=10, val=2, test=6,
)  # fmt: skip
SEED = 5


@dataclass(frozen=True)
class Tally:
    """How many tries there were, and what each that was lost, or got in, did."""

    tries: int
    lost: list[str]


def tally(outcomes: list[str | None]) -> Tally:
    """Of one outcome a try: None where it was survived."""
    return Tally(len(outcomes), [outcome for outcome in outcomes if outcome is not None])


def tiny_file(folder: Path) -> Path:
    """A data file of the tiny task in ``folder``, which is made if it is not there."""
    path = folder / "tiny.h5"
    if not path.exists():
        assert in_child(lambda: _make(path)) == 0
    return path


def make_data_job(folder: Path) -> None:
    """``make-data``, cut into blocks of two triplets."""
    from trendbench.data import blocks

    blocks._BLOCK_BYTES = 2 * 3 * TINY.width * TINY.height
    _make(folder / "made.h5")


def run_job(data: Path) -> Job:
    """``run``: two epochs of a small pix2pix, samples, scores, record, leaderboard.

    A checkpoint is due after every step, so that kills meet many of them.
    """

    def job(folder: Path) -> None:
        from trendbench.runner.run import run
        from trendbench.training import loop

        loop._SECONDS_BETWEEN_CHECKPOINTS = -1.0
        run("nf4", data=data, epochs=2, device="cpu", c2st=False,
            runs=folder / "runs", results=folder / "results")  # fmt: skip

    return job


def score_job(data: Path) -> Job:
    """``score --json`` of the test inputs s2 as if they were samples, with its figures."""

    def job(folder: Path) -> None:
        from trendbench.data.opening import open_dataset
        from trendbench.figures.card import curves_of, write_figures
        from trendbench.metrics.full_card import full_card
        from trendbench.storage.atomic import write_text

        with open_dataset(data) as dataset:
            images = dataset.images("test", "s2")
            card = full_card(images, dataset, name="mine", c2st=False)
            measured = curves_of(images, dataset, card)
            write_figures(folder / "figures", images, dataset, card, measured)
        write_text(folder / "card.json", json.dumps(card.to_json(), indent=2))

    return job


def kill_and_resume(job: Job, place: Path, tries: int) -> Tally:
    """Kill a job at ``tries`` moments, run it again, hold what it leaves against the undisturbed.

    Args:
        job: works in the folder that it is given.
        place: an empty folder.
        tries: kills, one a fresh folder.
    """
    place.mkdir(parents=True, exist_ok=True)
    whole = place / "whole"
    whole.mkdir()
    moments = count(lambda: job(whole), place / "moments.txt")
    wanted = left_by(whole)
    return tally(
        [_killed(job, place / "try", moments, at, wanted) for at in spread(moments, tries)]
    )


def _killed(
    job: Job, folder: Path, moments: list[str], at: int, wanted: dict[str, Any]
) -> str | None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    what = f"killed at moment {at} of {len(moments)}, {moments[at]}"
    if in_child(lambda: job(folder), killing(at)) != -9:
        return f"{what}: it was not"
    code = in_child(lambda: job(folder))
    if code:
        return f"{what}: the same command ended with {code}"
    found = left_by(folder)
    differs = sorted(k for k in {*wanted, *found} if wanted.get(k) != found.get(k))
    return f"{what}: {', '.join(differs)} differ" if differs else None


def left_by(folder: Path) -> dict[str, Any]:
    """Everything that a finished job leaves, by name, without clocks and durations.

    Files are taken byte by byte; of a record its scores, of a checkpoint its tensors. Lock files
    are empty and left out.
    """
    found: dict[str, Any] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.name.startswith("checkpoint-"):
            found[f"{path.parent.name}/{path.name[:23]}"] = _tensors(path)
        elif path.name.startswith("seed") and path.suffix == ".json":
            record = json.loads(path.read_text())
            kept = ("scores", "flags", "images", "attachments", "recipe", "data", "parameters")
            found["record"] = {key: record[key] for key in kept}
        elif path.name in ("state.json", "leaderboard.csv", "README.md"):
            found[path.name] = "there"  # they hold seconds
        elif path.parent.name.startswith("seed") and "results" in path.parts:
            found[f"attached {path.name}"] = _sha256(path)
        elif path.suffix == ".npz":
            found["images"] = _sha256(path)
        elif "lock" not in path.name:
            found[name] = _sha256(path)
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tensors(path: Path) -> str:
    """A hash of a checkpoint's networks, optimisers and pending losses."""
    import torch

    digest = hashlib.sha256()

    def take(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            digest.update(value.contiguous().numpy().tobytes())
        elif isinstance(value, dict):
            for key in sorted(value, key=str):
                digest.update(str(key).encode())
                take(value[key])
        elif isinstance(value, list | tuple):
            for part in value:
                take(part)
        else:
            digest.update(repr(value).encode())

    take(torch.load(path, weights_only=True)["state"])
    return digest.hexdigest()


def _make(path: Path) -> None:
    from trendbench.data.make import make_data

    make_data(TINY, SEED, path, workers=1)
