"""The training benchmark follows the trainers: each part gives its figures."""

import time

from benchmarks import training


def test_a_pix2pix_epoch_is_timed_and_its_lost_time_is_split(monkeypatch):
    monkeypatch.setitem(training.IMAGES, "pix2pix-2", 8)
    monkeypatch.setattr(training, "WARM_UP", 4)
    start = time.perf_counter()
    speed, lost, *parts = training._ours("pix2pix-2")
    seconds = time.perf_counter() - start
    assert speed > 8 / seconds  # set-up is not counted
    assert len(parts) == 3
    assert all(0 < part < lost < 100 for part in parts)


def test_blocks_of_the_study_are_timed_against_their_convolutions(monkeypatch):
    monkeypatch.setattr(training, "STUDY_BATCH", 2)
    (speed,), (ceiling,) = training._block("nf2"), training._block_ceiling("nf2")
    assert speed > 0
    assert ceiling > 0
