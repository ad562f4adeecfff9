"""Where a run's curves go besides its CSV files: nowhere, or to TensorBoard."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trendbench.errors import RunError
from trendbench.progress import optional

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_FOLDER = "tensorboard"


class Curves(Protocol):
    """Takes scalars and pictures as training goes on, each at a number of images seen."""

    def scalars(self, group: str, images_seen: int, values: Mapping[str, float]) -> None:
        """One point of each curve ``group/name``."""

    def picture(self, title: str, images_seen: int, path: Path) -> None:
        """A PNG file to show under ``title``."""

    def close(self) -> None:
        """Nothing more comes."""


class NoCurves:
    """Nobody looks."""

    def scalars(self, group: str, images_seen: int, values: Mapping[str, float]) -> None:
        """Do nothing."""

    def picture(self, title: str, images_seen: int, path: Path) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


NO_CURVES = NoCurves()


class TensorBoardCurves:
    """Curves as TensorBoard reads them, in ``<run folder>/tensorboard``.

    Steps are images seen, for losses and validation alike. A resumed run repeats what lay beyond
    its last checkpoint; TensorBoard is told to forget it. What cannot be logged is left out.

    Raises:
        RunError: TensorBoard is not installed.
    """

    def __init__(self, run_folder: Path) -> None:
        must_have_tensorboard()
        self.folder = run_folder / _FOLDER
        self._writer: SummaryWriter | None = None

    def scalars(self, group: str, images_seen: int, values: Mapping[str, float]) -> None:
        """One point of each curve ``group/name``."""
        with optional(f"TensorBoard, {group} after {images_seen} images"):
            writer = self._at(images_seen)
            for name, value in values.items():
                writer.add_scalar(f"{group}/{name}", value, images_seen)
            writer.flush()

    def picture(self, title: str, images_seen: int, path: Path) -> None:
        """A PNG file to show under ``title``."""
        import numpy as np
        from PIL import Image

        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        writer = self._at(images_seen)
        writer.add_image(title, pixels, images_seen, dataformats="HWC")

    def close(self) -> None:
        """Put everything on the disk."""
        if self._writer is not None:
            with optional("TensorBoard, its last entries"):
                self._writer.close()

    def _at(self, images_seen: int) -> "SummaryWriter":
        """The writer, opened at the first point, from which on older files no longer count."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder), purge_step=images_seen)
        return self._writer


def must_have_tensorboard() -> None:
    """Refuse, before any work is done, to log where nothing can be logged.

    Raises:
        RunError: TensorBoard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise RunError(
            "TensorBoard is not installed: pip install 'trendbench[tensorboard]', or leave out "
            "--tensorboard"
        )
