"""What a fuzzer feeds: our parsers, each a function of bytes that raises typed errors alone."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.faults.jobs import TINY
from trendbench.errors import TrendbenchError

Target = Callable[[bytes], None]
_READ_ONLY = {"r", "rb"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class WroteOutside(BaseException):
    """A parser wrote beyond the folder that it was given."""


class Bench:
    """Targets by name, working in one temporary folder, in memory where the system has such."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.targets: dict[str, Target] = {
            "settings": self._with("settings.json", self._settings),
            "record": self._with("seed0-0123456789ab.json", self._record),
            "entry": self._with("a.zip", self._entry),
            "leaderboard": self._with("a.csv", self._leaderboard),
            "loss log": self._with("losses.csv", self._losses),
            "run state": self._run_state,
            "spec": self._with("a.toml", self._spec),
            "recipe": self._with("a.toml", self._recipe),
        }

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def try_one(self, name: str, content: bytes) -> None:
        """Feed one input; typed errors are what it may raise."""
        try:
            self.targets[name](content)
        except TrendbenchError as error:
            line = str(error)
            assert line, "an error without a word"

    def _with(self, file_name: str, read: Callable[[Path], Any]) -> Target:
        path = self.folder / file_name

        def target(content: bytes) -> None:
            path.write_bytes(content)
            read(path)

        return target

    def _settings(self, path: Path) -> None:
        from trendbench.generators.weights import read_settings

        read_settings(path)

    def _record(self, path: Path) -> None:
        """Refused by its name, as a rule; the board's row and CSV are made of it all the same."""
        from pydantic import ValidationError

        from trendbench.leaderboard.board import rows, to_csv
        from trendbench.results.record import RunRecord
        from trendbench.results.store import StoredRecord, read_record

        with suppress(ValidationError):
            record = RunRecord.model_validate_json(path.read_bytes())
            to_csv(rows([StoredRecord(record, path, "local")]))
        read_record(path)

    def _entry(self, path: Path) -> None:
        from trendbench.submissions.entry import EntryFile

        EntryFile(path).images(TINY)

    def _leaderboard(self, path: Path) -> None:
        from trendbench.leaderboard.compare import read_board

        read_board(path, "xi")

    def _losses(self, path: Path) -> None:
        from trendbench.training.losses import CurveLog

        CurveLog(path, 100).add(101, {"d": 0.5})

    def _run_state(self, content: bytes) -> None:
        from trendbench.runner.plan import Plan
        from trendbench.runner.workspace import opened

        half = len(content) // 2
        folder = self.folder / "run"
        folder.mkdir(exist_ok=True)
        (folder / "state.json").write_bytes(content[:half])
        (folder / "run.json").write_bytes(content[half:])
        with opened(folder, Plan("a", {}, "d", 0, "cpu", "fp32"), extendable=True):
            pass

    def _spec(self, path: Path) -> None:
        from trendbench.spec import load_spec

        load_spec(path)

    def _recipe(self, path: Path) -> None:
        from trendbench.generators import recipes

        recipes._read(path, recipes._Family)


def forbid_writing_outside(folder: Path) -> None:
    """From now on, and for good, opening a file to write it elsewhere ends the process."""
    inside = str(folder.resolve())

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = (mode and mode not in _READ_ONLY) or (not mode and (flags or 0) & _WRITING)
            if (
                writes
                and isinstance(path, str | bytes)
                and not os.fsdecode(path).startswith(inside)
            ):
                raise WroteOutside(os.fsdecode(path))
        elif event in ("os.system", "subprocess.Popen", "socket.connect", "os.exec"):
            raise WroteOutside(event)

    sys.addaudithook(hook)
