"""The statistics of the study's data, and what the family states of itself.

Figures are those of section 3.3 of the facts, from some hundred images of another simulation.
"""

import numpy as np
import pytest

from tests.conftest import z_score
from trendbench.errors import LawError, SpecError
from trendbench.families.columns.process import Columns
from trendbench.spec import TaskSpec, load_spec

N = 400


@pytest.fixture(scope="module")
def white():
    process = load_spec("study-2017-columns")
    images = np.empty((3, N, 256, 256), np.uint8)
    process.render(process.latents(N, 1, "train"), images)
    return images == 255


def test_the_profile_of_r(white):
    profile = (~white[2]).mean(axis=1)
    xi = np.apply_along_axis(np.convolve, 1, profile, np.full(6, 1 / 6), "valid")
    assert xi.mean() == pytest.approx(0.2468, abs=0.0025)
    floor = np.square(xi - xi.mean(axis=0)).sum(axis=1) / 250 * N / (N - 1)
    assert floor.mean() == pytest.approx(0.00865, abs=4 * floor.std() / np.sqrt(N) + 1e-4)


def test_white_of_s2(white):
    assert white[1].mean() == pytest.approx(0.564, abs=0.004)


@pytest.mark.parametrize(
    ("lag", "along_y", "along_x"), [(3, 0.097, 0.090), (10, 0.020, 0.0), (40, 0.021, 0.003)]
)
def test_covariance_of_s2_has_a_plateau_along_y(white, lag, along_y, along_x):
    s2 = white[1]
    square = s2.mean() ** 2
    assert (s2[:, lag:] & s2[:, :-lag]).mean() - square == pytest.approx(along_y, abs=0.005)
    assert (s2[..., lag:] & s2[..., :-lag]).mean() - square == pytest.approx(along_x, abs=0.005)


def test_thirty_white_in_a_row(white):
    for axis, share in ((2, 0.023), (1, 0.054)):
        runs = np.pad(
            np.cumsum(white[1], axis=axis, dtype=np.int32),
            [(0, 0)] * axis + [(1, 0)] + [(0, 0)] * (2 - axis),
        )
        first, last = np.arange(227), np.arange(30, 257)
        full = np.take(runs, last, axis) - np.take(runs, first, axis) == 30
        assert full.mean() == pytest.approx(share, abs=0.005)


def test_the_three_images_are_independent_draws(white):
    share = white.mean(axis=(2, 3))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        product = (share[a] - share[a].mean()) * (share[b] - share[b].mean())
        assert abs(z_score(product, 0.0)) < 4


def test_nothing_is_exact():
    task = load_spec("study-2017-columns")
    assert isinstance(task, Columns)
    assert (task.window, task.train, task.val, task.test) == (6, 2000, 500, 1000)
    assert task.laws == frozenset()
    assert task.is_independent
    for law in (lambda: task.coverage(1.0), lambda: task.quads(1.0), lambda: task.trend):
        with pytest.raises(LawError):
            law()


def test_redraw_and_compile():
    process = Columns(width=40, height=30, columns=20, per_visit_left=0.5, per_visit_right=2.0)
    process.compile()
    assert process.compile() is False
    again = process.redraw(process.latents(3, 0, "test"), np.random.default_rng(0))
    assert process.render_r(again).shape == (3, 30, 40)


def test_changes():
    process = Columns(width=64, height=64, columns=60, per_visit_left=0.2, per_visit_right=5.0)
    tilt = (np.arange(64) - 31.5) / np.square(np.arange(64) - 31.5).sum()
    for name, size, least, most in (("slope", 0.0, 0.002, 1.0), ("slope", 1.0, -4e-4, 4e-4)):
        latents = process.latents(300, 0, "test")
        images = process.changes()[name].draw(latents, np.random.default_rng(1), size)
        assert images.shape == (300, 64, 64)
        assert least < ((images == 0).mean(axis=1) @ tilt).mean() < most
    plain, more = (
        process.changes()["columns"].draw(latents, np.random.default_rng(1), size) == 0
        for size in (0.0, 3.0)
    )
    assert more.mean() == pytest.approx(plain.mean(), abs=0.02)
    assert more.mean(axis=1).std(axis=0).mean() < 0.8 * plain.mean(axis=1).std(axis=0).mean()


@pytest.mark.parametrize(("field", "value"), [("per_visit_left", -1.0), ("columns", -1)])
def test_numbers_out_of_range_are_refused_in_one_line(field, value):
    fields = {"columns": 10, "per_visit_left": 1.0, "per_visit_right": 2.0} | {field: value}
    with pytest.raises(SpecError, match=field) as refused:
        TaskSpec(
            **fields, family="columns", name="mine", width=64, height=64, train=1, val=1, test=1
        )
    assert "\n" not in str(refused.value)
