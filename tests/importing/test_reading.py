"""Every kind of file gives the same pictures; volumes are cut along a named axis, page by page."""

import h5py
import numpy as np
import pytest
from PIL import Image

from trendbench.importing import reading
from trendbench.importing.pixel_size import PixelSize, pixel_size
from trendbench.importing.reading import Volume, pages
from trendbench.storage import hdf5

RNG = np.random.default_rng(0)
STACK = np.where(RNG.random((4, 6, 8)) < 0.4, 0, 255).astype(np.uint8)  # z, y, x


def saved(path, *arrays, **options):
    first, *rest = [Image.fromarray(array) for array in arrays]
    extra = {"save_all": True, "append_images": rest} if rest else {}
    first.save(path, **extra, **options)
    return path


def values(given, volume=None):
    return [page.values for page in pages(given, volume)]


def test_every_kind_of_file_gives_the_same_pictures(tmp_path):
    folder = tmp_path / "pngs"
    folder.mkdir()
    for i, picture in enumerate(STACK):
        saved(folder / f"{i}.png", picture)
    (folder / "notes.txt").write_text("not a picture")
    np.save(tmp_path / "a.npy", STACK)
    np.savez(tmp_path / "a.npz", STACK)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["pictures"] = STACK
    given = [folder, *(tmp_path / f"a.{kind}" for kind in ("npy", "npz", "h5")), STACK]
    given += [saved(tmp_path / "a.tif", *STACK), [folder / f"{i}.png" for i in range(4)]]
    for one in given:
        np.testing.assert_array_equal(values(one), STACK)


@pytest.mark.parametrize("depth", ["u1", "u2", "i4", "f4", "?"])
def test_values_keep_the_depth_that_they_are_stored_with(tmp_path, depth):
    picture = (STACK[0] > 0).astype(depth) * np.array(1 if depth == "?" else 200, depth)
    path = saved(tmp_path / "a.tif", picture)
    stored = 255 if depth == "?" else 200  # one bit a pixel is read as 0 and 255
    np.testing.assert_array_equal(values(path)[0], np.where(STACK[0] > 0, stored, 0))
    np.save(tmp_path / "a.npy", picture)
    assert values(tmp_path / "a.npy")[0].dtype == np.dtype(depth)


def test_sixteen_bits_of_a_png_are_kept(tmp_path):
    deep = RNG.integers(0, 1 << 16, (5, 7), dtype=np.uint16)
    np.testing.assert_array_equal(values(saved(tmp_path / "a.png", deep))[0], deep)


@pytest.mark.parametrize("axis", ["z", "y", "x"])
@pytest.mark.parametrize("kind", ["tif", "npy", "h5"])
def test_a_volume_is_cut_along_the_named_axis(tmp_path, axis, kind):
    path = tmp_path / f"a.{kind}"
    if kind == "tif":
        saved(path, *STACK)
    elif kind == "npy":
        np.save(path, STACK)
    else:
        with h5py.File(path, "w") as file:
            file["pictures"] = STACK
    expected = np.moveaxis(STACK, "zyx".index(axis), 0)
    np.testing.assert_array_equal(values(path, Volume(axis)), expected)
    np.testing.assert_array_equal(values(path, Volume(axis, 3)), expected[::3])


def test_a_volume_is_one_source_and_its_distant_slices_are_several(tmp_path):
    path = saved(tmp_path / "a.tif", *STACK)
    assert len({page.source for page in pages(path, None)}) == 4
    assert len({page.source for page in pages(path, Volume("z"))}) == 1
    assert len({page.source for page in pages(path, Volume("z", 2))}) == 2


@pytest.mark.parametrize("kind", ["tif", "npy"])
def test_a_stack_is_read_slice_by_slice(tmp_path, kind, monkeypatch):
    decoded = []
    monkeypatch.setattr(reading, "must_be_small", lambda shape, name: decoded.append(name))
    path = tmp_path / f"a.{kind}"
    if kind == "tif":
        saved(path, *STACK)
    else:
        np.save(path, STACK)
    stream = pages(path, Volume("z"))
    next(stream)
    assert len(decoded) == 1
    next(stream)
    assert len(decoded) == 2


