"""The three jobs that people leave running: make-data, a run, a scoring; and what they leave."""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.moments import in_child
from trendbench.spec import TaskSpec

Job = Callable[[Path], None]
TINY = TaskSpec(
    name="tiny", width=32, height=32, radius=2.0, lambda_left=2e-3, lambda_right=1e-2,
    window=4, train=10, val=2, test=6,
)  # fmt: skip
SEED = 5


def tiny_file(folder: Path) -> Path:
    """A data file of the tiny task in ``folder``, which is made if it is not there."""
    path = folder / "tiny.h5"
    if not path.exists():
        assert in_child(lambda: _make(path)) == 0
    return path


def spec_file(folder: Path) -> Path:
    """The tiny task as a TOML file."""
    path = folder / "tiny.toml"
    lines = (f"{k} = {v!r}" for k, v in TINY.model_dump().items())
    path.write_text("[task]\n" + "\n".join(lines) + "\n")
    return path


def make_data_command(folder: Path) -> tuple[object, ...]:
    """``make-data`` of the tiny task into ``made.h5`` of the current folder."""
    return ("make-data", "--spec", spec_file(folder), "--seed", SEED, "--out", "made.h5",
            "--workers", 1)  # fmt: skip


def command(*arguments: object) -> None:
    """The command line, in the current process and folder; leaves with its exit code."""
    from trendbench.cli.main import main

    sys.argv = ["trendbench", *map(str, arguments)]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        main()


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
        run("pix2pix-4", data=data, epochs=2, device="cpu", c2st=False,
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
