"""Few published records, as reading all of them takes longer than what these tests ask."""

import pytest


@pytest.fixture(autouse=True)
def few(few_published):
    """They stand for all of them."""
    return few_published
