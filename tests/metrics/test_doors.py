"""One judgement of images, whichever way they come in: each door is shown the same sets."""

import re
from contextlib import nullcontext
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

import trendbench as tb
from trendbench.conformance.calls import Trial
from trendbench.conformance.findings import FaultError
from trendbench.conformance.plan import Plan
from trendbench.data.opening import open_dataset
from trendbench.errors import ImagesError, InputError
from trendbench.generators.recipes import find_recipe
from trendbench.metrics.files import read_samples
from trendbench.metrics.intake import Handling, accepted, accepted_samples, drawn_by
from trendbench.metrics.score import both_samples
from trendbench.runner import run as story
from trendbench.runner.sample import find_weights, sample
from trendbench.simulation import simulate

HERE = f"{__name__}:Returns"
HOW = Handling()


class Returns:
    """A generator that draws what a test tells it to."""

    images = np.empty(0)
    watched = False

    def fit(self, train, val, run):  # noqa: ARG002
        if Returns.watched:
            run.observe(self, 1)

    def sample(self, inputs, seed):  # noqa: ARG002
        return Returns.images[: len(inputs)]

    def save(self, folder):
        (folder / "nothing").touch()

    @classmethod
    def load(cls, folder):  # noqa: ARG003
        return cls()


def npy(images, path, data):
    np.save(path / "a.npy", images)
    return read_samples(path / "a.npy", data.spec, data.spec.test)[0]


def npz(images, path, data):
    np.savez(path / "a.npz", images)
    return read_samples(path / "a.npz", data.spec, data.spec.test)[0]


def hdf5(images, path, data):
    with h5py.File(path / "a.h5", "w") as file:
        file["r"] = images
    return read_samples(path / "a.h5", data.spec, data.spec.test)[0]


def in_folder(images, path, data, suffix):
    (path / "p").mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(path / "p" / f"{i:04d}{suffix}")
    return read_samples(path / "p", data.spec, data.spec.test)[0]


def pngs(images, path, data):
    return in_folder(images, path, data, ".PNG")


def tiffs(images, path, data):
    return in_folder(images, path, data, ".tif")


def pages(images, path, data):
    first, *others = map(Image.fromarray, images)
    first.save(path / "a.tif", save_all=True, append_images=others)
    return read_samples(path / "a.tif", data.spec, data.spec.test)[0]


def array(images, _, data):
    return both_samples(images, None, data, HOW)[0]


def first_of_two(images, _, data):
    return both_samples(np.stack([images, images]), None, data, HOW)[0]


def second(images, _, data):
    return both_samples(data.load("test").s2, images, data, HOW)[1]


def sampled(images, path, data):
    Returns.images = images
    (path / "weights").mkdir()
    return sample(find_weights(HERE, path / "weights"), data)


def conformed(images, path, data):
    Returns.images = images
    plan = Plan(HERE, data.spec.to_json(), str(path), "cpu", "examine")
    trial = Trial(plan, SimpleNamespace(armed=nullcontext), find_recipe(HERE), Returns, Returns())
    try:
        return trial.sample(trial.inputs(trial.test), 0)
    except FaultError as error:
        raise ImagesError(str(error)) from None


def run(images, path, data):
    Returns.images = images
    story.run(HERE, data=data.path, c2st=False, runs=path / "runs", results=path / "results")


def watched(images, path, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Returns, "watched", True)
        run(images, path, data)


READ = [npy, npz, hdf5, pngs, tiffs, pages, array, first_of_two, second]
DRAWN = [sampled, conformed, run, watched]


