"""The calibration of the card: what it counts, and that it would show a card that accuses."""

import numpy as np
import pytest

from benchmarks import calibration
from trendbench.families.disks.rendering import render_r
from trendbench.metrics.registry import METRICS


@pytest.fixture
def few():
    return lambda: calibration.tally(20, 3)


def test_every_set_is_counted_with_its_scores(few):
    found = few()
    assert {len(values) for values in found.values.values()} == {3}
    assert found.ends.keys() == found.values.keys() >= {"xi", "s2_error", "memorisation"}
    assert found.flagged == 0


def test_sets_of_another_process_are_told_and_flagged(few, monkeypatch):
    """Were they taken for true ones, the command would show it."""
    score, task = calibration.score_images, calibration.TASK

    def of_larger_disks(images, truth, *, given, **keywords):
        larger = render_r(given.latent, task, radius=1.5 * task.radius)
        assert larger.shape == images.shape
        return score(larger, truth, given=given, **keywords)

    monkeypatch.setattr(calibration, "score_images", of_larger_disks)
    found = few()
    assert found.told == found.flagged == 3


def test_noise_is_held_against_that_of_all_sets():
    values = np.array([3.0, 4.0])
    assert calibration.expected(METRICS["s2_error"], values) == pytest.approx(np.sqrt(12.5))
    assert calibration.expected(METRICS["input_disagreement"], values) == 3.5
    assert calibration.expected(METRICS["k_error"], values) == 0
    assert calibration.expected(METRICS["xi_ratio"], values) == 1
