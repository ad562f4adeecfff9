"""Numba, with its cache where there is a place for one."""

# mypy: disable-error-code="no-untyped-call,attr-defined"

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from numba.core import config
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher

_Function = TypeVar("_Function", bound=Callable[..., Any])
_DIGEST = hashlib.sha256().digest_size


def kernel(function: _Function) -> _Function:
    """Compile a function without the GIL, its machine code cached on disk if that is possible.

    A kernel must stand in one file with the kernels it calls: the cache is keyed by the date of
    the file it stands in, and holds the code of those it calls. Kernels are compiled under
    NUMBA_DISABLE_JIT too: as Python they would take hours.
    """
    compiled: Any = _Kernel(function, targetoptions={"nopython": True, "nogil": True})
    with suppress(RuntimeError):  # neither the package's folder nor the home can be written
        compiled._cache = _Cache(function)
    return cast(_Function, compiled)


class _Kernel(CPUDispatcher):
    """A compiled function, even under NUMBA_DISABLE_JIT."""

    def compile(self, sig: Any) -> Any:
        with global_compiler_lock:
            asked = config.DISABLE_JIT
            config.DISABLE_JIT = 0  # it would leave out the parts that Numba compiles for a kernel
            try:
                return super().compile(sig)
            finally:
                config.DISABLE_JIT = asked


class _CheckedFile(IndexDataCacheFile):
    """Files with a SHA-256 at their end, as damaged machine code would run."""

    def _dump(self, obj: Any) -> bytes:
        content: bytes = super()._dump(obj)
        return content + hashlib.sha256(content).digest()

    def _load_data(self, name: str) -> Any:
        with open(self._data_path(name), "rb") as file:
            content = file.read()
        if hashlib.sha256(content[:-_DIGEST]).digest() != content[-_DIGEST:]:
            raise ValueError(f"{name} is damaged")
        return super()._load_data(name)


class _Cache(FunctionCache):
    """Numba's cache; code that cannot be read back is compiled anew, and saved if that works."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        plain = self._cache_file
        self._cache_file = _CheckedFile(
            self.cache_path, self._impl.filename_base, plain._source_stamp
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # pickle finds damage in many ways
            with suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(Exception):
            super().save_overload(sig, data)