def three_labels(true):
    return np.where(np.roll(true, 1, 2) != true, 2, true // 255).astype(np.uint8)


def in_part(true):
    images = true.copy()
    images[[3, 5]] //= 255
    return images


BAD = {
    "labels": (lambda x: x // 255, "holds only 0 and 1, as class labels do"),
    "labels 1 and 2": (lambda x: x // 255 + np.uint8(1), "holds only 1 and 2, as class labels"),
    "three labels": (three_labels, "holds only 0 … 2, as class labels do"),
    "labels in part": (in_part, "image 3 and 1 more holds only 0 and 1, as class labels do"),
    "one label": (lambda x: np.ones_like(x), "holds only 1, as class labels do"),
    "inverted": (lambda x: 255 - x, "white particles on black"),
}
EXTREMES = {
    "black": lambda x: np.zeros_like(x),
    "white": lambda x: np.full_like(x, 255),
    "one grey": lambda x: np.full_like(x, 127),
    "nearly white": lambda x: np.where(x == 0, 254, 255).astype(np.uint8),
    "a grey ramp": lambda x: np.broadcast_to(np.arange(64, dtype=np.uint8) * 4, x.shape).copy(),
    "true": lambda x: x,
}


@pytest.fixture(scope="module")
def true(small_file):
    with open_dataset(small_file) as data:
        return data.load("test").r


@pytest.mark.parametrize("door", [*READ, *DRAWN], ids=lambda door: door.__name__)
@pytest.mark.parametrize("what", BAD)
def test_every_door_refuses_the_same_images_in_the_same_words(
    door, what, true, small_data, tmp_path
):
    change, words = BAD[what]
    with pytest.raises(ImagesError, match=words) as caught:
        door(change(true), tmp_path, small_data)
    assert ("--" in str(caught.value)) == (door in READ)  # a generator is mended in its code


@pytest.mark.parametrize("door", [*READ, sampled, conformed], ids=lambda door: door.__name__)
@pytest.mark.parametrize("what", EXTREMES)
def test_every_door_takes_honest_extremes_as_they_are(door, what, true, small_data, tmp_path):
    images = EXTREMES[what](true)
    np.testing.assert_array_equal(door(images, tmp_path, small_data), images)


@pytest.mark.parametrize("door", [*READ[:3], *READ[6:]], ids=lambda door: door.__name__)
@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda x: x[..., None].repeat(3, -1), "images[..., 0] is one channel"),
        (lambda x: x.transpose(0, 2, 1), "images.transpose(0, 2, 1)"),
        (lambda x: x.reshape(12, -1), "images.reshape(12, 32, 64)"),
        (lambda x: np.moveaxis(x, 0, -1), "images.transpose(2, 0, 1)"),
        (lambda x: np.moveaxis(x, 0, 1), "images.transpose(1, 0, 2)"),
        (lambda x: x.T[:, None], "images.squeeze().transpose(2, 1, 0)"),
        (lambda x: x.reshape(12, -1).T, "images.T.reshape(12, 32, 64)"),
        (lambda x: x.reshape(3, 4, 32, 64), "images.reshape(12, 32, 64)"),
        (lambda x: x[None], "images.reshape(12, 32, 64)"),
        (lambda x: x / 255 - 1, ": images + 1"),
        (lambda x: x / 127.5 - 1, "(images + 1) / 2"),
        (lambda x: x * 1.0, "images.round().astype(np.uint8)"),
        (lambda x: x / 255 * 1.2 - 0.1, "np.clip(images, 0, 1)"),
        (lambda x: np.where(x == 0, np.nan, 1.0), "np.isfinite(images)"),
        (lambda x: x.astype(int) * 16, "np.interp(images, [0, 4080], [0, 255])"),
        (lambda x: (x > 0), "--threshold 1"),
    ],
)  # fmt: skip
def test_what_has_the_wrong_form_is_mended_by_the_line_that_is_named(
    door, change, line, true, small_data, tmp_path
):
    if door is first_of_two and change(true).shape != true.shape:
        pytest.skip("two of them are no pair of samples")
    with pytest.raises(ImagesError) as caught:
        door(change(true), tmp_path, small_data)
    assert line in str(caught.value)


def test_a_shape_that_no_reshape_mends_is_offered_none(true, small_data):
    for shape in ((6, 32, 2, 64), (12, 16, 128), (32, 768), (12, 64, 8, 4)):
        with pytest.raises(ImagesError, match=r"in the file's order$"):
            array(true.reshape(shape), None, small_data)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_two_values_are_told_on_the_images_own_scale(kind, true, small_data):
    images = (true / 255 * 0.2).astype(kind)
    with pytest.raises(ImagesError, match=r"holds only 0 and 0.2.*--threshold 0.2 ") as caught:
        both_samples(images, None, small_data, HOW)
    assert "np.where(images >= 0.2, 255, 0)" in str(caught.value)
    with pytest.raises(ImagesError, match=r"--threshold 0.2$"):
        both_samples(images, None, small_data, Handling(0.7))
    np.testing.assert_array_equal(both_samples(images, None, small_data, Handling(0.2))[0], true)
    dark = images / 100 + np.linspace(0, 0.01, 64).astype(kind)  # no two values: a dark picture
    both_samples(dark, None, small_data, HOW)


