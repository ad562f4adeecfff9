"""Ranks: tiers, paired comparison under Holm's method, and intervals over seeds."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.leaderboard.test_board import local, make
from trendbench import catalog
from trendbench.cli.board_table import board_tables
from trendbench.leaderboard.board import SCORES
from trendbench.leaderboard.pooling import Estimate, estimate_of
from trendbench.leaderboard.ranking import holm, is_better, needs_second, p_value, ranks
from trendbench.metrics.registry import METRICS
from trendbench.results.record import RunRecord
from trendbench.results.store import read_record

N = 400
HALF = 0.02  # half-widths of the 95 % intervals of single rows
CLASSIFIER = "c2st_p"


@pytest.fixture(autouse=True)
def with_classifier(monkeypatch):
    """The classifier's p-value is among the scores."""
    monkeypatch.setitem(METRICS, CLASSIFIER, METRICS.get(CLASSIFIER) or METRICS["c2st_accuracy"])


def rows_of(values, correlation, half=HALF):
    """Rows with exactly these values, these half-widths, and this correlation over images."""
    noise = np.random.default_rng(0).normal(size=(N, len(values) + 1))
    noise = np.linalg.qr(noise - noise.mean(axis=0))[0].T * np.sqrt(N - 1)
    spread = half / 1.959964 * np.sqrt(N)
    rows = np.sqrt(correlation) * noise[0] + np.sqrt(1 - correlation) * noise[1:]
    return [
        estimate_of(value + spread * row[None]) for value, row in zip(values, rows, strict=True)
    ]


def test_three_rows_are_told_apart_as_holm_says():
    """1.00, 1.03 and 1.06, each ± 0.02 (standard error s = 0.0102).

    Independent images: neighbours lie 0.03/(s√2) = 2.1 apart, p = 0.038 > 0.05/2, and the outer
    ones 4.2. Correlation 0.9: the second and the third differ by 0.03/(s√0.2) = 6.6, and their
    sum from 2 by 0.09/(s√3.8) = 4.5. The first and the second differ as much, but their sum lies
    0.03/(s√3.8) = 1.5 from 2: an error of both by −0.015 would make them equally near.
    """
    independent, paired = (rows_of([1.0, 1.03, 1.06], c) for c in (0.0, 0.9))
    assert [row.half_width for row in paired] == pytest.approx([HALF] * 3)
    assert ranks([2, 2, 2], independent) == [1, 1, 2]
    assert ranks([2, 2, 2], paired) == [1, 1, 3]
    assert ranks([2, 2, 2], [replace(row, table=None) for row in paired]) == [1, 1, 2]
    assert ranks([2, 2, 2], rows_of([1.0, 0.97, 1.06], 0.0)) == [1, 1, 2]  # |0.97 − 1| = 0.03


def test_ranks_do_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(1)
    rows = rows_of([*rng.normal(1, 0.15, 10), 1.02, 1.02], 0.6)
    tiers = rng.integers(1, 3, 12)
    placed = np.array(ranks(list(tiers), rows))
    assert len(set(placed)) > 4
    assert placed[tiers == 2].min() == 1 + sum(tiers == 1)
    for _ in range(5):
        order = rng.permutation(12)
        assert ranks(list(tiers[order]), [rows[k] for k in order]) == list(placed[order])


@pytest.mark.parametrize(
    ("values", "least"), [((1.1, 1.1), 0.02), ((1.1, 0.9), 0.02), ((1.0, 1.0), 0.0)]
)
def test_rows_equally_near_are_told_apart_in_one_of_twenty_at_most(values, least):
    """On one side of 1, on both, and at 1; the standard error of a rate here is 0.011."""
    rng = np.random.default_rng(2)
    shared, own = rng.normal(0, 0.2, (400, 1, 100)), rng.normal(0, 0.2, (400, 2, 100))
    tables = np.array(values)[:, None] + shared + own
    found = [is_better([estimate_of(row[None]) for row in table]).any() for table in tables]
    assert least <= np.mean(found) <= 0.05 + 3 * 0.011


def test_holm_by_hand():
    assert list(holm(np.array([0.04, 0.012, 0.03, 0.001]))) == [False, True, False, True]
    assert list(holm(np.array([0.02, 0.02, 0.05]))) == [False, False, False]
    assert list(holm(np.array([0.05, 0.02, 0.01]))) == [True, True, True]