def test_a_jpeg_is_known_as_one(tmp_path):
    saved(tmp_path / "a.jpg", STACK[0])
    assert [page.lossy for page in pages(tmp_path / "a.jpg", None)] == [True]


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"x_resolution": 50.0, "resolution_unit": 3}, PixelSize(0.2, "mm")),
        ({"x_resolution": 2.0, "description": "ImageJ=1.53\nunit=micron\n"}, PixelSize(0.5, "µm")),
        ({"x_resolution": 2.0, "description": "ImageJ=1.53\nunit=pixel\n"}, None),
        ({"dpi": (72, 72)}, None),
        ({}, None),
    ],
)
def test_the_size_of_a_pixel_is_what_a_tiff_says(tmp_path, options, size):
    path = saved(tmp_path / "a.tif", STACK[0], **options)
    found = next(pages(path, None)).pixel
    if size is None:
        assert found is None
    else:
        assert (found.unit, round(found.size, 9)) == (size.unit, size.size)


def test_the_size_of_a_pixel_is_what_a_png_says(tmp_path):
    path = saved(tmp_path / "a.png", STACK[0], dpi=(2540, 2540))
    with Image.open(path) as image:
        found = pixel_size(image)
    assert found.unit == "mm"
    assert found.size == pytest.approx(0.01, rel=1e-3)


@pytest.fixture(params=["png", "tif", "npy"])
def folder(tmp_path, request):
    """The slices of one volume, a file each, in an order that only their names give."""
    place = tmp_path / "slices"
    place.mkdir()
    for i in reversed(range(len(STACK))):
        path = place / f"{i}.{request.param}"
        if request.param == "npy":
            np.save(path, STACK[i])
        else:
            saved(path, STACK[i])
    return place


@pytest.mark.parametrize("axis", ["z", "y", "x"])
def test_files_of_one_picture_in_a_folder_are_one_volume(folder, axis):
    expected = np.moveaxis(STACK, "zyx".index(axis), 0)
    files = sorted(folder.iterdir())
    for given in (folder, files):
        np.testing.assert_array_equal(values(given, Volume(axis)), expected)
        np.testing.assert_array_equal(values(given, Volume(axis, 3)), expected[::3])
    assert len({page.source for page in pages(folder, Volume(axis))}) == 1
    assert len({page.source for page in pages(folder, Volume(axis, 2))}) == len(expected[::2])
    assert len({page.source for page in pages(folder, None)}) == 4


def test_two_folders_are_two_volumes_and_stacks_in_a_folder_several(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i, picture in enumerate(STACK):
            saved(tmp_path / name / f"{i}.png", picture)
    both = [tmp_path / "a", tmp_path / "b"]
    assert len({page.source for page in pages(both, Volume("z"))}) == 2
    np.testing.assert_array_equal(values(both, Volume("z", 3)), STACK[[0, 3, 0, 3]])
    (tmp_path / "c").mkdir()
    for i in range(2):
        saved(tmp_path / "c" / f"{i}.tif", *STACK)
    assert len({page.source for page in pages(tmp_path / "c", Volume("z"))}) == 2


def test_files_between_the_slices_that_are_taken_are_not_decoded(tmp_path, monkeypatch):
    decoded = []
    grey_values = reading.grey_values
    monkeypatch.setattr(
        reading,
        "grey_values",
        lambda image, *names: decoded.append(names[0]) or grey_values(image, *names),
    )
    for i, picture in enumerate(STACK):
        saved(tmp_path / f"{i}.png", picture)
    stream = pages(tmp_path, Volume("z", 2))
    assert [next(stream).name] == decoded == [str(tmp_path / "0.png")]
    assert [next(stream).name] == decoded[1:] == [str(tmp_path / "2.png")]


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_stack_in_hdf5_is_read_a_few_slices_at_a_time(tmp_path, monkeypatch, every):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("pictures", data=STACK, chunks=(3, 6, 8), compression="gzip")
    asked = []
    read = hdf5.read
    monkeypatch.setattr(hdf5, "read", lambda data, rows: asked.append(rows) or read(data, rows))
    monkeypatch.setattr(reading, "_AT_ONCE", 2 * STACK[0].nbytes + 1)
    np.testing.assert_array_equal(values(tmp_path / "a.h5", Volume("z", every)), STACK[::every])
    assert asked == [slice(0, 2), slice(2, 4)]