def test_labels_in_part_are_told_from_dark_images(true, small_data):
    deep = in_part(true).astype(np.uint16)
    deep[deep == 255] = 65535
    with pytest.raises(ImagesError, match=r"image 3 and 1 more .* white: np.where"):
        both_samples(deep, None, small_data, HOW)
    np.testing.assert_array_equal(
        both_samples(in_part(true), None, small_data, Handling(1))[0], true
    )
    grey = in_part(true)
    grey[0, 0, 0] = 99
    black = true.copy()
    black[3] = 0
    for images in (grey, black):
        np.testing.assert_array_equal(both_samples(images, None, small_data, HOW)[0], images)


@pytest.mark.parametrize("given", ["128", True, [128], 1j])
def test_a_threshold_is_a_number(given, true, small_data):
    with pytest.raises(InputError, match=re.escape(f"threshold = {given!r}: needed is a number")):
        tb.score(true, small_data, threshold=given, c2st=False)
    with pytest.raises(InputError, match="invert = 'no': needed is True or False"):
        tb.score(true, small_data, invert="no", c2st=False)


def test_what_is_no_array_is_made_one_by_the_line_named(true, small_data):
    images = torch.from_numpy(true / 255).to(torch.bfloat16)
    with pytest.raises(
        ImagesError, match=r"a tensor images.detach\(\).cpu\(\).float\(\).numpy\(\)"
    ):
        both_samples(images, None, small_data, HOW)
    with pytest.raises(ImagesError, match=r": images.detach\(\).cpu\(\).numpy\(\) makes one"):
        drawn_by(torch.from_numpy(true), small_data.spec, 12, "it")
    with pytest.raises(ImagesError, match=r"np.stack\(images\).*32×64") as caught:
        both_samples([*true[:11], true[0, :5]], None, small_data, HOW)
    assert "tensor" not in str(caught.value)


def test_a_score_takes_what_a_file_does(true, small_data, monkeypatch, capsys):
    monkeypatch.setattr("trendbench.metrics.score.full_card", lambda images, *_, **__: images)
    for images, how in (
        (true / 255 + 1e-7, {}),
        (true // 255, {"threshold": 1}),
        (true == 0, {"threshold": 1, "invert": True}),
        (255 - true, {"invert": True}),
        ((true // 255 * 255.0 + 20) / 275, {"threshold": 0.5}),
        (true.astype(np.uint16) * 257, {}),
    ):
        np.testing.assert_array_equal(tb.score(images, small_data, **how), true)
    said = capsys.readouterr().err
    assert "the array: floats in 0 … 1, taken as grey with 1 for white" in said
    assert "the array: pixels of 1 and above are taken as white, the others as black" in said
    assert "the array: black and white are exchanged" in said
    assert "the array: 16 bits, taken as grey with 65535 for white" in said


def test_a_data_file_without_test_images_is_named_as_the_cause(small, true, tmp_path):
    np.save(tmp_path / "a.npy", true)
    with pytest.raises(ImagesError, match="the data file has 0 test triplets"):
        read_samples(tmp_path / "a.npy", small, 0)


@pytest.mark.parametrize("command", ["score", "submit"])
def test_both_commands_have_the_options_and_refuse_in_one_line(
    command, true, small_file, in_process, tmp_path
):
    np.save(tmp_path / "a.npy", true)
    (tmp_path / "a.md").write_text("How.\n")
    recipe = ["--recipe", "a.md"] if command == "submit" else []
    for options, words in (
        (["--threshold", "0.5"], "makes no black and white: --threshold 128\n"),
        (["--invert"], "leave out --invert (invert=True in Python)\n"),
        (["--threshold", "300"], "300"),
    ):
        done = in_process(
            command, "a.npy", "--data", small_file, "--name", "x", "--no-c2st", *recipe, *options,
            cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.zip"))


def test_a_black_page_is_nobodys_negative_where_particles_are_few(small):
    sparse = small.model_copy(update={"lambda_left": 1e-4, "lambda_right": 4e-3})
    for grey in (0, 3, 127):
        page = np.full((12, 32, 64), grey, dtype=np.uint8)
        np.testing.assert_array_equal(accepted(page, sparse, "it"), page)
    true = simulate(sparse, 12, seed=5).r
    with pytest.raises(ImagesError, match="255 - images exchanges them"):
        accepted(255 - true, sparse, "it")


def test_a_generator_may_draw_near_black_grey(small):
    """A network does on its way; as a file of its own it would be taken for classes."""
    images = np.random.default_rng(0).integers(0, 9, (3, small.height, small.width), np.uint8)
    np.testing.assert_array_equal(drawn_by(images, small, 3, "Mine.sample"), images)
    with pytest.raises(ImagesError, match="as class labels do"):
        accepted_samples(images, small, 3, "images", Handling())
