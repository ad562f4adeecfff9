"""The pictures of a score card, as a reader sees them."""

from matplotlib.backends.backend_agg import FigureCanvasAgg

from trendbench.figures.card import texture_figure
from trendbench.metrics.curves import exact_curves


def test_the_axis_of_white_runs_has_plain_numbers(small):
    curves = exact_curves(small)
    figure = texture_figure(curves, curves, "true")
    FigureCanvasAgg(figure).draw()
    axis = figure.axes[1].yaxis
    low, high = axis.get_view_interval()
    labels = [
        label.get_text()
        for place, label in zip(
            axis.get_ticklocs(minor=True), axis.get_ticklabels(minor=True), strict=True
        )
        if low <= place <= high
    ]
    assert len(labels) >= 3
    assert [f"{float(label):g}" for label in labels] == labels
