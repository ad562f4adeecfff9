"""The random numbers: Philox against NumPy's, Poisson counts against SciPy's."""

import hashlib

import numpy as np
import pytest
from scipy import stats

from trendbench.families.disks.counts import poisson_table
from trendbench.families.disks.kernels import philox, uniform

U64 = np.uint64


@pytest.mark.parametrize(
    ("counter", "key"),
    [((1, 0, 0, 0), (0, 0)), ((7, 1, 12345, 0), (3, 2)), ((2, 5, 6, 9), (2**64 - 1, 2**63 + 1))],
)
def test_philox_gives_the_words_of_numpy(counter, key):
    reference = np.random.Philox(counter=[counter[0] - 1, *counter[1:]], key=key).random_raw(4)
    words = philox(*(U64(c) for c in counter), *(U64(k) for k in key))
    assert [int(word) for word in words] == [int(word) for word in reference]


def test_uniform_takes_the_upper_53_bits():
    assert uniform(U64(0)) == 0.0
    assert uniform(U64(2**64 - 1)) == 1 - 2**-53
    assert uniform(U64(1 << 63)) == 0.5


@pytest.mark.parametrize("mean", [0.0, 0.3, 1.0, 35.9, 293.2, 18_000.5, 1e6])
def test_poisson_table_is_the_distribution_function(mean):
    first, cdf = poisson_table(mean)
    exact = stats.poisson.cdf(first + np.arange(cdf.size), mean)
    np.testing.assert_allclose(cdf, exact, rtol=0, atol=1e-10)
    assert cdf[-1] == 1.0


def test_poisson_table_has_the_same_bits_everywhere():
    """Only IEEE additions, multiplications and divisions: one digest for every machine."""
    first, cdf = poisson_table(293.16)
    assert (first, cdf.size) == (138, 345)
    assert hashlib.sha256(cdf.tobytes()).hexdigest()[:16] == "f5113ed09f0dfd45"
