"""The training benchmark follows the trainers: each part gives its figures."""

import pytest

from benchmarks import training


def test_a_pix2pix_epoch_is_timed_and_its_lost_time_is_split(monkeypatch):
    monkeypatch.setitem(training.IMAGES, "pix2pix-2", 8)
    monkeypatch.setattr(training, "WARM_UP", 4)
    speed, lost, *parts = training._ours("pix2pix-2")
    assert speed > 0
    assert len(parts) == 3
    assert lost == pytest.approx(sum(parts))
    assert all(0 <= part < 100 for part in parts)


def test_blocks_of_the_study_are_timed_against_their_convolutions(monkeypatch):
    monkeypatch.setattr(training, "STUDY_BATCH", 2)
    (speed,), (ceiling,) = training._block("nf2"), training._block_ceiling("nf2")
    assert speed > 0
    assert ceiling > 0
