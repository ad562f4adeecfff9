"""A stationary Gaussian field with covariance exp(−h²/4σ²), exact on the pixels of a frame.

The covariance is a product over the axes, so the field is Z = B_y·N·B_xᵀ with N of independent
standard normal numbers, if B·Bᵀ is the covariance along its axis. B holds a real Fourier basis on
a circle of L px:

    B[i, ·] = √(a_k/L)·(1, √2·cos 2πki/L, √2·sin 2πki/L),  k = 1 … K,
    a_k = 2σ√π · Σ_m exp(−σ²(2πk/L + 2πm)²),

a_k being the spectrum of the covariance on integer points. Then B·Bᵀ is the covariance wrapped
around the circle. L ≥ W + 11σ, which keeps the wrapped part below 2e-13, also between opposite
borders. Frequencies beyond K hold less than 1e-16 of the variance. Both errors together are below
1e-12 for two pixels of a frame.

This is circulant embedding, summed over the few frequencies that count rather than by FFT: 103²
normal numbers in place of 323² for W = 256, σ = 6. The randomisation and Fourier methods of
GSTools are approximate: their fields are Gaussian, or have the covariance, only in the limit of
many modes.

**Equality between machines.** Words of Philox are the same everywhere. Normal numbers, B and the
sums may differ in their last bits: Z by less than 1e-14 between a product and an FFT, ndtri by less
than 2e-15 from Φ⁻¹. A pixel differs only if Z lies so near to its level. An image of 256² px
differs with probability below 1e-9, a file of 14 250 images with probability below 1e-5.

Source: Dietrich & Newsam, SIAM J. Sci. Comput. 18, 1088 (1997).
"""

import math
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import NDArray

_WRAPPED = 11.0  # σ between the ends of the frame around the circle: exp(−11²/4) < 1e-13
_LARGEST = 5.9  # of σω: frequencies above hold erfc(5.9) < 1e-16 of the variance
_ROWS = 16  # of a product: for larger ones BLAS starts threads, which cost more than they save


def normals(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Independent standard normal numbers Φ⁻¹((⌊w/2¹²⌋ + ½)·2⁻⁵²) of 64-bit words w.

    They are the words of the bit generator: NumPy may change what its own methods make of those.
    """
    words = rng.bit_generator.random_raw(shape[0] * shape[1])
    uniform = ((words >> np.uint64(12)) + 0.5) * 2.0**-52
    numbers: NDArray[np.float64] = scipy.special.ndtri(uniform.reshape(shape))
    return numbers


def frequencies(size: int, sigma: float) -> tuple[int, int]:
    """(L, K) for an axis of ``size`` pixels: the circle [px], always odd, and its frequencies."""
    circle = size + math.ceil(_WRAPPED * sigma)
    circle += 1 - circle % 2
    return circle, min(circle // 2, math.ceil(_LARGEST * circle / (2 * math.pi * sigma)))


@lru_cache(maxsize=16)
def basis(size: int, sigma: float) -> NDArray[np.float64]:
    """B of an axis of ``size`` pixels, (size, 2K + 1), read-only."""
    circle, most = frequencies(size, sigma)
    k = np.arange(most + 1)
    aliases = 2 * np.pi * np.arange(-1 - int(1 / sigma), 2 + int(1 / sigma))
    omega = 2 * np.pi * k[:, None] / circle + aliases
    spectrum = 2 * sigma * math.sqrt(math.pi) * np.exp(-np.square(sigma * omega)).sum(axis=1)
    angle = 2 * np.pi * (np.arange(size)[:, None] * k % circle) / circle
    amplitude = np.sqrt(np.where(k > 0, 2, 1) * spectrum / circle)
    waves = np.hstack([amplitude * np.cos(angle), (amplitude * np.sin(angle))[:, 1:]])
    waves.flags.writeable = False
    return waves


def field(
    height: int, width: int, sigma_y: float, sigma_x: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """One field Z, (H, W), of variance 1 and covariance exp(−dy²/4σ_y² − dx²/4σ_x²).

    Args:
        height: H of the frame [px].
        width: W of the frame [px].
        sigma_y: σ along y [px].
        sigma_x: σ along x [px].
        rng: source of the normal numbers.
    """
    down, along = basis(height, sigma_y), basis(width, sigma_x)
    noise = normals((down.shape[1], along.shape[1]), rng)
    z = np.empty((height, width))
    for top in range(0, height, _ROWS):
        z[top : top + _ROWS] = down[top : top + _ROWS] @ noise @ along.T
    return z
