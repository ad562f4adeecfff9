"""One entry, made as a third party would, and a results folder that knows its data file."""

import shutil

import numpy as np
import pytest

from trendbench import catalog
from trendbench.data.opening import open_dataset
from trendbench.runner import run as story
from trendbench.submissions.entry import checked_entry, pack, read_recipe

HONEST = """
import numpy as np

class Keeps:
    def fit(self, train, val, run): pass
    def sample(self, inputs, seed):
        rng = np.random.default_rng(seed)
        ramp = np.arange(inputs.s2.shape[2]) / inputs.s2.shape[2]
        kept = rng.random(inputs.s2.shape) < ramp
        return np.where(kept | (inputs.s1 == 0), inputs.s2, 255).astype(np.uint8)
    def save(self, folder): pass
    @classmethod
    def load(cls, folder): return cls()
"""


@pytest.fixture(scope="module")
def known(small_file, tmp_path_factory):
    """A folder of records with one run on the small file."""
    root = tmp_path_factory.mktemp("known")
    (root / "keeps.py").write_text(HONEST)
    story.run(
        f"{root / 'keeps.py'}:Keeps", data=small_file, c2st=False, runs=root / "runs",
        results=root / "results",
    )  # fmt: skip
    return root / "results"


@pytest.fixture
def results(known, tmp_path, monkeypatch):
    """A copy of it that a test may spoil, with no published records beside it to read."""
    published = tmp_path / "published"
    published.mkdir()
    shutil.copy(catalog.RESULTS / "paper.csv", published)
    monkeypatch.setattr(catalog, "RESULTS", published)
    shutil.copytree(known, tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


@pytest.fixture(scope="module")
def made(small_file, tmp_path_factory):
    """The entry ``theirs``: half of the particles' pixels kept, two samples."""
    root = tmp_path_factory.mktemp("made")
    (root / "recipe.md").write_text("# Theirs\n\nPixels of s2 kept at random.\n")
    with open_dataset(small_file) as dataset:
        test = dataset.load("test")
        rng = np.random.default_rng(5)
        first, second = (
            np.where(rng.random(test.s2.shape) < 0.7, test.s2, 255).astype(np.uint8)
            for _ in range(2)
        )
        np.save(root / "first.npy", first)
        np.save(root / "second.npy", second)
        entry = said_of(dataset, parameters=3, epochs=2.0, device="a laptop")
        (root / "entry.zip").write_bytes(
            pack(entry, read_recipe(root / "recipe.md"), first, second)
        )
    return root


def said_of(dataset, **words):
    """What is said of images for a data file."""
    task = {"task": dataset.spec.name, "data": dataset.sha256}
    return checked_entry({"name": "theirs"} | task | words)
