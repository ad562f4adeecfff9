"""What the rows and columns of pictures are called."""

from tests.mixtures.conftest import FIELDS
from trendbench.figures.preview import preview_figure
from trendbench.figures.samples import sample_sheet
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec


def test_each_row_of_a_task_of_several_trends_names_its_own():
    task = TaskSpec(**FIELDS)
    figure = preview_figure(simulate(task, 5, 0)[1:3], task, first=1)
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel().startswith("trend")]
    assert labels == ["trend 0.012 → 0.001", "trend 0.002 → 0.002"]


def test_one_trend_is_not_named(small_data):
    figure = preview_figure(small_data.load("val")[:2], small_data.spec)
    assert not any(axes.get_ylabel().startswith("trend") for axes in figure.axes)


def test_a_row_called_true_stands_beside_the_true_images(small_data):
    triplets = small_data.load("val")[:1]
    figure = sample_sheet(triplets, triplets.r, "true")
    assert [axes.get_title() for axes in figure.axes] == ["s1", "s2", "r, true", "r, true"]
