"""Look at the data: draw triplets, measure them, and plot the measurements over the exact curves.

    python look_at_the_data.py [SPEC]     a task's name or a TOML file; trend-v1 by default

Writes look_at_the_data.png.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import trendbench as tb

spec = tb.load_spec(sys.argv[1] if len(sys.argv) > 1 else "trend-v1")
triplets = tb.simulate(spec, n=200, seed=1)

# The share of black in each column, averaged over images and rows, beside its exact value. Pixels
# of one image depend on one another, so the error bar comes from whole images.
black = (triplets.r == 0).mean(axis=1)  # (n, W)
measured = black.mean(axis=0)
error = black.std(axis=0, ddof=1) / np.sqrt(len(black))
x = tb.theory.pixel_centres(spec.width)
exact = spec.coverage(x)
z = (measured - exact) / error
print(f"coverage: {exact[0]:.4f} on the left, {exact[-1]:.4f} on the right")
print(f"columns within 3 standard errors of it: {np.mean(np.abs(z) < 3):.1%}")

# How much black two pixels of a column share, h rows apart, in the middle of the frame.
lags = np.arange(1, int(3 * spec.radius))
middle = triplets.r[:, :, spec.width // 2] == 0
pairs = [(middle[:, :-h] & middle[:, h:]).mean() for h in lags]
s2 = tb.theory.s2(spec, x[spec.width // 2], lags, along_x=False)

figure = Figure(figsize=(11, 3.4), layout="constrained")
image, profile, correlation = figure.subplots(1, 3)
image.imshow(triplets.r[0], cmap="gray", vmin=0, vmax=255)
image.set_title("one r")
profile.fill_between(x, exact - 3 * error, exact + 3 * error, alpha=0.3, label="exact ± 3 SE")
profile.plot(x, measured, label="200 images")
profile.set(xlabel="x [px]", title="share of black")
profile.legend()
correlation.plot(lags, s2, label="exact")
correlation.plot(lags, pairs, "o", markersize=3, label="200 images")
correlation.set(xlabel="rows apart [px]", title="both black, middle column")
correlation.legend()
figure.savefig("look_at_the_data.png", dpi=120)
print("look_at_the_data.png")
