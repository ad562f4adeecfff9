"""What a record carries for people to look at: written by a run, and noticed when changed."""

import io

import numpy as np
import pytest
from PIL import Image

from trendbench.errors import ResultError
from trendbench.figures.samples import contact_sheet
from trendbench.metrics.curves import exact_curves, measured_curves
from trendbench.results.attachments import CURVES, SAMPLES, pack_curves, unpack_curves
from trendbench.results.store import read_all
from trendbench.runner.run import run
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec


@pytest.fixture
def stored(small_file, tmp_path):
    run("oracle", data=small_file, c2st=False, runs=tmp_path / "runs", results=tmp_path / "results")
    (record,) = [s for s in read_all(tmp_path / "results") if s.origin == "local"]
    return record


def test_a_run_leaves_samples_and_curves(stored, small_data):
    drawn = np.load(next(stored.path.parents[3].rglob("samples.npy")))[0]
    test = small_data.load("test")
    sheet = np.asarray(Image.open(io.BytesIO(stored.attachment(SAMPLES))))
    assert sheet.shape == (4 * 32 + 3 * 8, 4 * 64 + 3 * 8)
    for row in range(4):
        for column, image in enumerate((test.s1, test.s2, test.r, drawn)):
            y, x = row * 40, column * 72
            np.testing.assert_array_equal(sheet[y : y + 32, x : x + 64], image[row])
    curves = unpack_curves(stored.attachment(CURVES))
    measured = measured_curves(drawn, small_data.spec, test)
    for name, values in measured.__dict__.items():
        np.testing.assert_allclose(getattr(curves, name), values, atol=1e-6, err_msg=name)
    assert stored.attachment("losses.csv") is None


def test_a_changed_or_missing_attachment_is_noticed(stored, capfd):
    folder = stored.path.with_suffix("")
    content = bytearray((folder / CURVES).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / CURVES).write_bytes(content)
    with pytest.raises(
        ResultError, match=r"curves\.json is not the file that seed0-.*written with"
    ):
        stored.attachment(CURVES)
    results = stored.path.parents[2]
    assert not [s for s in read_all(results) if s.origin == "local"]
    assert "left out" in capfd.readouterr().err
    (folder / CURVES).unlink()
    with pytest.raises(ResultError, match="cannot be read"):
        stored.attachment(CURVES)


def test_curves_of_true_images_lie_on_the_exact_ones(trend_v1, drawn):
    """Ten standard errors would be far; 1500 images come within a percent of the peak."""
    measured, exact = measured_curves(drawn.r, trend_v1, drawn), exact_curves(trend_v1)
    for name, values in exact.__dict__.items():
        assert getattr(measured, name).shape == values.shape
        np.testing.assert_allclose(getattr(measured, name), values, atol=0.012 * values.max())


def test_there_is_no_survival_curve_where_germs_are_not_shared(small):
    spec = TaskSpec(**{**small.model_dump(), "coupling": "independent"})
    triplets = simulate(spec, 4, seed=0)
    assert exact_curves(spec).survival is None
    assert measured_curves(triplets.r, spec, triplets).survival is None
    assert unpack_curves(pack_curves(exact_curves(spec))).survival is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"format":"trendbench-curves/1"}', b"[" * 100_000, b"\xff",
                b'{"format":"trendbench-curves/1","profile":1,"two_point":1,"white_runs":1,'
                b'"survival":null}'],
)  # fmt: skip
def test_curves_that_are_none_are_refused(content):
    with pytest.raises(ResultError, match=r"curves\.json"):
        unpack_curves(content)


def test_a_sheet_of_one_triplet(small):
    triplets = simulate(small, 1, seed=0)
    sheet = Image.open(io.BytesIO(contact_sheet(triplets, triplets.r)))
    assert sheet.size == (4 * 64 + 3 * 8, 32)
    assert sheet.mode == "L"
