"""Connectivity by hand on small pictures, and against simulated true sets."""

import numpy as np
import pytest

import trendbench as tb
from trendbench.metrics.batch import Batch
from trendbench.metrics.connectivity import CONNECTIVITY, ClusterError, SpanningError
from trendbench.metrics.registry import METRICS
from trendbench.metrics.truth import Truth
from trendbench.spec import TaskSpec

TASK = TaskSpec(
    name="known", width=48, height=32, radius=2.0, lambda_left=6e-2, lambda_right=9e-2,
    window=8, train=20, val=1, test=120,
)  # fmt: skip


def batch(*rows):
    picture = np.array([[0 if c == "#" else 255 for c in row] for row in rows], dtype=np.uint8)
    return Batch(picture[None], 1)


@pytest.mark.parametrize(
    ("rows", "shares"),
    [
        (("####", "....", "...."), (4, 0, 8, 0)),
        (("#..", ".#.", "..#"), (3, 3, 0, 0)),  # diagonal: black is 8-connected, white is not
        (("#..#", "#..#", "...."), (0, 0, 8, 8)),
        (("#.", "#."), (0, 2, 0, 2)),
    ],
)
def test_spanning_clusters_are_counted_by_hand(rows, shares):
    area = len(rows) * len(rows[0])
    found = SpanningError().statistics(batch(*rows), None)[0]
    np.testing.assert_allclose(found * area, shares)


def test_the_cluster_function_is_that_of_pairs_in_one_cluster():
    rows = ("##.#", "....", "#..#")
    spec = TASK.model_copy(update={"width": 4, "height": 3})
    found = ClusterError().features(batch(*rows), Truth(spec, np.empty(0), 1))[0]
    np.testing.assert_allclose(found[:4], [5 / 12, 1 / 9, 0, 0])  # along x
    np.testing.assert_allclose(found[4:], [0, 0])  # two rows down white lies between


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "a.h5"
    tb.make_data(TASK, 0, path)
    with tb.open_dataset(path) as opened:
        yield opened


def test_true_images_are_within_their_ranges_and_marked_estimated(data):
    fresh = tb.simulate(TASK, TASK.test, 7).r
    card = tb.score(fresh, data, c2st=False, conditional=False, connectivity=True)
    for metric in CONNECTIVITY:
        assert card.scores[metric.name].estimated
        assert card.scores[metric.name].is_within


def test_a_cut_through_every_cluster_is_told(data):
    fresh = tb.simulate(TASK, TASK.test, 7).r
    fresh[:, :, ::12] = 255
    card = tb.score(fresh, data, c2st=False, conditional=False, connectivity=True)
    assert {"spanning_error", "cluster_error"} <= set(card.told_by)


def test_records_and_default_cards_are_without_them(data):
    card = tb.score(data.images("test", "r"), data, c2st=False)
    assert not {metric.name for metric in CONNECTIVITY} & {*METRICS, *card.scores}
