"""Triplets drawn on the fly are those of the file."""

from itertools import islice

import numpy as np
import pytest

import trendbench as tb
from trendbench.data.stream import streamed
from trendbench.process.images import IMAGES
from trendbench.process.seeds import SPLITS
from trendbench.progress import quiet


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("start", "batch"), [(0, 1), (0, 4), (3, 2)])
def test_a_stream_is_the_file_s_triplets_in_their_order(small, small_data, split, start, batch):
    stored = small_data.load(split)
    blocks = (len(stored) - start) // batch
    for i, block in enumerate(islice(tb.stream(small, 3, split, start, batch), blocks)):
        rows = slice(start + i * batch, start + (i + 1) * batch)
        for name in IMAGES:
            np.testing.assert_array_equal(getattr(block, name), getattr(stored, name)[rows])
        for name in ("offsets", "x", "y", "mark", "member"):
            np.testing.assert_array_equal(
                getattr(block.latent, name), getattr(stored.latent[rows], name)
            )


def test_a_stream_goes_on_beyond_the_file(small, small_data):
    (block,) = islice(tb.stream(small, 3, start=10**9, batch=2), 1)
    assert block.r.shape == (2, 32, 64)
    assert not np.array_equal(block.r, small_data.load("train").r[:2])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"seed": -1}, "seed = -1"),
        ({"split": "tests"}, "did you mean 'test'"),
        ({"start": -1}, "start = -1"),
        ({"batch": 0}, "batch = 0"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_drawn(small, arguments, said):
    with pytest.raises(tb.InputError, match=said):
        tb.stream(small, **arguments)


def test_streamed_images_are_indexed_as_arrays_are(small, small_data):
    stored, drawn = small_data.load("train"), streamed(small, 24, 3)
    assert len(drawn) == 24
    for name in IMAGES:
        kept, lazy = getattr(stored, name), getattr(drawn, name)
        assert lazy.shape == kept.shape
        for rows in (slice(0, 3), slice(20, 99), slice(-2, None), np.array([5, 0, 5, 23])):
            np.testing.assert_array_equal(lazy[rows], kept[rows])
    np.testing.assert_array_equal(drawn[4:6].s2, stored.s2[4:6])


@pytest.mark.parametrize("arch", ["pix2pix-4", "vae-cond", "gan", "flow"])
def test_a_network_fits_to_a_stream_as_to_the_file_bit_for_bit(arch, small, small_data, tmp_path):
    from trendbench.generators.recipes import find_recipe
    from trendbench.training.context import RunContext

    networks = []
    for name, train in (("file", small_data.load("train")), ("stream", streamed(small, 24, 3))):
        (tmp_path / name).mkdir()
        model = find_recipe(arch, overrides={"epochs": 1}).build()
        model.fit(train, train[:0], RunContext(0, "cpu", "fp32", tmp_path / name, "x", bar=quiet))
        networks.append(model.network.state_dict())
    assert all(bool((networks[1][name] == value).all()) for name, value in networks[0].items())


@pytest.mark.parametrize("rows", [3, [0, 1], np.array([True, False]), np.array([[1]]), None])
def test_other_indices_than_slices_and_row_numbers_are_refused(small, rows):
    with pytest.raises(tb.InputError, match="a slice or an array of row numbers"):
        streamed(small, 24, 3).r[rows]