def test_p_values_are_those_of_the_normal_and_of_student():
    """Images alone; seeds alone; both together are less certain than either."""
    d, none = np.array([0.5, 3.0, 8.0, 0.0]), np.zeros(4)
    one, three = np.ones(4, dtype=int), np.full(4, 3)
    images = p_value(d, np.ones(4), [(none, one)])
    seeds = p_value(d, none, [(none, one), (np.ones(4), three)])
    both = p_value(d, np.ones(4), [(np.ones(4), three)])
    assert images == pytest.approx(2 * stats.norm.sf(d), rel=1e-6)
    assert seeds == pytest.approx(2 * stats.t.sf(d, 2), rel=1e-6)
    assert (both[:3] > np.maximum(images, seeds)[:3]).all()


def test_the_variance_of_a_difference_is_that_of_the_paired_bootstrap():
    """Six standard errors of a standard deviation from 4000 replicates: 0.07."""
    rng = np.random.default_rng(3)
    a, b = rows_of([1.1, 1.2], 0.7)
    weights = rng.multinomial(N, np.full(N, 1 / N), size=4000) / N
    drawn = (weights @ (b.table - a.table)[0]).std()
    assert estimate_of(b.table - a.table).image_variance ** 0.5 == pytest.approx(drawn, rel=0.07)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("ratio", [0.0, 1.0, 3.0])
def test_the_interval_over_seeds_covers_the_truth(seeds, ratio):
    """0.92 to 0.98 with sampling error 0.009; resampling two seeds covers 0.78 at ratio 3.

    ``ratio`` is the standard deviation of seeds over the standard error of images.
    """
    rng = np.random.default_rng(4)
    n, trials = 40, 600
    covers = 0
    for _ in range(trials):
        seed, image = rng.normal(0, ratio / np.sqrt(n), (seeds, 1)), rng.normal(size=n)
        found = estimate_of(seed + image + 0.5 * rng.normal(size=(seeds, n)))
        covers += abs(found.value) < found.half_width
    assert 0.92 - 2 * 0.009 < covers / trials < 0.98 + 2 * 0.009


def test_variance_components_are_recovered():
    """σ_a = 2, σ_b = 5, σ_e = 3 at 200 seeds and images, to within 10 %."""
    rng = np.random.default_rng(5)
    effects = 2 * rng.normal(size=(200, 1)), 5 * rng.normal(size=(1, 200))
    found = estimate_of(sum(effects) + 3 * rng.normal(size=(200, 200)))
    assert found.seed_variance * 200 == pytest.approx(effects[0].var(), rel=0.1)
    assert found.image_variance * 200 == pytest.approx(effects[1].var() + 9 / 200, rel=0.1)
    assert estimate_of(sum(effects)[:1]).seed_variance == 0
    noisy = estimate_of(0.2 * rng.normal(size=(2000, 1)) + 3 * rng.normal(size=(2000, 20)))
    assert noisy.seed_variance * 2000 == pytest.approx(0.04, abs=0.06)  # σ_e²/n is 0.45


def test_seeds_that_vary_widely_are_told_from_nothing():
    """Far apart by images, but the seeds' variance is known with one degree of freedom."""
    near, far = rows_of([1.0, 1.3], 0.0)
    assert ranks([2, 2], [near, far]) == [1, 2]
    assert ranks([2, 2], [near, replace(far, seed_variance=0.05**2, seeds=2)]) == [1, 1]
    assert ranks([2, 2], [near, replace(far, seed_variance=0.05**2, seeds=9)]) == [1, 2]


def test_a_wide_row_neither_leads_nor_lifts_others(tmp_path):
    """1.00 ± 0.5 shares the first rank, stands last in it, and 1.3 ± 0.02 stays second."""
    wide, tight, far = rows_of([1.0, 1.02, 1.3], 0.0)
    wide = Estimate(1.0, 0.25**2, table=1 + (wide.table - 1) * 0.25 / wide.image_variance**0.5)
    for arch, row in (("nf8", wide), ("nf16", tight), ("nf32", far)):
        half = row.half_width
        make(tmp_path, arch, ratio=row.value, half=half, n=N, images=row.table[0])
    assert [(row["arch"], row["rank"]) for row in local(tmp_path)] == [
        ("nf16", 1), ("nf8", 1), ("nf32", 2),
    ]  # fmt: skip


