"""What callers pass to the public functions, checked: an error says what would be right."""

import math
import operator
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.errors import InputError, nearest


def whole(value: Any, name: str, least: int = 0, most: int | None = None) -> int:
    """A whole number in [least, most].

    Raises:
        InputError: it is another type, or beyond the limits.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name} = {value!r:.60}: needed is a whole number {limits}")
    return number


def numbers(values: ArrayLike, name: str, least: float = -math.inf) -> NDArray[np.float64]:
    """A number or an array of numbers, each at least ``least``.

    Raises:
        InputError: other than numbers, or one of them smaller.
    """
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} = {values!r:.60}: needed is a number, or an array of numbers")
    if least > -math.inf and array.size and not array.min() >= least:
        raise InputError(f"{name} has {array.min():g}: needed are numbers of at least {least:g}")
    return array.astype(np.float64, copy=False)


def number(value: float, name: str, *, above: float = -math.inf, below: float = math.inf) -> float:
    """A finite number between ``above`` and ``below``, which are left out.

    Raises:
        InputError: other than one number, or beyond the limits.
    """
    array = numbers(value, name)
    if array.ndim or not above < array < below:
        limits = "finite" if above == -math.inf else f"above {above:g}"
        limits += f" and below {below:g}" if below < math.inf else ""
        raise InputError(f"{name} = {value!r:.60}: needed is a number that is {limits}")
    return float(array)


def fitting(**named: ArrayLike) -> list[NDArray[np.float64]]:
    """Arrays of numbers whose shapes NumPy can broadcast together, by their names.

    Raises:
        InputError: other than numbers, or shapes that do not fit.
    """
    arrays = [numbers(values, name) for name, values in named.items()]
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = ", ".join(f"{n}: {a.shape}" for n, a in zip(named, arrays, strict=True))
        raise InputError(f"shapes that do not broadcast ({shapes})") from None
    return arrays


def as_path(value: Any, name: str) -> Path:
    """A path.

    Raises:
        InputError: neither text nor a path.
    """
    if not isinstance(value, str | Path):
        raise InputError(f"{name} = {value!r:.60}: needed is a path")
    return Path(value)


def one_of(value: Any, name: str, known: Iterable[str]) -> str:
    """One of the known words.

    Raises:
        InputError: another, with the known one nearest to it.
    """
    known = list(known)
    if not isinstance(value, str) or value not in known:
        near = nearest(str(value), known)
        hint = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(known)}"
        raise InputError(f"{name} = {value!r:.60}: {hint}")
    return value
