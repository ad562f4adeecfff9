"""A record says what its card says."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.leaderboard.test_board import recipe_entry
from trendbench.metrics.metric import Score
from trendbench.results.assembly import Making, assembled
from trendbench.results.record import CodeEntry, HardwareEntry, RecipeEntry, TrainingEntry

NUMBERS = dict.fromkeys(("value", "low", "high", "truth", "truth_low", "truth_high"), 1.0)
MAKING = Making(
    arch="nf8", family="pix2pix", status="reproduced", seed=0,
    recipe=RecipeEntry(**recipe_entry("nf8")), code=CodeEntry(version="1", sha256="b" * 64),
    hardware=HardwareEntry(device="CPU", precision="fp32"),
    training=TrainingEntry(seconds=None, sampling_seconds=None, sampling_seed=None),
    parameters=None, conditional=True, privileged=False,
)  # fmt: skip


@pytest.mark.parametrize("told_by", [(), ("xi", "s2_error")])
def test_the_verdict_of_a_card_is_kept(told_by):
    scores = {"xi": Score(**NUMBERS, unit="1", version=1)}
    card = SimpleNamespace(
        n=4, scores=scores, flags=[], told_by=told_by, per_image={"xi": np.ones(4)}
    )
    spec = SimpleNamespace(name="small", train=24)
    dataset = SimpleNamespace(spec=spec, sha256="a" * 64, seed=3)
    record, _ = assembled(MAKING, dataset, card, {}, "2026-01-02T03:04:05Z")
    assert record.told_by == list(told_by)