def test_ranks_run_through_the_tiers(tmp_path):
    """Not told stands before told, however near to 1; unconditional rows are ranked apart."""
    scored = [*dict.fromkeys((*SCORES, CLASSIFIER))]
    without = [name for name in scored if name != CLASSIFIER]
    make(tmp_path, "nf8", ratio=1.2, names=scored, told_by=[])
    make(tmp_path, "nf16", ratio=1.4, names=scored, told_by=[])
    make(tmp_path, "nf32", ratio=1.001, names=scored, told_by=["s2_error"])
    make(tmp_path, "nf32-woUnet", ratio=1.3, names=without, told_by=[])
    make(tmp_path, "nf8-woUnet", ratio=1.5, names=scored)
    make(tmp_path, "nf16-woUnet", ratio=1.0, names=scored, told_by=[], flags=["grey"])
    make(tmp_path, "nf8-3x3-woUnet", ratio=1.0, names=scored, told_by=[], conditional=False)
    table = local(tmp_path)
    assert [(row["arch"], row["tier"], row["rank"], row["unranked"]) for row in table] == [
        ("nf8", 1, 1, ""), ("nf16", 1, 2, ""), ("nf32", 2, 3, ""), ("nf32-woUnet", 2, 4, ""),
        ("nf8-woUnet", 2, 5, ""), ("nf16-woUnet", 3, None, "flagged"),
        ("nf8-3x3-woUnet", 1, 1, ""),
    ]  # fmt: skip
    make(tmp_path, "nf8", seed=1, ratio=1.2, names=scored, told_by=["xi"])
    (row,) = (row for row in local(tmp_path) if row["arch"] == "nf8")
    assert row["tier"] == 2  # one of its seeds is told


def test_fewer_than_three_seeds_rank_as_provisional(tmp_path, in_process):
    for seed in range(3):
        make(tmp_path, "nf8", seed=seed, ratio=1.5)
        make(tmp_path, "nf16", seed=seed // 2)
    make(tmp_path, "nf32", flags=["grey"])
    found = {row["arch"]: (row["rank"], row["provisional"]) for row in local(tmp_path)}
    assert found == {"nf8": (2, False), "nf16": (1, True), "nf32": (None, False)}
    chosen = ["leaderboard", "--results", tmp_path, "--task", "small"]
    shown = in_process(*chosen, "--markdown", "rank,provisional,arch").stdout
    assert {"| 2 | no | nf8 |", "| 1* | yes | nf16 |"} <= set(shown.splitlines())
    assert " 1* nf16" in in_process(*chosen).stdout


def test_a_rank_takes_a_second_sample_set(tmp_path):
    make(tmp_path, "nf8", names=[name for name in SCORES if name != "diversity"])
    make(tmp_path, "nf16")
    table = local(tmp_path)
    assert {row["arch"]: (row["rank"], row["unranked"]) for row in table} == {
        "nf8": (None, "no second sample set"), "nf16": (1, ""),
    }  # fmt: skip
    shown = " ".join(board_tables(table).replace("\n", " ").split())
    assert "(no second sample" in shown


def test_where_two_draws_cannot_differ_no_second_set_is_needed(tmp_path, monkeypatch):
    """A level trend under thinning: r is s1. Without the inputs, two draws do differ."""
    for path in catalog.DATASETS.glob("trend-v1.toml"):
        shutil.copy(path, tmp_path)
        text = path.read_text().replace('name = "trend-v1"', 'name = "level"')
    left = next(line for line in text.splitlines() if line.startswith("lambda_left"))
    right = next(line for line in text.splitlines() if line.startswith("lambda_right"))
    level = text.replace(right, left.replace("lambda_left", "lambda_right"))
    (tmp_path / "level.toml").write_text(level)
    monkeypatch.setattr(catalog, "DATASETS", tmp_path)
    assert needs_second("trend-v1", conditional=True)
    assert not needs_second("level", conditional=True)
    assert needs_second("level", conditional=False)
    assert needs_second("someone-s-own", conditional=True)


def test_a_record_without_the_verdict_reads_as_before_there_was_one(tmp_path):
    old, empty = (read_record(make(tmp_path, **k)) for k in ({}, {"told_by": []}))
    assert "told_by" not in old.to_json()
    assert (old.told_by, empty.told_by) == (None, [])
    assert RunRecord.model_validate_json(old.to_json()) == old
    assert old.run_id != empty.run_id
