"""trendbench: an exactly solvable benchmark for generative models of non-stationary textures.

    import trendbench as tb

    tb.tasks()                                      # ['growth-v1', 'porosity-v1', …]
    spec = tb.task("trend-v1")                      # or tb.TaskSpec(name="mine", width=64, …)
    triplets = tb.simulate(spec, n=10, seed=0)      # s1, s2, r: (10, 256, 256) uint8
    tb.theory.xi_floor(spec, window=16)             # 0.0032821…
    tb.make_data(spec, 0, "datasets/trend-v1-n3500-seed0.h5")
    with tb.open_dataset("datasets/trend-v1-n3500-seed0.h5") as data:
        test = data.load("test")
        card = tb.score(test.s2, data, c2st=False)  # every score with its interval; flags
    next(tb.stream(spec, seed=0, batch=16))         # the same triplets, without a file or an end
    tb.TripletDataset("datasets/trend-v1-n3500-seed0.h5", "train")  # for a torch DataLoader
    tb.run("flow", epochs=1)                        # train, draw, score, record
    tb.fit("pictures/")                             # the Boolean model, fitted to any binary images
    tb.import_pictures("pictures/", "mine.h5")      # a data file of any binary images
    tb.load_results()                               # the leaderboard as a pandas DataFrame

Errors are ``tb.TrendbenchError``; what the caller can mend is ``tb.InputError``, one line each.

Names are imported when first used, so that ``import trendbench`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trendbench import theory
    from trendbench.data.dataset import Dataset
    from trendbench.data.make import make_data
    from trendbench.data.opening import open_dataset
    from trendbench.data.stream import stream
    from trendbench.data.torch_data import TripletDataset
    from trendbench.errors import InputError, TrendbenchError
    from trendbench.fitting.fit import fit
    from trendbench.fitting.result import Fit
    from trendbench.importing.pictures import import_pictures
    from trendbench.leaderboard.frame import load_results
    from trendbench.metrics.card import Card
    from trendbench.metrics.score import score
    from trendbench.process.triplets import Triplets
    from trendbench.runner.run import run
    from trendbench.simulation import simulate
    from trendbench.spec import TaskSpec, load_spec, task, tasks

__version__ = "0.1.0"
__all__ = [
    "Card",
    "Dataset",
    "Fit",
    "InputError",
    "TaskSpec",
    "TrendbenchError",
    "TripletDataset",
    "Triplets",
    "fit",
    "import_pictures",
    "load_results",
    "load_spec",
    "make_data",
    "open_dataset",
    "run",
    "score",
    "simulate",
    "stream",
    "task",
    "tasks",
    "theory",
]

_HOMES = {
    "Card": "trendbench.metrics.card",
    "Dataset": "trendbench.data.dataset",
    "Fit": "trendbench.fitting.result",
    "InputError": "trendbench.errors",
    "TaskSpec": "trendbench.spec",
    "TrendbenchError": "trendbench.errors",
    "TripletDataset": "trendbench.data.torch_data",
    "Triplets": "trendbench.simulation",
    "fit": "trendbench.fitting.fit",
    "import_pictures": "trendbench.importing.pictures",
    "load_results": "trendbench.leaderboard.frame",
    "load_spec": "trendbench.spec",
    "make_data": "trendbench.data.make",
    "open_dataset": "trendbench.data.opening",
    "run": "trendbench.runner.run",
    "score": "trendbench.metrics.score",
    "simulate": "trendbench.simulation",
    "stream": "trendbench.data.stream",
    "task": "trendbench.spec",
    "tasks": "trendbench.spec",
}


def __getattr__(name: str) -> Any:
    if name == "theory":
        return import_module("trendbench.theory")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'trendbench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return ["__version__", *__all__]
