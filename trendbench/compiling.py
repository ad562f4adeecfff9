"""Numba, with its cache where there is a place for one."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compile a function without the GIL, its machine code cached on disk if that is possible.

    A kernel must stand in one file with the kernels it calls: the cache is keyed by the date of
    the file it stands in, and holds the code of those it calls.
    """
    try:
        return cast(_Function, njit(nogil=True, cache=True)(function))
    except RuntimeError:  # neither the package's folder nor the home can be written
        return cast(_Function, njit(nogil=True)(function))
