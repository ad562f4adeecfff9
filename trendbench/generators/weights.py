"""Saved weights, read as untrusted: tensors and plain settings, nothing that could run.

A folder holds ``generator.safetensors`` and ``settings.json``. Sizes that they state are checked
before memory is taken for them.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

import safetensors
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import load as parse_tensors
from torch import nn

from trendbench.errors import WeightsError, first_problem
from trendbench.storage.atomic import write_text
from trendbench.storage.bounded import read_file

_LARGEST_HEADER = 1 << 20  # a network of ours needs some 10 kB
_LARGEST_SETTINGS = 1 << 16
_LARGEST_WEIGHTS = 1 << 34
_LENGTH = 8  # bytes that state the header's length
_Whole = Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)]
_Side = Annotated[int, Field(ge=1, le=1 << 20)]


class StoredSettings(BaseModel):
    """What ``settings.json`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    frame: tuple[_Side, _Side]
    device: Literal["cpu", "cuda", "mps"]
    precision: Literal["bf16", "fp32"]
    settings: dict[str, bool | _Whole | float | str | None]


def write_settings(
    path: Path,
    frame: tuple[int, int],
    settings: BaseModel,
    *,
    device: str = "cpu",
    precision: str = "fp32",
) -> None:
    """Write what ``read_settings`` reads.

    Args:
        path: of the file.
        frame: (height, width) of the images that were learned from.
        settings: of the recipe.
        device: torch device type of the fit.
        precision: of the fit, ``bf16`` or ``fp32``.
    """
    stored = {
        "frame": list(frame),
        "device": device,
        "precision": precision,
        "settings": settings.model_dump(),
    }
    write_text(path, json.dumps(stored, indent=2) + "\n")


def read_settings(path: Path) -> StoredSettings:
    """The settings beside the weights.

    Raises:
        WeightsError: missing, damaged, or with keys that do not belong there.
    """
    try:
        content = json.loads(read_file(path, _LARGEST_SETTINGS))
        return StoredSettings.model_validate(content)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise WeightsError(f"{path}: {first_problem(error, StoredSettings)}") from None
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not readable JSON ({error})") from None


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file.

    Raises:
        WeightsError: no sound safetensors file, or numbers in it that are not finite.
    """
    try:
        content = read_file(path, _LARGEST_WEIGHTS)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror})") from None
    if int.from_bytes(content[:_LENGTH], "little") > _LARGEST_HEADER:
        raise WeightsError(f"{path} is no safetensors file of a generator: its header is too long")
    try:
        tensors = parse_tensors(content)
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} is no sound safetensors file ({error})") from None
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"{path}, {name!r:.80}: numbers that are not finite")
    return tensors


def must_fit(network: nn.Module, tensors: dict[str, torch.Tensor], folder: Path) -> None:
    """Refuse tensors that are not those of the network, by name, shape and type.

    Raises:
        WeightsError: the first that differs.
    """
    wanted = {name: (w.shape, w.dtype) for name, w in network.state_dict().items()}
    found = {name: (w.shape, w.dtype) for name, w in tensors.items()}
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise WeightsError(
                f"{folder}: the weights are not those of the settings beside them ({name!r:.80})"
            )
