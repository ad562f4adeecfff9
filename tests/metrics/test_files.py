"""Images from elsewhere: every format reads the same; what is not right is one clear line."""

import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from trendbench.errors import ImagesError
from trendbench.metrics.files import read_samples
from trendbench.simulation import simulate


@pytest.fixture(scope="module")
def images(small):
    return simulate(small, 12, seed=5).r


def folder_of(images, path, name="{:03d}.png", first=0):
    path.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(path / name.format(i + first))
    return path


def save(kind, images, folder):
    path = folder / kind
    if kind == "a.npy":
        np.save(path, images)
    elif kind == "a.npz":
        np.savez_compressed(path, anything=images)
    elif kind == "a.h5":
        with h5py.File(path, "w") as file:
            file["samples"] = images
    else:
        folder_of(images, path)
    return path


@pytest.mark.parametrize("kind", ["a.npy", "a.npz", "a.h5", "pngs"])
def test_every_format_reads_the_same(small, images, tmp_path, kind):
    np.testing.assert_array_equal(read_samples(save(kind, images, tmp_path), small, 12)[0], images)


@pytest.mark.parametrize("kind", ["a.npy", "a.npz", "a.h5"])
def test_two_samples_in_one_array(small, images, tmp_path, kind):
    path = save(kind, np.stack([images, images[:, ::-1]]), tmp_path)
    first, second = read_samples(path, small, 12)
    np.testing.assert_array_equal(first, images)
    np.testing.assert_array_equal(second, images[:, ::-1])
    np.save(tmp_path / "bad.npy", np.stack([images, 255 - images]))
    with pytest.raises(ImagesError, match="--invert exchanges them"):
        read_samples(tmp_path / "bad.npy", small, 12)
    np.save(tmp_path / "three.npy", np.stack([images] * 3))
    with pytest.raises(ImagesError, match="needed is"):
        read_samples(tmp_path / "three.npy", small, 12)


@pytest.mark.parametrize("kind", ["a.npy", "pngs"])
def test_one_sample_has_no_second(small, images, tmp_path, kind):
    first, second = read_samples(save(kind, images, tmp_path), small, 12)
    np.testing.assert_array_equal(first, images)
    assert second is None


def test_names_are_ordered_by_number_and_may_start_at_one(small, images, tmp_path):
    path = folder_of(images, tmp_path / "p", "sample_{}_fake.png", first=1)
    np.testing.assert_array_equal(read_samples(path, small, 12)[0], images)


def test_channels_floats_and_one_bit_images_are_understood(small, images, tmp_path, capsys):
    np.save(tmp_path / "c.npy", images[:, None])
    np.testing.assert_array_equal(read_samples(tmp_path / "c.npy", small, 12)[0], images)
    np.save(tmp_path / "f.npy", (images / 255).astype(np.float32)[..., None])
    np.testing.assert_array_equal(read_samples(tmp_path / "f.npy", small, 12)[0], images)
    assert "taken as grey with 1 for white" in capsys.readouterr().err
    path = tmp_path / "bits"
    path.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).convert("1" if i % 2 else "RGB").save(path / f"{i}.png")
    np.testing.assert_array_equal(read_samples(path, small, 12)[0], images)


def bad_array(change):
    return lambda images: change(images.astype(float) / 255)


BAD_ARRAYS = {
    "NaN": (lambda x: np.where(x < 1, np.nan, x), "not finite"),
    "infinite": (lambda x: np.where(x < 1, np.inf, x), "not finite"),
    "−1 … 1": (lambda x: 2 * x - 1, "needed is 0 … 1"),
    "0 … 255 floats": (lambda x: 255 * x, "needed is 0 … 1"),
    "too few": (lambda x: x[:5], "one for each"),
    "too many": (lambda x: np.concatenate([x, x]), "one for each"),
    "wrong frame": (lambda x: x[:, :16], "one for each"),
    "transposed": (lambda x: x.transpose(0, 2, 1), "one for each"),
    "three channels": (lambda x: np.stack([x] * 3, axis=-1), "needed is"),
    "flat": (lambda x: x.ravel(), "needed is"),
    "inverted": (lambda x: 1 - x, "--invert exchanges them"),
    "zeros and ones": (lambda x: x.astype(int), "only 0 and 1"),
    "zeros and ones in bytes": (lambda x: x.astype(np.uint8), "only 0 and 1"),
    "negative integers": (lambda x: (255 * x).astype(int) - 9, "needed is 0 … 255"),
    "booleans": (lambda x: x > 0.5, "only 0 and 1"),
    "complex": (lambda x: x.astype(complex), "type complex128"),
    "text": (lambda x: x.astype(str), "type <U"),
    "empty": (lambda x: x[:0], "one for each"),
}


