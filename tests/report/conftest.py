"""A results folder with everything a report can meet, and the report on it."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trendbench import catalog, theory
from trendbench.figures.samples import contact_sheet
from trendbench.generators.recipes import find_recipe
from trendbench.leaderboard.board import SCORES
from trendbench.metrics.curves import measured_curves
from trendbench.metrics.metric import Score
from trendbench.metrics.registry import METRICS
from trendbench.report import build
from trendbench.report.build import write_report
from trendbench.results.attachments import pack_curves
from trendbench.results.record import RunRecord
from trendbench.results.store import StoredRecord, pack_per_image, read_all, write_record
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec

STRANGER = "aaa-stranger"
EVIL = "<script>window.hacked = 1</script>\"'><img src=x onerror=window.hacked=1>"
LOSSES = "images_seen,d,l1\n" + "".join(f"{8 * i},{1 / i:.4g},{2 / i:.4g}\n" for i in range(1, 31))
VALIDATION = "epoch,xi\n1,0.02\n2,0.01\n"


class Maker:
    """Writes records of the task ``small``."""

    def __init__(self, folder: Path, spec: TaskSpec) -> None:
        self.folder, self.spec = folder, spec
        self.floor = theory.xi_floor(spec, spec.window, 24)

    def __call__(
        self, arch="nf8", *, seed=0, ratio=1.3, attachments: Mapping[str, bytes] | None = None,
        scores=SCORES, **changes,
    ) -> Path:  # fmt: skip
        recipe = find_recipe(arch if changes.get("status") != "self-reported" else "nf8")
        by_image = np.random.default_rng(seed).normal(ratio, 0.2, 12)
        packed = pack_per_image(dict.fromkeys(scores, by_image))
        entries = {
            name: Score(
                value=ratio, low=ratio - 0.05, high=ratio + 0.05, truth=1.0, truth_low=0.97,
                truth_high=1.03, unit="1", version=METRICS[name].version,
            ) if name in scores else None
            for name in SCORES
        }  # fmt: skip
        attached = dict(attachments or {})
        fields = {
            "task": "small", "arch": arch, "family": recipe.family, "status": "reproduced",
            "seed": seed, "recipe": {
                "generator": recipe.generator, "parameters": recipe.parameters,
                "preset": recipe.preset, "sha256": recipe.sha256,
            },
            "data": {"sha256": "a" * 64, "train": 24, "seed": 3},
            "code": {"version": "0.1.0", "sha256": "b" * 64},
            "hardware": {"device": "CPU", "precision": "fp32"},
            "training": {"epochs": 10.0, "images_seen": 240, "seconds": 5.0,
                         "sampling_seconds": 1.0, "sampling_seed": 2},
            "parameters": 1234567, "conditional": True, "privileged": False, "n_test": 12,
            "xi_floor": self.floor, "scores": entries, "flags": [],
            "images": hashlib.sha256(packed).hexdigest(),
            "attachments": {k: hashlib.sha256(v).hexdigest() for k, v in attached.items()},
            "finished": "2026-01-02T03:04:05Z",
        }  # fmt: skip
        record = RunRecord.model_validate({**fields, **changes})
        return write_record(self.folder, record, packed, attached)

    def shown(self, seed=0) -> dict[str, bytes]:
        """Honest attachments, of true images."""
        triplets = simulate(self.spec, 12, seed=100 + seed)
        drawn = triplets.r
        return {
            "samples.png": contact_sheet(triplets[:4], drawn[:4]),
            "curves.json": pack_curves(measured_curves(drawn, self.spec, triplets)),
            "losses.csv": LOSSES.encode(),
            "validation.csv": VALIDATION.encode(),
        }


@pytest.fixture(scope="package", autouse=True)
def with_small_task(small, tmp_path_factory):
    """The task ``small`` among the shipped ones, and the first of those with published rows."""
    published = tmp_path_factory.mktemp("published") / "results"
    earlier = [p.name for p in catalog.RESULTS.iterdir() if p.is_dir() and p.name < "small"]
    shutil.copytree(catalog.RESULTS, published, ignore=shutil.ignore_patterns(*earlier))
    folder = tmp_path_factory.mktemp("datasets")
    for path in catalog.DATASETS.glob("*.toml"):
        shutil.copy(path, folder)
    fields = "\n".join(
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
        for key, value in small.model_dump().items()
    )
    (folder / "small.toml").write_text(f"[task]\n{fields}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "DATASETS", folder)
        patch.setattr(catalog, "RESULTS", published)
        yield


@pytest.fixture
def make(tmp_path, small) -> Maker:
    return Maker(tmp_path / "results", small)


@pytest.fixture(scope="package", autouse=True)
def with_evil_texts():
    """The stranger's record with texts that no check has seen."""

    def read(results):
        return [with_evil(s) if s.record.arch == STRANGER else s for s in read_all(results)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "read_all", read)
        yield


def with_evil(stored: StoredRecord) -> StoredRecord:
    record = stored.record
    parameters = {EVIL: EVIL, "x": "\u202egnp.\u0000", "long": "x" * 10_000}
    changes = {
        "recipe": {"generator": EVIL, "parameters": parameters, "preset": EVIL},
        "hardware": {"device": EVIL, "precision": "\u202e</bdi>" + "x" * 180},
        "code": {"version": EVIL},
    }
    parts = {k: getattr(record, k).model_copy(update=v) for k, v in changes.items()}
    return replace(stored, record=record.model_copy(update=parts))


@pytest.fixture(scope="package")
def results(tmp_path_factory, small) -> Path:
    """Rows with and without attachments, several seeds, flags, a stranger with evil texts."""
    make = Maker(tmp_path_factory.mktemp("results"), small)
    make("nf8", attachments=make.shown())
    make("nf8", seed=1, ratio=1.2, attachments=make.shown(1))
    make("nf16", ratio=1.05)
    make("nf32", ratio=2.0, flags=["grey", "wrong-trend"], scores=SCORES[:7])
    make("null-white", ratio=0.5, flags=["below-floor"], privileged=True)
    cheating = {**make.shown(), "losses.csv": b"=cmd(),b\n1,2\n"}
    make(STRANGER, ratio=1.01, family="own", status="self-reported", attachments=cheating)
    nameless = {"generator": "w" * 200, "parameters": {}, "sha256": "e" * 64}
    make("z" * 64, family="y" * 64, status="self-reported", flags=["x" * 64], recipe=nameless)
    return make.folder


@pytest.fixture(scope="package")
def page(results, tmp_path_factory) -> Path:
    """The report's page."""
    return write_report(results, tmp_path_factory.mktemp("site") / "report")
