"""A run's images in words: what is named, and what is not."""

from dataclasses import replace

import numpy as np
import pytest

from trendbench import catalog
from trendbench.results.attachments import pack_curves, unpack_curves
from trendbench.results.store import StoredRecord, read_record
from trendbench.runner.remarks import seen


def published(arch: str) -> StoredRecord:
    path = min((catalog.RESULTS / "trend-v1" / arch).glob("*.json"))
    return StoredRecord(read_record(path), path, "published")


@pytest.mark.parametrize(
    ("arch", "words"),
    [
        ("null-white", ["a blank page: 0.0% black; one picture whatever the inputs"]),
        ("null-repeated", ["seen: one picture whatever the inputs"]),
        ("null-average", ["seen: grey: "]),
        ("flow", []),
        ("null-no-trend", []),
    ],
)
def test_published_images_are_described(arch, words):
    said = seen(published(arch))
    assert all(word in said for word in words)
    assert bool(said) == bool(words)
    assert "reproduction" not in said


@pytest.mark.parametrize(("factors", "said"), [((0.1, 1.0), "left"), ((1.0, 0.05), "right")])
def test_a_blank_half_is_named_with_its_family_s_note(monkeypatch, factors, said):
    stored = published("flow")
    curves = unpack_curves(stored.attachment("curves.json"))
    half = np.repeat(factors, -(-curves.profile.size // 2))[: curves.profile.size]
    content = pack_curves(replace(curves, profile=half * curves.profile.mean()))
    monkeypatch.setattr(StoredRecord, "attachment", lambda self, name: content)
    theirs = replace(stored, record=stored.record.model_copy(update={"family": "study-2017"}))
    assert f"the {said} half is nearly blank" in seen(stored)
    assert seen(theirs).endswith(
        "The study's networks left the left half blank too, and nf32_woUnet drew one picture: "
        "see docs/reproduction.md."
    )
