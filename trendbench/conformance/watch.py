"""Sees a generator reach for what it is not given, and write where it should not."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from trendbench.generators.protocol import Inputs
from trendbench.process.triplets import Triplets

_HIDDEN = ("latent", "target")
_NOT_ITS_OWN = (Inputs.__module__, Triplets.__module__, "dataclasses", "copy")
_HERE = __name__.rpartition(".")[0]
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events of the interpreter, and at which of their arguments paths stand.
_CHANGES = {
    "os.rename": (0, 1), "os.remove": (0,), "os.mkdir": (0,), "os.rmdir": (0,),
    "os.symlink": (1,), "os.link": (1,), "os.truncate": (0,),
}  # fmt: skip
_DIRECTORY_AT = {"os.rename": 2, "os.remove": 1, "os.mkdir": 2, "os.rmdir": 1, "os.symlink": 2,
                 "os.link": 2}  # fmt: skip
_CACHES = ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "TORCH_HOME", "HF_HOME", "MPLCONFIGDIR",
           "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "CUDA_CACHE_PATH")  # fmt: skip


class Reaches:
    """Places in the generator's code that asked for latents or targets."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def note(self, what: str, frame: FrameType) -> None:
        """Remember the first place that asked for ``what``, unless it is trendbench's own."""
        asking = str(frame.f_globals.get("__name__"))
        if asking not in _NOT_ITS_OWN and not asking.startswith(_HERE):
            self.places.setdefault(what, f"{frame.f_code.co_filename}:{frame.f_lineno}")


REACHES = Reaches()


class WatchedInputs(Inputs):
    """Inputs that remember who asked for latents and targets."""

    def __getattribute__(self, name: str) -> Any:
        if name in _HIDDEN:
            REACHES.note(f"inputs.{name}", sys._getframe(1))
        return super().__getattribute__(name)


class WatchedTriplets(Triplets):
    """Triplets that remember who asked for latents."""

    def __getattribute__(self, name: str) -> Any:
        if name in _HIDDEN:
            REACHES.note(f"train.{name}", sys._getframe(1))
        return super().__getattribute__(name)

    def __getitem__(self, rows: slice) -> "WatchedTriplets":
        return watched_triplets(super().__getitem__(rows))


WatchedInputs.__name__, WatchedTriplets.__name__ = "Inputs", "Triplets"  # as errors show them


def watched_triplets(triplets: Triplets) -> WatchedTriplets:
    """The same triplets, watched."""
    return WatchedTriplets(triplets.spec, triplets.s1, triplets.s2, triplets.r, triplets.latent)


def watched_inputs(inputs: Inputs) -> WatchedInputs:
    """The same inputs, watched."""
    return WatchedInputs(inputs.s1, inputs.s2, inputs.latent, inputs.target)


class Writes:
    """Files changed outside the allowed folders while armed, as the interpreter reports them.

    Compiled code that opens files itself is not seen.
    """

    def __init__(self, *allowed: Path) -> None:
        caches = [Path(os.environ[name]) for name in _CACHES if os.environ.get(name)]
        homes = [Path.home() / name for name in (".cache", ".triton", ".nv")]
        places = [*allowed, *caches, *homes, Path("/dev"), Path("/proc")]
        self._allowed = [os.path.realpath(place) for place in places]
        self._armed = False
        self.places: dict[str, None] = {}
        sys.addaudithook(self._hear)

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Watch for the length of the block."""
        self._armed = True
        try:
            yield
        finally:
            self._armed = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._armed:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                self._note(path)
        elif event in _CHANGES:
            at = _DIRECTORY_AT.get(event)
            if at is not None and arguments[at] not in (-1, None):
                return  # relative to an open folder, whose path is not told
            for i in _CHANGES[event]:
                self._note(arguments[i])

    def _note(self, path: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        place = os.path.realpath(os.fsdecode(path))
        inside = any(place == root or place.startswith(root + os.sep) for root in self._allowed)
        if not inside and "__pycache__" not in place.split(os.sep):
            self.places[place] = None
