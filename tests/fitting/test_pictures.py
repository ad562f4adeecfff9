"""Pictures that are read for a fit, and each kind that is refused, with the way out."""

import zlib

import h5py
import numpy as np
import pytest
from PIL import Image

import trendbench as tb
from trendbench.families.disks import Disks
from trendbench.fitting.estimates import drawn
from trendbench.fitting.pictures import read_pictures
from trendbench.metrics.intake import Handling

PLAIN = Handling()
DISKS = Disks(
    width=48, height=40, radius=3.0, lambda_left=4e-3, lambda_right=4e-3, coupling="independent"
)
PICTURES = drawn(DISKS, 3, np.random.default_rng(0))


def test_every_kind_of_file_gives_the_same_pictures(tmp_path):
    folder = tmp_path / "pngs"
    folder.mkdir()
    for i, picture in enumerate(PICTURES):
        saved(folder, f"{i}.png", picture)
    (folder / "notes.txt").write_text("not a picture")
    saved(tmp_path, "a.tif", *PICTURES)
    np.save(tmp_path / "a.npy", PICTURES)
    np.savez(tmp_path / "a.npz", PICTURES)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["pictures"] = PICTURES
    given = [folder, *(tmp_path / f"a.{kind}" for kind in ("tif", "npy", "npz", "h5"))]
    given += [str(folder), sorted(folder.glob("*.png")), PICTURES, PICTURES / 255.0]
    for one in given:
        np.testing.assert_array_equal(read_pictures(one, PLAIN), PICTURES)
    np.testing.assert_array_equal(read_pictures(folder / "1.png", PLAIN), PICTURES[1:2])
    np.testing.assert_array_equal(read_pictures(PICTURES[0], PLAIN), PICTURES[:1])
    mask = read_pictures(PICTURES == 0, Handling(threshold=1, invert=True))
    np.testing.assert_array_equal(mask, PICTURES)


def saved(folder, name, *arrays, **options):
    first, *rest = [Image.fromarray(array) for array in arrays]
    extra = {"save_all": True, "append_images": rest, "compression": "tiff_deflate"} if rest else {}
    first.save(folder / name, **extra, **options)
    return folder / name


def mixed(folder):
    saved(folder, "a.png", PICTURES[0])
    saved(folder, "b.png", PICTURES[0][:30])
    return folder


def truncated(folder):
    path = saved(folder, "a.tif", *PICTURES)
    path.write_bytes(path.read_bytes()[:-2500])
    return path


def rising(folder):
    """Black only right of the middle: no line that is 0 or more everywhere rises like this."""
    del folder
    process = Disks(
        width=200, height=120, radius=3.0, lambda_left=1e-2, lambda_right=1e-2,
        coupling="independent",
    )  # fmt: skip
    pictures = drawn(process, 10, np.random.default_rng(1))
    pictures[:, :, :120] = 255
    return pictures


def bomb(folder):
    path = saved(folder, "a.png", np.zeros((1, 1), np.uint8))
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: np.full((2, 40, 40), 255, np.uint8), "one colour shows no disks"),
        (lambda folder: np.zeros((40, 40), np.uint8), "one colour shows no disks"),
        (lambda folder: PICTURES // 100, "holds only 0 and 2, as class labels do"),
        (lambda folder: PICTURES // 2 + 60, "grey, and a fit takes black and white: --threshold"),
        (lambda folder: saved(folder, "a.jpg", PICTURES[0]), "is a JPEG, whose edges are blurred"),
        (
            lambda folder: saved(
                folder, "a.png", np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
            ),
            "is in colour: needed is grey",
        ),
        (lambda folder: np.zeros((40, 40, 3), np.uint8), "a picture in colour: needed is grey"),
        (mixed, "b.png is 48×30 px and"),
        (truncated, "is not a readable TIFF"),
        (rising, "falls more steeply towards the left border than a line of λ ≥ 0 can"),
        (lambda folder: PICTURES[:, :12, :12], "needed is room for 3 disks side by side"),
        (lambda folder: folder, "holds no pictures: known are .png"),
        (lambda folder: folder / "no.png", "does not exist"),
        (lambda folder: [], "needed is an array (n, H, W), a path, or a list of paths"),
        (lambda folder: np.zeros((2, 2, 40, 40), np.uint8), "needed is (H, W) or (n, H, W)"),
        (bomb, "exceeds limit"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_in_one_line(make, said, tmp_path):
    with pytest.raises(tb.InputError) as caught:
        tb.fit(make(tmp_path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrong_arguments_are_refused():
    for wrong, said in (
        ({"along": "z"}, "along = 'z'"),
        ({"sets": 10}, "sets = 10: needed is a whole number of at least 100"),
        ({"seed": -1}, "seed = -1"),
        ({"threshold": "x"}, "threshold = 'x'"),
    ):
        with pytest.raises(tb.InputError) as caught:
            tb.fit(PICTURES, **wrong)
        assert said in str(caught.value)