@pytest.mark.parametrize("what", BAD_ARRAYS)
def test_a_wrong_array_is_refused(small, images, tmp_path, what):
    change, reason = BAD_ARRAYS[what]
    np.save(tmp_path / "a.npy", change(images.astype(float) / 255))
    with pytest.raises(ImagesError, match=reason) as caught:
        read_samples(tmp_path / "a.npy", small, 12)
    assert "\n" not in str(caught.value)


def test_pickled_objects_are_not_loaded(small, tmp_path):
    class Canary:
        def __reduce__(self):
            return (open, (str(tmp_path / "fired"), "w"))

    for name, write in (("a.npy", np.save), ("b.npz", np.savez)):
        write(tmp_path / name, np.array([Canary()], dtype=object), allow_pickle=True)
        with pytest.raises(ImagesError):
            read_samples(tmp_path / name, small, 12)
    assert not (tmp_path / "fired").exists()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: (p / "003.png").unlink(), "without a gap, from 0 or from 1: draw 3 as well"),
        (lambda p: [f.unlink() for f in p.glob("00[0-6].png")], "draw 1, 2, 3, 4, 5, … as well"),
        (lambda p: (p / "011.png").unlink(), "11 picture"),
        (lambda p: (p / "003.png").rename(p / "three.png"), "ends in the number"),
        (lambda p: (p / "003.png").rename(p / "b2.png"), "ends in the number"),
        (lambda p: (p / "003.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish"), "not a readable PNG"),
        (lambda p: (p / "003.png").write_bytes((p / "003.png").read_bytes()[:90]), "readable PNG"),
        (lambda p: Image.new("L", (64, 33)).save(p / "003.png"), "64×33 px, not 64×32"),
        (lambda p: Image.new("RGB", (64, 32), "red").save(p / "003.png"), "in colour"),
        (lambda p: Image.new("I;16", (64, 32)).save(p / "003.png"), "save all pictures alike"),
        (lambda p: Image.new("RGBA", (64, 32)).save(p / "003.png"), "mode RGBA"),
        (lambda p: Image.new("L", (64, 32)).save(p / "003.png", format="GIF"), "readable PNG"),
    ],
)
def test_a_wrong_folder_is_refused(small, images, tmp_path, spoil, reason):
    path = folder_of(images, tmp_path / "p")
    spoil(path)
    with pytest.raises(ImagesError, match=reason):
        read_samples(path, small, 12)


def test_links_out_of_the_folder_are_not_followed(small, images, tmp_path):
    path = folder_of(images, tmp_path / "p")
    (path / "003.png").rename(tmp_path / "elsewhere.png")
    (path / "003.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(ImagesError, match=r"003.png is a link, .* cp -rL "):
        read_samples(path, small, 12)


def test_missing_unknown_and_empty(small, tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, reason in (("none.npy", "no images at"), ("a.txt", "known are"), ("empty", "no PNG")):
        with pytest.raises(ImagesError, match=reason):
            read_samples(tmp_path / name, small, 12)


def test_a_pipe_or_device_is_called_that(small, tmp_path):
    os.mkfifo(tmp_path / "a.npy")
    for path in (tmp_path / "a.npy", Path("/dev/null")):
        with pytest.raises(ImagesError, match="is a pipe or device: save it to a file"):
            read_samples(path, small, 12)


def test_one_array_of_several_is_taken_out_by_the_line_named(small, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", drawn=images, labels=np.arange(12))
    with h5py.File("b.h5", "w") as file:
        file["drawn"], file["labels"] = images, np.arange(12)
    for name, words in (("a.npz", "2 arrays"), ("b.h5", "2 data sets at its root")):
        with pytest.raises(ImagesError, match=rf"{words} \(drawn, labels\)") as caught:
            read_samples(Path(name), small, 12)
        exec(re.search(r"np.save\(.*\)", str(caught.value))[0], {"np": np, "h5py": h5py})
        np.testing.assert_array_equal(read_samples(Path("images.npy"), small, 12)[0], images)
    with h5py.File("c.h5", "w") as file:
        file["group/drawn"] = images
    np.savez("d.npz")
    for name, words in (
        ("c.h5", r'0 data sets at its root: .*\["GROUP/NAME"\]'),
        ("d.npz", "no array: needed is one: np.savez"),
    ):
        with pytest.raises(ImagesError, match=words):
            read_samples(Path(name), small, 12)
