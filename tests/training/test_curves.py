"""TensorBoard gets what the CSV files get, and a resumed run does not show twice."""

import importlib.util

import pytest

from trendbench.errors import RunError
from trendbench.runner.run import run
from trendbench.training import curves as module
from trendbench.training.curves import TensorBoardCurves

pytest.importorskip("tensorboard")


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }, events.Tags()["images"]


def test_a_run_logs_its_curves_and_samples(small_file, tmp_path):
    outcome = run(
        "pix2pix-2", data=small_file, epochs=2, device="cpu", c2st=False, tensorboard=True,
        runs=tmp_path / "runs", results=tmp_path / "results",
    )  # fmt: skip
    scalars, images = read(outcome.folder / "tensorboard")
    header, *rows = (outcome.folder / "losses.csv").read_text().splitlines()
    for i, name in enumerate(header.split(",")[1:], start=1):
        steps, values = zip(*scalars[f"loss/{name}"], strict=True)
        assert steps == tuple(int(row.split(",")[0]) for row in rows)
        assert values == pytest.approx([float(row.split(",")[i]) for row in rows], rel=1e-5)
    assert [step for step, _ in scalars["validation/xi"]] == [24, 48]
    assert images == ["validation samples"]
    card = (outcome.folder / "weights" / "README.md").read_text()
    assert card.startswith("---\nlicense:")
    assert "# pix2pix-2 on small" in card


def test_what_a_resumed_run_repeats_is_forgotten(tmp_path):
    for start in (10, 30):
        curves = TensorBoardCurves(tmp_path)
        for seen in range(start, 60, 10):
            curves.scalars("loss", seen, {"d": start})
        curves.close()
    scalars, _ = read(tmp_path / "tensorboard")
    assert scalars["loss/d"] == [(10, 10), (20, 10), (30, 30), (40, 30), (50, 30)]


def test_without_tensorboard_one_line_says_so(monkeypatch, small_file, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        module.importlib.util,
        "find_spec",
        lambda name: None if name == "tensorboard" else find(name),
    )
    with pytest.raises(RunError, match=r"pip install 'trendbench\[tensorboard\]'"):
        run("pix2pix-2", data=small_file, tensorboard=True, runs=tmp_path, results=tmp_path)
    assert list(tmp_path.iterdir()) == []
