"""A generator that trains in no time and misbehaves on request, its recipe, and a space."""

import pytest

pytest.importorskip("optuna")

from trendbench.tuning.study import tune

QUICK = '''
import os
import time
from pathlib import Path

HERE = Path(__file__).parent


class Quick:
    """s1 left of a column, s2 right of it; leaves word of each epoch in its folder."""

    def __init__(self, *, level: float = 0.5, epochs: int = 3, pause: float = 0.0):
        if level > 1:
            raise ValueError(f"level = {level}: up to 1")
        self.level, self.epochs, self.pause = level, epochs, pause

    def fit(self, train, val, run):
        log = run.folder / "epochs.txt"
        done = len(log.read_text().splitlines()) if log.exists() else 0
        for epoch in range(done + 1, self.epochs + 1):
            run.observe(self, epoch)
            if epoch == 2:
                self.misbehave()
            with log.open("a") as file:
                file.write(f"{epoch} {os.getpid()}\\n")
            time.sleep(self.pause)

    def misbehave(self):
        if (HERE / "explode").exists():
            (HERE / "explode").unlink()
            from trendbench.errors import TrainingError
            raise TrainingError("a loss exploded: lower something")
        if (HERE / "fail").exists():
            raise ValueError("no reason")
        if (HERE / "interrupt").exists():
            (HERE / "interrupt").unlink()
            raise KeyboardInterrupt
        if (HERE / "kill").exists():
            (HERE / "kill").unlink()
            os.kill(os.getpid(), 9)

    def sample(self, inputs, seed):
        drawn = inputs.s2.copy()
        edge = round(self.level * drawn.shape[2])
        drawn[:, :, :edge] = inputs.s1[:, :, :edge]
        return drawn

    def save(self, folder):
        (folder / "level.txt").write_text(str(self.level))

    @classmethod
    def load(cls, folder):
        return cls(level=float((folder / "level.txt").read_text()))
'''
SPACE = "[level]\nlow = 0.2\nhigh = 1.0\n"


class Place:
    """A folder with the class, its recipe and its space, and the search in it."""

    def __init__(self, folder, data):
        self.folder, self.data = folder, data
        (folder / "quick.py").write_text(QUICK)
        (folder / "space.toml").write_text(SPACE)
        self.arch = folder / "quick.toml"
        self.arch.write_text(
            f'name = "quick"\ngenerator = "{folder}/quick.py:Quick"\n'
            "[parameters]\nlevel = 0.5\nepochs = 2\n"
        )

    def wish(self, what):
        (self.folder / what).touch()

    def options(self, trials=2, **others):
        return {
            "trials": trials, "data": self.data, "space": self.folder / "space.toml",
            "study": self.folder / "study", "results": self.folder / "results", **others,
        }  # fmt: skip

    def tune(self, trials=2, **others):
        return tune(str(self.arch), **self.options(trials, **others))

    def epochs(self, number):
        """The epochs that a trial went through, with the processes that did it."""
        path = self.folder / "study" / "trials" / f"{number:04d}" / "epochs.txt"
        return [tuple(map(int, line.split())) for line in path.read_text().splitlines()]


@pytest.fixture
def place(tmp_path, small_file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, small_file)
