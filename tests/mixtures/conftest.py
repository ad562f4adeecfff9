"""A small task of five trends: rising, falling, level."""

import pytest

from trendbench.spec import TaskSpec

FIELDS = {
    "name": "five", "width": 64, "height": 48, "radius": 3.0, "window": 8,
    "trends": [[1e-3, 1.2e-2], [1.2e-2, 1e-3], [2e-3, 2e-3], [8e-3, 8e-3], [2e-3, 8e-3]],
    "train": 200, "val": 5, "test": 100,
}  # fmt: skip


@pytest.fixture(scope="session")
def five() -> TaskSpec:
    return TaskSpec(**FIELDS)
