"""Enter someone else's images: export pictures, read pictures, score them.

    python enter_images.py [DATA]     trend-v1's canonical file by default

Writes the test inputs as PNGs for another program, and scores the folder of its results. A stand-in
for that program keeps each particle of s2 with probability x/W.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

import trendbench as tb

path = sys.argv[1] if len(sys.argv) > 1 else "datasets/trend-v1-n3500-seed0.h5"
inputs, outputs = Path("inputs"), Path("outputs")

# 1. Export: one pair of pictures a test triplet, numbered. The target r stays here.
with tb.open_dataset(path) as data:
    test = data.load("test")
for name in ("s1", "s2"):
    (inputs / name).mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(getattr(test, name)):
        Image.fromarray(image).save(inputs / name / f"{i:05d}.png")


# 2. Elsewhere: any program, any language. One grey PNG for each pair, under the pair's number.
def someone_elses_program(s1, s2, rng):
    """Keep a particle of s2 whose centre is at x with probability x/W, and all of s1."""
    particles, count = ndimage.label(s2 == 0)
    x = ndimage.center_of_mass(s2 == 0, particles, range(1, count + 1))
    kept = [0 if rng.random() < column / s2.shape[1] else 255 for _, column in x]
    return np.minimum(s1, np.array([255, *kept], dtype=np.uint8)[particles])


outputs.mkdir(exist_ok=True)
rng = np.random.default_rng(0)
for file in sorted((inputs / "s1").glob("*.png")):
    s1, s2 = (np.asarray(Image.open(inputs / name / file.name)) for name in ("s1", "s2"))
    Image.fromarray(someone_elses_program(s1, s2, rng)).save(outputs / file.name)

# 3. Score the folder. The same from a shell:
#    trendbench score outputs --data DATA --name "random particles" --no-c2st
card = tb.score(outputs, path, name="random particles", c2st=False)
print(f"{card.n} images on {card.task}: xi_ratio {card.scores['xi_ratio'].value:.3f}, truth 1")
print("flags:", ", ".join(flag.name for flag in card.flags) or "none")
print(card.verdict)
