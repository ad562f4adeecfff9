"""What a notebook shows of a data file, a split and a card: short, whole, and escaped."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import trendbench as tb
from trendbench.metrics.card import Card
from trendbench.metrics.flags import Flag
from trendbench.metrics.metric import Score

EVIL = "<script>alert('x')</script>&"


class _Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        del attrs
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += f"{data}|"


def shown(thing):
    page = _Page(thing._repr_html_())
    assert set(page.tags) <= {"table", "caption", "tr", "th", "td", "p", "img"}
    assert "\n" not in repr(thing)
    assert len(repr(thing)) < 300
    return page


@pytest.fixture
def card():
    xi = Score.model_construct(
        value=1.25, low=1.0, high=1.5, truth=1.0, truth_low=0.75, truth_high=1.375, unit=EVIL,
        version=1,
    )  # fmt: skip
    scores = {"xi_ratio": xi, "diversity": None}
    return Card(
        EVIL, "small", "a" * 64, 12, scores, [Flag("grey", ("why",))], (), EVIL, {"xi_ratio": xi}
    )


def test_a_data_file_shows_its_task_its_floor_and_its_first_triplet(small, small_data):
    assert repr(small_data) == f"<Dataset '{small_data.path}': {small_data.describe()}>"
    page = shown(small_data)
    for part in ("24 train, 6 val, 12 test", "64×32 px, R = 3 px", "seed 3", small_data.sha256,
                 f"{tb.theory.xi_floor(small, 8):.7f}, window 8 px|",
                 f"{tb.theory.xi_floor(small, 8, 24):.7f}|"):  # fmt: skip
        assert part in page.text
    code = re.search(r"base64,([^\"]+)", small_data._repr_html_())[1]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(code))))
    first = small_data.load("train")[:1]
    assert np.array_equal(pixels[:, :64], first.s1[0])
    assert np.array_equal(pixels[:, -64:], first.r[0])


def test_a_closed_data_file_is_still_shown(small_file):
    with tb.open_dataset(small_file) as data:
        pass
    page = shown(data)
    assert "24 train" in page.text
    assert "img" not in page.tags
    with pytest.raises(tb.InputError, match=r"small\.h5 is closed: open it again with open_data"):
        data.load("test")


def test_a_split_for_torch_shows_its_size(small_file):
    data = tb.TripletDataset(small_file, "val")
    assert repr(data).endswith("small.h5', val: 6 triplets of small, darkness>")
    assert "24 train, 6 val, 12 test" in shown(data).text


def test_a_card_shows_scores_truth_and_flags(card):
    page = shown(card)
    assert "|xi_ratio|1.25|[1, 1.5]|1|[0.75, 1.38]|" in page.text
    assert "Flags: grey|" in page.text
    assert "diversity" not in page.text
    assert page.text.count(EVIL) == 3  # as text: the tags above hold no script
    assert repr(card) == f"<Card {EVIL!r} on small, 12 images: ξ/floor 1.25, flags grey>"
