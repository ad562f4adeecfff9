"""Samples of a model beside inputs and true images, and their ξ(k)."""

import io

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from trendbench.figures.canvas import new_figure, picture, style
from trendbench.figures.profile import draw_model, draw_truth, trend_in_words
from trendbench.metrics.batch import density_profile
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec

GAP, BETWEEN = 8, 224  # px of grey between the images of a contact sheet


def contact_sheet(triplets: Triplets, drawn: NDArray[np.uint8]) -> bytes:
    """The images of ``sample_sheet`` pixel for pixel, as a grey PNG without any lettering.

    Row i holds s1, s2, the true r and the sample of triplet i, 8 px of light grey apart.
    """
    rows = zip(triplets.s1, triplets.s2, triplets.r, drawn, strict=True)
    cells = np.array([list(row) for row in rows])
    padded = np.pad(cells, ((0, 0), (0, 0), (0, GAP), (0, GAP)), constant_values=BETWEEN)
    n, columns, height, width = padded.shape
    sheet = padded.transpose(0, 2, 1, 3).reshape(n * height, columns * width)
    buffer = io.BytesIO()
    Image.fromarray(sheet[:-GAP, :-GAP]).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def sample_sheet(triplets: Triplets, drawn: NDArray[np.uint8], name: str) -> Figure:
    """One row a triplet: s1 and s2, where there are any, the true r, and the model's sample."""
    series = [("r, true", triplets.r), (f"r, {name}", drawn)]
    if triplets.spec.has_inputs:
        series = [("s1", triplets.s1), ("s2", triplets.s2), *series]
    n = len(drawn)
    with style():
        figure = new_figure(2.15 * len(series), 2.15 * n + 0.25)
        rows = figure.subplots(n, len(series), squeeze=False)
        for i, row in enumerate(rows):
            for axes, (title, images) in zip(row, series, strict=True):
                picture(axes, images[i], title if i == 0 else "")
    return figure


def result_figure(spec: TaskSpec, drawn: NDArray[np.uint8], name: str, caption: str) -> Figure:
    """Four samples beside the ξ(k) of all samples over that of true images.

    Where triplets have trends of their own, those of the first trend that is not level are shown.
    """
    members = spec.members
    if len(members) > 1:
        t = next((t for t, member in enumerate(members) if member.has_trend), 0)
        spec, drawn = members[t], drawn[t :: len(members)]
        caption = f"{caption}\nshown: the trend {trend_in_words(spec)}"
    profiles = density_profile(drawn, spec.window)
    with style():
        figure = new_figure(10.5, 4.3)
        pictures, plot = figure.subfigures(1, 2, squeeze=False, width_ratios=[1, 1.35])[0]
        for axes, image in zip(pictures.subplots(2, 2).flat, drawn, strict=False):
            picture(axes, image)
        axes = plot.subplots()
        draw_truth(axes, spec)
        draw_model(axes, profiles, name)
        axes.legend(loc="upper left")
        axes.set_title(caption, fontsize=9)
    return figure
