"""Held-out pictures as the reference: drawn again by source, exchanged without the own one."""

from types import SimpleNamespace

import numpy as np
import pytest

from trendbench.metrics.folds import FOLDS, deal, joined
from trendbench.metrics.held_out import resampled_sources, widening
from trendbench.metrics.metric import MANY_SOURCES
from trendbench.metrics.registry import IMAGE_METRICS


@pytest.mark.parametrize("tiles", [1, 4])
def test_resampled_means_vary_as_the_mean_of_sources_does(tiles):
    rng = np.random.default_rng(0)
    k = 20
    source = np.repeat(np.arange(k), tiles)
    values = np.repeat(rng.normal(size=k), tiles)
    weights = resampled_sources(source, 20000, seed=1)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    unbiased = values[::tiles].var(ddof=1) / k  # of k independent pictures, not of k·tiles
    assert (weights @ values).var() == pytest.approx(unbiased, rel=0.05)
    assert (weights @ values).mean() == pytest.approx(
        values.mean(), abs=4 * (unbiased / 2e4) ** 0.5
    )


def test_ranges_are_wider_the_fewer_the_sources():
    wide = [widening(k - 1, 1e-4) for k in (3, 10, 40, 10_000)]
    assert sorted(wide, reverse=True) == wide
    assert wide[-1] == pytest.approx(1, abs=1e-3)


def test_tiles_of_a_source_and_copies_lie_in_one_fold():
    source = np.repeat(np.arange(12), 3)
    copies = np.arange(36)
    copies[5] = copies[30]  # a copy in the sources 1 and 10
    groups = joined(copies, source)
    assert len(np.unique(groups)) == 11
    assert len(set(groups[[3, 4, 5, 30, 31, 32]])) == 1
    fold = deal(groups, 0)
    for s in range(12):
        assert len(set(fold[source == s])) == 1


def test_sources_alone_count_where_copies_link_all():
    source = np.arange(12)
    assert len(np.unique(joined(np.zeros(12, dtype=np.int64), source))) == 12 > FOLDS


def test_rare_events_and_variances_need_more_sources_and_have_wider_ranges():
    def process(k):
        held_out = SimpleNamespace(source=np.repeat(np.arange(k), 3))
        return SimpleNamespace(simulated=False, laws=frozenset(), held_out=held_out)

    rare = {m.name for m in IMAGE_METRICS if not m.is_measurable(process(MANY_SOURCES - 1))}
    assert rare == {
        "s2_error", "stray_error", "column_error", "k_variance_ratio", "lambda_variance_ratio",
    }  # fmt: skip
    for metric in IMAGE_METRICS:
        assert metric.is_measurable(process(MANY_SOURCES))
        assert metric.freedom(process(101)) == (25 if metric.name in rare else 100)
