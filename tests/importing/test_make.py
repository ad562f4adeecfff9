"""A data file of pictures: what it holds, what is kept apart, what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import trendbench as tb
from trendbench.data.verify import verify
from trendbench.errors import ImagesError, InputError, SpecError
from trendbench.importing import gathered
from trendbench.importing.frame import Cut
from trendbench.importing.make import Importing, make_file
from trendbench.importing.names import task_name
from trendbench.importing.reading import Volume
from trendbench.process.seeds import SPLITS
from trendbench.spec import TaskSpec

TASK = TaskSpec(
    name="known", width=64, height=48, radius=3.0, lambda_left=1e-3, lambda_right=1.2e-2,
    window=8, train=1, val=1, test=1,
)  # fmt: skip
TRUE = tb.simulate(TASK, 24, 0)
BLOBS = np.random.default_rng(0)


@pytest.fixture
def made(tmp_path):
    def make(trend, how=None, **series):
        make_file(trend, tmp_path / "a.h5", "mine", how=how, **series)
        return tmp_path / "a.h5"

    return make


def test_triplets_stay_together_and_nothing_is_lost(made):
    with tb.open_dataset(made(TRUE.r, left=TRUE.s1, right=TRUE.s2)) as data:
        assert data.spec.sizes == {"train": 15, "val": 2, "test": 7}
        whole = {r.tobytes(): i for i, r in enumerate(TRUE.r)}
        found = []
        for split in SPLITS:
            triplets = data.load(split)
            for s1, s2, r in zip(triplets.s1, triplets.s2, triplets.r, strict=True):
                found.append(whole[r.tobytes()])
                np.testing.assert_array_equal(s1, TRUE.s1[found[-1]])
                np.testing.assert_array_equal(s2, TRUE.s2[found[-1]])
        assert sorted(found) == list(range(24))
        assert all(check.passed for check in verify(data))
        assert data.spec.length == pytest.approx(3, abs=0.4)  # R


def test_the_file_depends_on_the_pictures_and_the_seed_alone(made):
    first = made(TRUE.r).read_bytes()
    assert made(TRUE.r, overwrite=True).read_bytes() == first
    assert made(TRUE.r, Importing(seed=1), overwrite=True).read_bytes() != first


def test_the_public_function_makes_the_same_file(made, tmp_path):
    first = made(TRUE.r, Importing(cut=Cut(tile=(64, 24)), window=4, seed=3)).read_bytes()
    options = {"tile": (64, 24), "window": 4, "seed": 3, "name": "mine"}
    spec = tb.import_pictures(TRUE.r, tmp_path / "b.h5", **options)
    assert (tmp_path / "b.h5").read_bytes() == first
    with tb.open_dataset(tmp_path / "b.h5") as data:
        assert data.spec.sizes == spec.sizes


def test_tiles_of_one_picture_lie_in_one_split(made):
    rng = np.random.default_rng(0)
    large = np.where(rng.random((8, 40, 60)) < 0.3, 0, 255).astype(np.uint8)
    large[:, ::10, 0] = np.arange(8)[:, None] > 3  # nothing else tells the pictures apart
    with tb.open_dataset(made(np.where(large > 0, 255, 0), Importing(cut=Cut(tile=(60, 10))))) as d:
        sources = {s: set(d.latents(s).source.tolist()) for s in SPLITS}
        assert sum(map(len, sources.values())) == 8
        assert len(set().union(*sources.values())) == 8
        assert sum(d.spec.sizes.values()) == 32
        assert all(check.passed for check in verify(d))


def test_equal_pictures_are_one_source(made):
    twice = np.concatenate([TRUE.r[:6], TRUE.r[:6]])
    with tb.open_dataset(made(twice)) as data:
        sources = [set(data.latents(s).source.tolist()) for s in SPLITS]
        assert sum(map(len, sources)) == len(set().union(*sources)) == 6


def test_pictures_that_share_a_tile_are_one_source(made):
    """Pictures of two tiles. 0 and 1 share a tile, 1 and 2 another: a chain of three."""
    tiles = [[0, 1], [1, 2], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    pictures = np.concatenate(
        [TRUE.r[[top for top, _ in tiles]], TRUE.r[[low for _, low in tiles]]], axis=1
    )
    with tb.open_dataset(made(pictures, Importing(cut=Cut(tile=(64, 48))))) as data:
        sources = [set(data.latents(s).source.tolist()) for s in SPLITS]
        assert sum(map(len, sources)) == len(set().union(*sources)) == 5
        assert all(check.passed for check in verify(data))


def test_triplets_that_share_an_input_are_one_source_unless_it_is_of_one_colour(made):
    left, right = TRUE.s1.copy(), TRUE.s2.copy()
    left[:12] = 255
    right[5] = right[3]
    with tb.open_dataset(made(TRUE.r, left=left, right=right)) as data:
        assert len({n for s in SPLITS for n in data.latents(s).source.tolist()}) == 23
        assert all(check.passed for check in verify(data))


def test_an_image_in_two_splits_is_found(made, monkeypatch):
    monkeypatch.setattr(gathered, "_numbered", lambda sources, *_: np.arange(len(sources)))
    with tb.open_dataset(made(np.concatenate([TRUE.r, TRUE.r]))) as data:
        failed = [check.name for check in verify(data) if not check.passed]
        assert failed == ["no image in two splits"]


def test_pictures_alone_have_white_inputs(made):
    with tb.open_dataset(made(TRUE.r)) as data:
        assert not data.spec.has_inputs
        assert (data.load("train").s1 == 255).all()


def test_a_volume_is_one_source_until_its_slices_are_far_apart(made):
    volume = np.concatenate([TRUE.r] * 4)
    with pytest.raises(ImagesError, match="1 source picture"):
        made(volume, Importing(volume=Volume("z")))
    with pytest.raises(ImagesError, match=r"depend on one another.*--every 1[0-9]"):
        made(volume, Importing(volume=Volume("z", 5)))
    with tb.open_dataset(made(TRUE.r, Importing(volume=Volume("z", 2), length=0.5))) as data:
        assert sum(data.spec.sizes.values()) == 12


def test_masks_and_inverted_grey_give_the_same_file(made):
    first = made(TRUE.r).read_bytes()
    mask = TRUE.r == 0
    assert made(mask, Importing(invert=True), overwrite=True).read_bytes() == first
    grey = np.where(mask, 180, 40).astype(np.uint8)
    how = Importing(threshold="otsu", invert=True)
    assert made(grey, how, overwrite=True).read_bytes() == first
    deep = np.where(mask, 100, 40000).astype(np.uint16)
    assert made(deep, Importing(threshold=20000.0), overwrite=True).read_bytes() == first
    turned = TRUE.r.transpose(0, 2, 1)
    how = Importing(cut=Cut(along="y"))
    assert made(turned, how, overwrite=True).read_bytes() == first


def test_the_size_of_a_pixel_is_shown(made, tmp_path):
    pictures = [Image.fromarray(r) for r in TRUE.r]
    for i, picture in enumerate(pictures):
        picture.save(tmp_path / f"{i:02}.tif", x_resolution=2000.0, resolution_unit=3)
    with tb.open_dataset(made(tmp_path)) as data:
        assert dict(data.spec.facts())["pixel"] == "0.005 mm; frame 0.32×0.24 mm"


def colour(folder):
    rgb = np.repeat(TRUE.r[0][..., None], 3, axis=2)
    rgb[0, 0] = (255, 0, 0)
    Image.fromarray(rgb).save(folder / "a.png")
    return folder


def labels(folder):
    del folder
    return BLOBS.integers(0, 3, (8, 20, 20)).astype(np.uint8)


def constant(folder):
    del folder
    return np.full((8, 20, 20), 255, dtype=np.uint8)


def mixed(folder):
    Image.fromarray(TRUE.r[0]).save(folder / "a.png")
    Image.fromarray(TRUE.r[1][:30]).save(folder / "b.png")
    return folder


def truncated(folder):
    first, *rest = [Image.fromarray(r) for r in TRUE.r]
    first.save(folder / "a.tif", save_all=True, append_images=rest, compression="tiff_deflate")
    content = (folder / "a.tif").read_bytes()
    (folder / "a.tif").write_bytes(content[: len(content) // 2])
    return folder / "a.tif"


def bomb(folder):
    picture = Image.new("1", (30000, 30000))
    picture.save(folder / "a.png")
    return folder / "a.png"


def missing(folder):
    return folder / "nowhere"


def one(folder):
    del folder
    return TRUE.r[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (colour, r'in colour: needed is grey: for each f.*im.convert\("L"\)'),
        (labels, "values 0, 1, 2, more than two phases: --threshold 1 "),
        (constant, "every pixel is 255"),
        (mixed, r"64×48 px: needed is one size: --crop 64x30\+0\+0"),
        (truncated, "is not a readable TIFF"),
        (bomb, "pixels that one picture may have: cut it into several files"),
        (missing, "nowhere does not exist: known are"),
        (one, "1 source picture"),
    ],
)
def test_what_is_refused_says_the_way_out(made, tmp_path, given, message):
    folder = tmp_path / "given"
    folder.mkdir()
    with pytest.raises(InputError, match=message) as error:
        made(given(folder))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "a.h5").exists()


def test_series_of_different_lengths_are_refused(made):
    with pytest.raises(ImagesError, match=r"--left 23, --right 24, the trend 24"):
        made(TRUE.r, left=TRUE.s1[1:], right=TRUE.s2)
    with pytest.raises(ImagesError, match="go together"):
        made(TRUE.r, left=TRUE.s1)


def test_a_file_that_stands_there_is_kept(made):
    made(TRUE.r)
    with pytest.raises(InputError, match="--overwrite"):
        made(TRUE.r)


def test_the_task_of_pictures_cannot_be_simulated(made, tmp_path):
    with tb.open_dataset(made(TRUE.r)) as data:
        with pytest.raises(SpecError, match="trendbench import"):
            tb.make_data(data.spec, 0, tmp_path / "b.h5")
        with pytest.raises(SpecError, match="trendbench import"):
            next(tb.stream(data.spec))
    assert not (tmp_path / "b.h5").exists()


@pytest.mark.parametrize(
    ("file", "name"), [("Core A.h5", "core-a"), ("x_1.h5", "x_1"), ("…", "pictures")]
)
def test_a_task_is_named_after_its_file(file, name):
    assert task_name(Path(file)) == name
