"""Few published records, as reading all of them takes longer than what these tests ask."""

import shutil

import pytest

from trendbench import catalog


@pytest.fixture(scope="session")
def few(tmp_path_factory):
    """The published rows of two architectures, and the study's numbers."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copy(catalog.RESULTS / "paper.csv", folder)
    for arch in ("nf8", "gan"):
        shutil.copytree(catalog.RESULTS / "trend-v1" / arch, folder / "trend-v1" / arch)
    return folder


@pytest.fixture(autouse=True)
def few_published(few, monkeypatch):
    """They stand for all of them."""
    monkeypatch.setattr(catalog, "RESULTS", few)
