"""Pictures as people have them, and each row of the page's table of refusals carried out."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from trendbench.errors import ImagesError
from trendbench.metrics.files import read_samples
from trendbench.metrics.intake import Handling

PAGE = Path(__file__).parents[2] / "docs" / "elsewhere.md"
ROWS = dict(re.findall(r"^\| ([^|`]+) \| `([^`]+)` \|$", PAGE.read_text("utf-8"), re.MULTILINE))


@pytest.fixture(scope="module")
def true(small):
    from trendbench.simulation import simulate

    return simulate(small, 12, seed=5).r


def pictures(images, folder, suffix=".png", **options):
    folder.mkdir(exist_ok=True)
    for i, image in enumerate(images):
        picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
        picture.save(folder / f"{i:03d}{suffix}", **options)
    return folder


def blurred(true):
    """Grey one step inside each edge, on the side that a threshold of 128 gives back."""
    edge = true != np.roll(true, 1, axis=2)
    return np.where(edge, np.where(true == 0, 90, 170), true).astype(np.uint8)


def translucent(image):
    picture = Image.fromarray(image).convert("RGBA")
    picture.putalpha(Image.fromarray(255 - image))  # the background is not painted
    return picture


def coloured(image):
    return np.stack([image, image, np.maximum(image, 3)], axis=-1)


def linked(true, folder):
    pictures(true, folder.parent / "kept")
    folder.mkdir()
    for file in (folder.parent / "kept").iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def mixed(true, folder):
    pictures(true, folder, ".tif")
    Image.fromarray(true[0].astype(np.uint16) * 257).save(folder / "000.tif")
    Image.fromarray((true[1] / 255).astype(np.float32)).save(folder / "001.tif")
    return folder


MADE = {
    "holds only 0 and 1, as class labels do": lambda t, p: pictures(t // 255, p),
    "holds only 0 and 1 (1 is a particle; booleans too)": lambda t, p: t == 0,
    "seems to have white particles on black": lambda t, p: pictures(255 - t, p, ".tif"),
    "of the pixels are grey (antialiased disks)": lambda t, p: pictures(blurred(t), p),
    "holds JPEGs, whose edges are blurred": lambda t, p: pictures(t, p, ".jpg", quality=95),
    "holds floats from -1 to 1": lambda t, p: t / 127.5 - 1,
    "holds floats from 0 to 255": lambda t, p: t.astype(np.float32),
    "holds floats from -0.1 to 1.1 (a bicubic resize)": lambda t, p: t / 255 * 1.2 - 0.1,
    "holds integers from 0 to 4095 (12 bits)": lambda t, p: (t / 255 * 4095).astype(np.uint16),
    "holds images of shape (three channels)": lambda t, p: np.stack([t] * 3, axis=-1),
    "holds images of shape (columns before rows)": lambda t, p: t.transpose(0, 2, 1),
    "is in colour": lambda t, p: pictures([coloured(image) for image in t], p),
    "has transparent pixels": lambda t, p: pictures([translucent(image) for image in t], p),
    "save all pictures alike (8 and 16 bits, or floats)": lambda t, p: mixed(t, p),
    "is a link, and links within a folder are not followed": linked,
}


def made_anew(remedy, folder):
    """What a line saves of each file of a folder, in the working folder; the originals stay."""
    kept = {f: f.read_bytes() for f in folder.iterdir()}
    Path("new").mkdir()
    for f in kept:
        exec(remedy, {"Image": Image, "np": np, "f": f})
    assert kept == {f: f.read_bytes() for f in folder.iterdir()}
    return Path("new")


def test_the_table_has_the_rows_that_are_tried():
    assert ROWS.keys() == MADE.keys()


@pytest.mark.parametrize("says", MADE)
def test_each_row_of_the_table_is_said_and_mends_it(
    says, true, small, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    made = MADE[says](true, tmp_path / "pictures")

    def read(how=None):
        path = made
        if not isinstance(made, Path):
            path = tmp_path / "a.npy"
            np.save(path, made)
        return read_samples(path, small, 12, how or Handling())[0]

    try:
        read()
        said = capsys.readouterr().err
    except ImagesError as error:
        said = str(error)
    words, *_ = says.partition(" (")
    assert words in said
    remedy = ROWS[says]
    assert all(part in said for part in remedy.removeprefix("images = ").split(" ")[:1])
    if remedy.startswith("--"):
        threshold = re.search(r"--threshold (\S+)", remedy)
        found = read(Handling(float(threshold[1]) if threshold else None, "--invert" in remedy))
    elif remedy.startswith("cp "):
        subprocess.run(remedy.split(), cwd=tmp_path, check=True)
        made = tmp_path / "copy"
        found = read()
    elif "Image.open(f)" in remedy:
        assert remedy in said
        made = made_anew(remedy, made)
        found = read()
    else:
        names = {"np": np, "images": made}
        exec(remedy, names)
        made = names["images"]
        found = read()
    np.testing.assert_array_equal(found, true)


@pytest.mark.parametrize(
    "save",
    [
        lambda t, p: pictures([Image.fromarray(i).convert("RGBA") for i in t], p),
        lambda t, p: pictures([Image.fromarray(i).convert("1") for i in t], p, ".TIFF"),
        lambda t, p: pictures(t.astype(np.uint16) * 257, p),
        lambda t, p: pictures(t.astype(np.uint16) * 257, p, ".tif"),
        lambda t, p: pictures((t / 255).astype(np.float32), p, ".tif"),
        lambda t, p: pictures(t, p, ".tif", compression="tiff_lzw"),
        lambda t, p: pictures(t, p, ".JPG").joinpath("p.tif"),
    ],
    ids=["RGBA", "1-bit TIFF", "16-bit PNG", "16-bit TIFF", "float TIFF", "LZW", "JPEG"],
)
def test_what_loses_nothing_is_taken(save, true, small, tmp_path):
    if save(true, tmp_path / "p").suffix:  # JPEG, which a threshold alone lets in
        found = read_samples(tmp_path / "p", small, 12, Handling(128))[0]
    else:
        found = read_samples(tmp_path / "p", small, 12)[0]
    np.testing.assert_array_equal(found, true)


def test_what_systems_leave_beside_pictures_is_set_aside(true, small, tmp_path):
    path = pictures(true, tmp_path / "p", ".PNG")
    for name in ("._000.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.tif"):
        (path / name).write_bytes(b"\0\5\x16\7")
    np.testing.assert_array_equal(read_samples(path, small, 12)[0], true)


def test_pages_and_formats_are_counted(true, small, tmp_path):
    first, *others = map(Image.fromarray, true)
    path = tmp_path / "a.tif"
    for pages, words in ((others[1:], "holds 11 pages"), ([*others, first], "more than 12 pages")):
        first.save(path, save_all=True, append_images=pages)
        with pytest.raises(ImagesError, match=words):
            read_samples(path, small, 12)
    folder = pictures(true, tmp_path / "p")
    (folder / "003.png").rename(folder / "003.tif")
    with pytest.raises(ImagesError, match="holds PNG and TIFF: keep one format"):
        read_samples(folder, small, 12)
    (folder / "003.tif").unlink()
    first.save(folder / "003.tif", save_all=True, append_images=others)
    for file in folder.glob("*.png"):
        file.rename(file.with_suffix(".tif"))
    with pytest.raises(ImagesError, match="not a readable TIFF"):
        read_samples(folder, small, 12)
    pages = pictures(true, tmp_path / "q", ".tif")
    path.rename(pages / "000.tif")
    with pytest.raises(ImagesError, match=r"000.tif holds several pictures"):
        read_samples(pages, small, 12)


@pytest.mark.parametrize(
    ("change", "threshold", "better"),
    [
        (lambda t: t, 0.5, "128"),
        (lambda t: t // 255, 128, "1"),
        (lambda t: t / 255, 128, "0.5"),
        (lambda t: t // 255 + np.uint8(1), 1, "2"),
    ],
)
def test_a_threshold_on_another_scale_is_refused(change, threshold, better, true, small, tmp_path):
    np.save(tmp_path / "a.npy", change(true))
    with pytest.raises(ImagesError, match=f"--threshold {better}$"):
        read_samples(tmp_path / "a.npy", small, 12, Handling(threshold))
    np.testing.assert_array_equal(
        read_samples(tmp_path / "a.npy", small, 12, Handling(float(better)))[0], true
    )


def test_the_named_file_or_folder_may_be_a_link(true, small, tmp_path):
    np.save(tmp_path / "kept.npy", true)
    pictures(true, tmp_path / "kept")
    for name in ("kept.npy", "kept"):
        link = tmp_path / f"link{Path(name).suffix}"
        link.symlink_to(tmp_path / name)
        np.testing.assert_array_equal(read_samples(link, small, 12)[0], true)
    (tmp_path / "kept.npy").unlink()
    with pytest.raises(ImagesError, match=r"no images at .*link.npy, a link to nothing"):
        read_samples(tmp_path / "link.npy", small, 12)


@pytest.mark.parametrize(
    ("spoil", "options", "words"),
    [
        (lambda i, t: t, {"compression": "zstd"}, "is packed as zstd: save"),
        (lambda i, t: coloured(t), {}, "is in colour"),
        (lambda i, t: translucent(t), {}, "transparent"),
        (lambda i, t: np.pad(t, ((0, 3), (0, 5))), {}, "is 69×35 px, not 64×32: draw"),
        (lambda i, t: t if i else t * np.uint16(257), {}, "alike"),
        (lambda i, t: t if i else t * np.int32(1), {}, "alike"),
        (lambda i, t: t if i else t.astype(np.float32), {}, "alike"),
    ],
)
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # f is left open
def test_a_line_keeps_every_page_and_the_file(
    many, spoil, options, words, true, small, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    images = [spoil(i, image) for i, image in enumerate(true)]
    folder = pictures(images, tmp_path / "p", ".tif", **options)
    f = tmp_path / "f.tif"
    if many:
        first, *others = map(Image.open, sorted(folder.iterdir()))
        first.save(f, save_all=True, append_images=others, **options)
        content = f.read_bytes()
    with pytest.raises(ImagesError, match=words) as caught:
        read_samples(f if many else folder, small, 12)
    said = str(caught.value)
    line = re.search(r"(first, \*|im = ).*\.save\(.*?\)(?= keeps|$)", said)[0]
    if many:
        exec(line, {"Image": Image, "ImageSequence": ImageSequence, "np": np, "f": f})
        assert f.read_bytes() == content
    found = read_samples(Path("new.tif") if many else made_anew(line, folder), small, 12)[0]
    np.testing.assert_array_equal(found, true)


def test_grey_of_16_bits_and_floats_is_scaled(small, true, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = mixed(true, tmp_path / "p")
    Image.fromarray(np.full((32, 64), 32768, np.uint16)).save(folder / "000.tif")
    Image.fromarray(np.full((32, 64), 0.7, np.float32)).save(folder / "001.tif")
    remedy = ROWS["save all pictures alike (8 and 16 bits, or floats)"]
    found = read_samples(made_anew(remedy, folder), small, 12)[0]
    assert np.unique(found[0]) == [128]
    assert np.unique(found[1]) == [178]


def test_other_pictures_are_made_png_by_the_line_named(small, true, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = pictures(true, tmp_path / "p", ".bmp")
    with pytest.raises(ImagesError, match=r"but .bmp: .* for each f$") as caught:
        read_samples(folder, small, 12)
    line = re.search(r"Image.open\(f\).*\)", str(caught.value))[0]
    np.testing.assert_array_equal(read_samples(made_anew(line, folder), small, 12)[0], true)
