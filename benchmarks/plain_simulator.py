"""The plain way: NumPy draws the germs, Pillow the ellipses, h5py deflates; one thread."""

import sys
from collections.abc import Iterator

import h5py
import numpy as np
from PIL import Image, ImageDraw

W = H = 256
R = 6.0
LEFT, RIGHT = 5e-4, 4e-3
SIZES = {"train": 3500, "val": 250, "test": 1000}


def draw(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One image of black disks."""
    image = Image.new("L", (W, H), 255)
    pen = ImageDraw.Draw(image)
    for a, b in zip(x, y, strict=True):
        pen.ellipse((a - R, b - R, a + R, b + R), fill=0)
    return np.asarray(image)


def germs(rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Germs x and y [px] of s1, s2 and r of one triplet."""
    k = (RIGHT - LEFT) / W
    largest = RIGHT + k * R
    m = rng.poisson(largest * (W + 2 * R) * (H + 2 * R))
    x, y = rng.uniform(-R, W + R, m), rng.uniform(-R, H + R, m)
    level = rng.uniform(0, largest, m)
    for lam in (LEFT, RIGHT, LEFT + k * x):
        shown = level < lam
        yield x[shown], y[shown]


def main(path: str) -> None:
    """Write the triplets of trend-v1."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for split, n in SIZES.items():
            series = [
                file.create_dataset(
                    f"{split}/{name}", (n, H, W), "u1", chunks=(1, H, W),
                    compression="gzip", compression_opts=1,
                )
                for name in ("s1", "s2", "r")
            ]  # fmt: skip
            for i in range(n):
                for data, (x, y) in zip(series, germs(rng), strict=True):
                    data[i] = draw(x, y)


if __name__ == "__main__":
    main(sys.argv[1])
