"""The power certificate: scores see what they are made to see, and are blind to the rest."""

import pytest

from trendbench.metrics import power

pytestmark = pytest.mark.full_pool


@pytest.fixture(scope="module")
def found(small):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(power, "LEVELS", (0.002, 0.5))
        patch.setattr(power, "_IMAGES", 200)
        patch.setattr(power, "_TRAINING", 200)
        findings = list(power.certificate(small, (150,)))
    return {(f.score, f.damage): f.level for f in findings}


def test_each_damage_is_seen_by_the_score_made_for_it(found):
    assert found["grey_fraction", "grey pixels"] == 0.002
    assert found["memorisation", "remembered images"] == 0.5
    assert found["retention_error", "slope k smaller"] == 0.5
    assert found["row_error", "waves along y"] == 0.5
    assert found["stray_error", "lone pixels a grain"] == 0.5
    assert found["containment", "drawn for other inputs"] == 0.5
    assert found["repeats", "duplicates"] == 0.5
    assert found["k_variance_ratio", "two slopes"] == 0.5
    assert found["lineal_error", "radius R larger"] == 0.5


def test_each_score_is_blind_where_it_must_be(found):
    assert found["grey_fraction", "slope k smaller"] is None
    assert found["containment", "slope k smaller"] is None
    assert found["xi", "remembered images"] is None
