"""Paired differences: their interval is that of the differences, not of the rows."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from tests.leaderboard.test_board import make, recipe_entry
from trendbench.cli.main import group
from trendbench.cli.markdown import differences_text
from trendbench.leaderboard.pairs import differences
from trendbench.results.store import read_all, read_folder

N = 400


@pytest.fixture
def shared():
    """What is hard about each triplet, the same for every row."""
    return np.random.default_rng(0).normal(0, 1.0, N)


def found(results, score="xi"):
    local = [stored for stored in read_all(results) if stored.origin == "local"]
    return {(pair.first, pair.second): pair for pair in differences(local, score)}


def test_what_two_rows_share_cancels(tmp_path, shared):
    """Rows that differ by 0.02 ± 0.05 an image under a shared spread of 1: told apart."""
    rng = np.random.default_rng(1)
    make(tmp_path, "nf8", n=N, images=shared + 0.02 + 0.05 * rng.normal(size=N))
    make(tmp_path, "nf16", n=N, images=shared)
    pair = found(tmp_path)["nf16", "nf8"]
    assert pair.value == pytest.approx(-0.02, abs=0.01)
    assert pair.is_real
    half = (pair.high - pair.low) / 2
    assert half == pytest.approx(1.96 * 0.05 / np.sqrt(N), rel=0.15)


def test_the_interval_holds_the_true_difference_as_often_as_it_says(tmp_path):
    """12 pairs with no difference: 0.6 are called real on average, never 5 (p < 2·10⁻⁴)."""
    rng = np.random.default_rng(2)
    wrong = 0
    for trial in range(12):
        folder = tmp_path / str(trial)
        make(folder, "nf16", n=N, images=np.zeros(N))
        make(folder, "nf8", n=N, images=rng.normal(0, 1, N))
        wrong += found(folder)["nf16", "nf8"].is_real
    assert wrong < 5


def test_seeds_are_averaged_image_by_image(tmp_path, shared):
    make(tmp_path, "nf16", n=N, images=shared)
    for seed, shift in ((0, 0.1), (1, 0.3)):
        make(tmp_path, "nf8", seed=seed, n=N, images=shared + shift)
    pair = found(tmp_path)["nf16", "nf8"]
    assert pair.value == pytest.approx(-0.2, abs=1e-6)


def test_the_spread_over_seeds_is_part_of_the_interval(tmp_path, shared):
    """Two seeds at 0.1 and 0.3: t = 12.7 with one degree of freedom, standard error 0.1.

    Of rows with the same seeds, differences are taken seed by seed: 0.04 and 0.06, standard error
    0.01.
    """
    make(tmp_path, "nf16", n=N, images=shared)
    for seed, shift in ((0, 0.1), (1, 0.3)):
        make(tmp_path, "nf8", seed=seed, n=N, images=shared + shift)
        make(tmp_path, "nf32", seed=seed, n=N, images=shared + 1.1 * shift + 0.03)
    pairs = found(tmp_path)
    apart = pairs["nf16", "nf8"]
    assert (apart.high - apart.low) / 2 == pytest.approx(12.706 * 0.1, rel=1e-3)
    assert not apart.is_real
    beside = pairs["nf32", "nf8"]
    assert beside.value == pytest.approx(0.05, abs=1e-6)
    assert (beside.high - beside.low) / 2 == pytest.approx(12.706 * 0.01, rel=1e-3)


def test_rows_of_other_triplets_are_not_paired(tmp_path, shared):
    make(tmp_path, "nf16", n=N, images=shared)
    make(tmp_path, "nf8", n=N, images=shared,
         data={"sha256": "c" * 64, "train": 24, "seed": 4})  # fmt: skip
    assert not found(tmp_path)


def test_the_command_sets_the_study_s_order_beside_ours(tmp_path, shared):
    """The study has nf16 below nf8; so have these, and not by chance."""
    make(tmp_path, "nf8", n=N, images=shared + 0.5)
    make(tmp_path, "nf16", n=N, images=shared)
    asked = ["--results", str(tmp_path), "--differences", "xi_executed"]
    result = CliRunner().invoke(group, ["leaderboard", *asked])
    wanted = "| nf16 | nf8 | -0.5 | -0.5 … -0.5 | yes | -0.00219 | yes |"
    assert len([line for line in result.stdout.splitlines() if line.endswith(wanted)]) == 1


def test_two_rows_of_one_name_are_told_apart(tmp_path, shared, in_process):
    make(tmp_path, "nf8", n=N, images=shared)
    make(tmp_path, "nf8", n=N, images=shared, recipe=recipe_entry("nf8", epochs=40))
    chosen = ["leaderboard", "--results", tmp_path, "--task", "small"]
    for more in (["--differences", "xi"], ["--markdown", "arch,xi"], ["--markdown", "variant"]):
        assert "epochs=40" in in_process(*chosen, *more).stdout
    (pair,) = json.loads(in_process(*chosen, "--differences", "xi", "--json").stdout)
    assert "epochs=40" in {pair["first_variant"], pair["second_variant"]}


def test_pairs_of_one_file_alone_do_not_say_which(tmp_path, shared):
    make(tmp_path, "nf8", n=N, images=shared)
    make(tmp_path, "nf16", n=N, images=shared)
    pairs = differences(read_folder(tmp_path, "local"), "xi")
    assert differences_text(pairs, {}).startswith("| first | second |")


@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [("--markdown", "arch,xi_ration", "did you mean 'xi_ratio'"),
     ("--differences", "xy", "did you mean 'xi'")],
)  # fmt: skip
def test_a_misspelt_name_is_answered_with_the_nearest(tmp_path, option, value, hint):
    result = CliRunner().invoke(group, ["leaderboard", "--results", str(tmp_path), option, value])
    assert result.exit_code == 2
    assert hint in result.output


def test_columns_as_markdown(tmp_path):
    make(tmp_path, "nf8", ratio=1.23456, flags=("grey", "collapsed"))
    result = CliRunner().invoke(
        group,
        [
            "leaderboard",
            "--results",
            str(tmp_path),
            "--family",
            "study-2017",
            "--markdown",
            "arch, xi_ratio,flags",
        ],
    )
    lines = result.stdout.splitlines()
    assert lines[:2] == ["| `arch` | `xi_ratio` | `flags` |", "| --- | --- | --- |"]
    assert "| nf8 | 1.23 | collapsed, grey |" in lines
