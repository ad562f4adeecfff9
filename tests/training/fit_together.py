"""Fit tiny generators in as many processes as torchrun has started: KIND,… FOLDER [STOP].

STOP: which time torch is seeded the last process is sent SIGINT (``4``), dies (``4!``) or falls
silent (``4?``); the first time is for the weights, each further one begins a step.
"""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import torch

from trendbench.errors import TrendbenchError
from trendbench.generators.flow.generator import Flow
from trendbench.generators.latent.gan import GAN
from trendbench.generators.latent.vae import ConditionalVAE
from trendbench.generators.pix2pix.generator import Pix2Pix
from trendbench.progress import quiet
from trendbench.rendering.triplets import simulate
from trendbench.spec import TaskSpec
from trendbench.training import loop
from trendbench.training.context import RunContext
from trendbench.training.processes import ALONE, PATIENCE, Processes, joined

# Frames large enough that batch norm always has more than two numbers to go by.
TASK = TaskSpec(
    name="tiny", width=64, height=32, radius=3.0, lambda_left=1e-3, lambda_right=1.2e-2, window=8,
    train=13, val=1, test=2,
)  # fmt: skip
LATENT = {"nf": 2, "latent": 2, "learning_rate": 2e-4, "batch": 5}
KINDS = {
    "pix2pix": (Pix2Pix, {"nf": 2, "kernel": 4, "skips": True, "eta": 100.0, "beta1": 0.5,
                          "learning_rate": 2e-4, "batch": 5}),
    "flow": (Flow, {"width": 8, "coarse": 8, "blocks": 1, "cell": 4, "learning_rate": 1e-3,
                    "weight_decay": 0.01, "warmup": 0.1, "averaging": 0.9, "batch": 5,
                    "faintest": 0.01, "clearest": 4.0, "window": 48,
                    "emphasis": 1.0, "steps": 4,
                    "pseudolikelihood": 0.3, "sweeps": 1, "ridge": 1.0}),
    "gan": (GAN, {**LATENT, "beta1": 0.5}),
    "vae": (ConditionalVAE, LATENT),
}  # fmt: skip


def main(kinds: str, folder: str, stop: str = "") -> int:
    with joined(timedelta(seconds=10) if stop.endswith("?") else PATIENCE) as processes:
        if stop and processes.rank == processes.count - 1:
            _stop_at(stop)
        try:
            for kind in kinds.split(","):
                fit(kind, Path(folder, kind), processes)
        except KeyboardInterrupt:
            return 130
        except TrendbenchError as error:
            print(f"{processes.rank}: {error}", file=sys.stderr)  # noqa: T201
            return error.exit_code
    return 0


def fit(kind: str, folder: Path, processes: Processes = ALONE) -> None:
    """Two passes over 13 triplets in batches of 5, 5 and 3; the leading process's folder is it."""
    own = folder if processes.leads else folder / f"process{processes.rank}"
    own.mkdir(parents=True, exist_ok=True)
    model_class, settings = KINDS[kind]
    model = model_class(**settings, epochs=2)
    triplets = simulate(TASK, TASK.train, seed=1)
    run = RunContext(1, "cpu", "fp32", own, "x", bar=quiet, processes=processes)
    model.fit(triplets, triplets, run)
    model.save(own)


def _stop_at(stop: str) -> None:
    times, seeding = iter(range(1, 1 << 30)), torch.manual_seed

    def counted(seed: int) -> torch.Generator:
        if next(times) == int(stop.rstrip("!?")):
            if stop.endswith("!"):
                os._exit(9)
            if stop.endswith("?"):
                signal.pause()
            os.kill(os.getpid(), signal.SIGINT)
        return seeding(seed)

    loop.torch.manual_seed = counted


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
