"""A run's other processes: they train along with the leading one, and write nothing."""

import platform
import tempfile
from pathlib import Path
from typing import Any

import torch

import trendbench
from trendbench.data.dataset import Dataset
from trendbench.data.opening import open_dataset
from trendbench.errors import PartnerError, RunError, TrendbenchError
from trendbench.generators.protocol import shown_to
from trendbench.generators.recipes import Recipe, find_recipe, load_class
from trendbench.progress import quiet
from trendbench.provenance import sources_sha256
from trendbench.runner.guard import call
from trendbench.training.context import RunContext
from trendbench.training.device import choose_device
from trendbench.training.processes import Processes

_SHOWN = 16


def train_along(
    arch: str,
    *,
    data: Path,
    seed: int,
    epochs: int | None,
    preset: str | None,
    device: str,
    processes: Processes,
) -> None:
    """Wait for the leading process, train with it, and leave.

    What stops all of them is the leading one's to say: it ends this one without a word.

    Args:
        arch: as ``run`` has it, and all that follows.
        data: the data file.
        seed: of the run.
        epochs: in place of the recipe's.
        preset: one of the family's schedules.
        device: ``auto``, ``cpu`` or ``cuda``.
        processes: which this is one of, not the leading one.

    Raises:
        PartnerError: another process is gone or silent.
        SystemExit: the training was stopped, or never begun.
    """
    kind, precision = processes.heard()
    try:
        overrides = {} if epochs is None else {"epochs": epochs}
        try:
            recipe = find_recipe(arch, preset=preset, overrides=overrides)
            model_class = load_class(recipe.generator)
            with open_dataset(data) as dataset:
                facts = facts_of(recipe, dataset, seed)
                train, val = (shown_to(model_class, dataset.load(s)) for s in ("train", "val"))
            chosen = choose_device(processes.device(kind if device == "auto" else device))
        except TrendbenchError as error:
            must_agree(processes, str(error))
            raise
        must_agree(processes, facts)
        with tempfile.TemporaryDirectory() as folder:
            context = RunContext(
                seed, str(chosen), precision, Path(folder), "", bar=quiet, processes=processes
            )
            generator = call(model_class, "__init__", recipe.build)
            call(model_class, "fit", generator.fit, train, val, context)
    except PartnerError:
        raise
    except TrendbenchError as error:
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def facts_of(recipe: Recipe, dataset: Dataset, seed: int) -> dict[str, str]:
    """What must be the same for all processes."""
    return {
        "trendbench": f"{trendbench.__version__} {sources_sha256()}",
        "torch": torch.__version__,
        "recipe": recipe.sha256,
        "data": dataset.sha256,
        "seed": str(seed),
    }


def must_agree(processes: Processes, found: dict[str, str] | str) -> None:
    """Refuse to train where a process has met an error, or has other facts than the leading one.

    Args:
        processes: all of which call this.
        found: this one's facts, or its error.

    Raises:
        RunError: with the first difference.
    """
    told: list[tuple[str, Any]] = processes.gathered((platform.node(), found))
    leading = told[0][1]
    for rank, (host, facts) in enumerate(told):
        if isinstance(facts, str):
            raise RunError(f"process {rank} on {host}: {facts}")
        for name, value in leading.items():
            if facts[name] != value:
                raise RunError(
                    f"process {rank} on {host} has {name} {facts[name]:.{_SHOWN}}…, the leading "
                    f"one {value:.{_SHOWN}}…: give all processes the same"
                )
