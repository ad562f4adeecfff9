"""No command writes over what it reads, and a data file has a data file's name."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_commands import trendbench
from trendbench.catalog import spec_path
from trendbench.data.make import make_data
from trendbench.errors import DataFileError


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(small_file, tmp_path):
    (tmp_path / "d.h5").write_bytes(small_file.read_bytes())
    (tmp_path / "s.toml").write_text(spec_path("small").read_text())
    (tmp_path / "a.png").write_bytes(b"")
    Image.fromarray(np.full((64, 64), 255, dtype=np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "pictures").mkdir()
    for i in range(12):
        Image.fromarray(np.zeros((64, 64), dtype=np.uint8)).save(tmp_path / "pictures" / f"{i}.png")
    (tmp_path / "link.h5").symlink_to(tmp_path / "d.h5")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        (["card", "d.h5", "--out", "d.h5"], "d.h5"),
        (["card", "d.h5", "--out", "./pictures/../d.h5"], "d.h5"),
        (["card", "d.h5", "--out", "link.h5"], "d.h5"),
        (["card", "s.toml", "--out", "s.toml"], "s.toml"),
        (["fit", "a.png", "--out", "a.png"], "a.png"),
        (["fit", "pictures", "--out", "pictures/0.png"], "pictures/0.png"),
        (["score", "pictures", "--data", "d.h5", "--name", "x", "--figures", "pictures"],
         "pictures/0.png"),
        (["score", "a.png", "--data", "d.h5", "--name", "x", "--second", "pictures", "--figures",
          "pictures"], "pictures/0.png"),
        (["import", "d.h5", "--out", "link.h5", "--overwrite"], "d.h5"),
    ],
)  # fmt: skip
def test_what_is_read_is_not_written_over(folder, command, kept):
    before = digest(folder / kept), sorted((folder / "pictures").iterdir())
    done = trendbench(*command, cwd=folder)
    assert done.returncode == 2
    assert "would be written over" in done.stderr
    assert "choose another --" in done.stderr
    assert (digest(folder / kept), sorted((folder / "pictures").iterdir())) == before


def test_a_task_is_no_folder_of_its_name(folder):
    (folder / "small").mkdir()
    for target in ("small/README.md", "new.md", "new.md"):
        done = trendbench("card", "small", "--out", target, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert (folder / target).read_text().startswith('---\npretty_name: "small"')


def test_a_preview_does_not_take_the_place_of_a_data_file_named_png(folder):
    (folder / "d.png").write_bytes((folder / "d.h5").read_bytes())
    done = trendbench("preview", "d.png", cwd=folder)
    assert done.returncode == 2
    assert digest(folder / "d.png") == digest(folder / "d.h5")


@pytest.mark.parametrize("name", ["foo.png", "foo", "foo.h5.txt"])
def test_a_data_file_is_named_as_one(folder, small, name):
    for command in (
        ["make-data", "--spec", "small", "--n", "20", "--out", name],
        ["import", "pictures", "--out", name],
    ):
        done = trendbench(*command, cwd=folder)
        assert done.returncode == 2
        assert f"{name}: the name of a data file ends in .h5" in done.stderr
    with pytest.raises(DataFileError, match=r"ends in \.h5"):
        make_data(small, 0, folder / name)
    assert not (folder / name).exists()
