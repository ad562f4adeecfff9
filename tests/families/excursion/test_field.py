"""The field: its covariance to the last digits, and its equality between ways of summing."""

import hashlib
import math

import mpmath
import numpy as np
import pytest
import scipy.fft

from trendbench.families.excursion.field import basis, field, frequencies, normals
from trendbench.families.excursion.process import Excursion

SIZES = [(256, 6.0), (40, 2.5), (33, 30.0), (8, 1000.0), (64, 0.5), (64, 0.1), (1, 0.7)]


def philox(i):
    return np.random.Generator(np.random.Philox(key=[i, 2]))


@pytest.mark.parametrize(("size", "sigma"), SIZES)
def test_the_covariance_of_the_field_is_the_stated_one(size, sigma):
    """B·Bᵀ itself, between all pixels of an axis; the two ends of the frame among them."""
    waves, places = basis(size, sigma), np.arange(size)
    exact = np.exp(-np.square(places[:, None] - places) / (4 * sigma**2))
    assert np.abs(waves @ waves.T - exact).max() < 5e-13


@pytest.mark.parametrize(("size", "sigma"), SIZES)
def test_the_circle_holds_the_frame_and_the_correlation(size, sigma):
    circle, most = frequencies(size, sigma)
    assert math.exp(-((circle - size) ** 2) / (4 * sigma**2)) < 1e-12
    assert circle % 2 == 1
    assert most == circle // 2 or math.erfc(2 * math.pi * most / circle * sigma) < 1e-16


def test_normal_numbers_are_quantiles_of_philox_words():
    words = np.random.Philox(key=[3, 2]).random_raw(6000)
    drawn = normals((60, 100), philox(3)).ravel()
    for word, number in zip(words[:500], drawn[:500], strict=True):
        p = mpmath.mpf(2 * (int(word) >> 12) + 1) / 2**53
        assert abs(mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1) - number) < 2e-15


@pytest.mark.parametrize("word", [0, 2**64 - 1])
def test_the_last_words_give_finite_numbers(word):
    class Words:
        bit_generator = type("B", (), {"random_raw": lambda self, n: np.full(n, word, np.uint64)})()

    tail = 0.5 * math.erfc(abs(normals((1, 1), Words())[0, 0]) / math.sqrt(2))
    assert tail == pytest.approx(2.0**-53, rel=1e-9)


def field_by_fft(size, sigma, rng):
    """The same sum over waves, by two inverse real FFTs."""
    circle, most = frequencies(size, sigma)
    omega = 2 * np.pi * np.arange(most + 1) / circle
    amplitude = np.sqrt(2 * sigma * math.sqrt(math.pi)) * np.exp(-np.square(sigma * omega) / 2)

    def along_first_axis(values):
        spectrum = np.zeros((circle // 2 + 1, values.shape[1]), dtype=complex)
        spectrum[0] = values[0]
        spectrum[1 : most + 1] = (values[1 : most + 1] - 1j * values[most + 1 :]) / math.sqrt(2)
        spectrum[: most + 1] *= amplitude[:, None]
        return scipy.fft.irfft(spectrum, n=circle, axis=0)[:size] * math.sqrt(circle)

    noise = normals((2 * most + 1, 2 * most + 1), rng)
    return along_first_axis(along_first_axis(noise).T).T


def test_two_ways_of_summing_give_the_same_images():
    """Fields within 1e-14, and 300 images equal, as the docstring of ``field.py`` promises."""
    process = Excursion(width=128, height=128, sigma=6.0, coverage_left=0.15, coverage_right=0.45)
    level = process.level(np.arange(128) + 0.5)
    largest = 0.0
    for i in range(300):
        product = field(128, 128, 6.0, 6.0, philox(i))
        fft = field_by_fft(128, 6.0, philox(i))
        largest = max(largest, np.abs(product - fft).max())
        assert np.array_equal(product > level, fft > level)
    assert largest < 1e-14


def test_an_image_follows_from_seed_split_and_index_alone():
    process = Excursion(width=50, height=30, sigma=2.0, coverage_left=0.3, coverage_right=0.6)
    many, alone = np.empty((3, 5, 30, 50), np.uint8), np.empty((3, 1, 30, 50), np.uint8)
    process.render(process.latents(5, 7, "val"), many)
    process.render(process.latents(1, 7, "val", start=3), alone)
    assert np.array_equal(many[:, 3:4], alone)
    assert np.array_equal(process.render_r(process.latents(5, 7, "val")), many[2])


def test_an_image_is_the_same_on_every_machine():
    process = Excursion(width=256, height=256, sigma=6.0, coverage_left=0.15, coverage_right=0.45)
    images = process.render_r(process.latents(2, 0, "train"))
    assert hashlib.sha256(images.tobytes()).hexdigest()[:16] == "83d88243654fb7ee"
