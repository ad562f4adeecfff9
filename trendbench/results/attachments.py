"""What lies in a record's folder for people to look at: samples, curves, losses, a task."""

import json
from typing import Any

import numpy as np

from trendbench.errors import ResultError
from trendbench.metrics.curves import Curves

SAMPLES, CURVES, LOSSES, VALIDATION = "samples.png", "curves.json", "losses.csv", "validation.csv"
TRENDS = "trends.json"  # scores of each trend of a task of several
TASK = "task.json"  # the spec of a task that is not a shipped one, or of the file beside a stream
NAMES = (SAMPLES, CURVES, TRENDS, LOSSES, VALIDATION, TASK)
_FORMAT = "trendbench-curves/1"
_DIGITS = 7


def pack_curves(curves: Curves) -> bytes:
    """Curves as JSON, to seven decimals."""

    def listed(values: Any) -> Any:
        return None if values is None else np.round(values, _DIGITS).tolist()

    content = {"format": _FORMAT, **{k: listed(v) for k, v in curves.__dict__.items()}}
    return (json.dumps(content, separators=(",", ":")) + "\n").encode()


def unpack_curves(content: bytes) -> Curves:
    """The curves that ``pack_curves`` wrote.

    Raises:
        ResultError: the content is none of its.
    """
    try:
        stored = json.loads(content)
        if stored.pop("format") != _FORMAT:
            raise ValueError("another format")
        arrays = {k: None if v is None else np.array(v, np.float64) for k, v in stored.items()}
        curves = Curves(**arrays)  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ResultError(f"{CURVES} cannot be read ({error})") from None
    shapes = [None if v is None else v.ndim for v in curves.__dict__.values()]
    if shapes[:3] != [1, 2, 2] or shapes[3] not in (None, 1):
        raise ResultError(f"{CURVES} holds no curves of this format")
    return curves
