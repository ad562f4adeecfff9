"""Shards: the same data in any number of files, each made alone, none of them trusted blindly."""

import json
import os
import shutil

import numpy as np
import pytest

from trendbench.data import blocks
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.data.parts import Part
from trendbench.data.shards import make
from trendbench.data.shards.make import make_shards
from trendbench.data.shards.manifest import MANIFEST, parts, shard_path
from trendbench.data.shards.merge import merge_shards
from trendbench.data.torch_data import TripletDataset
from trendbench.data.verify import verify
from trendbench.errors import DataFileError
from trendbench.process.seeds import SPLITS

SEED = 3


@pytest.fixture(scope="module")
def five(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards") / "data.shards"
    make_shards(small, SEED, folder, 5)
    return folder


@pytest.fixture
def folder(five, tmp_path):
    """A copy of one's own."""
    return shutil.copytree(five, tmp_path / "data.shards")


def test_parts_share_out_every_triplet_once(small):
    for count in (2, 3, 7, 42):
        for split in SPLITS:
            held = [i for part in parts(count) for i in part.rows(small)[split]]
            assert held == list(range(small.sizes[split]))
        sizes = [part.size(small) for part in parts(count)]
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("count", [2, 7])
def test_merged_they_are_the_file_byte_for_byte(small, tmp_path, monkeypatch, count):
    """With blocks of five triplets, which end elsewhere than shards do."""
    monkeypatch.setattr(blocks, "_BLOCK_BYTES", 5 * 3 * small.width * small.height)
    make_data(small, SEED, tmp_path / "whole.h5")
    make_shards(small, SEED, tmp_path / "shards", count)
    merge_shards(tmp_path / "shards", tmp_path / "merged.h5")
    assert (tmp_path / "merged.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_they_open_as_one_data_set(folder, small_file):
    """Every column, hash and the SHA-256 of the whole, as the one file has them."""
    with open_dataset(folder) as shards, open_dataset(small_file) as file:
        assert (shards.spec, shards.seed, shards.sha256) == (file.spec, file.seed, file.sha256)
        for split in SPLITS:
            a, b = shards.load(split), file.load(split)
            for name in ("s1", "s2", "r"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
            for name in ("offsets", "x", "y", "mark", "member"):
                np.testing.assert_array_equal(getattr(a.germs, name), getattr(b.germs, name))
            np.testing.assert_array_equal(shards.intensities(split), file.intensities(split))
        np.testing.assert_array_equal(shards.glance("train", 7, 9).r, file.glance("train", 7, 9).r)
        assert all(finding.passed for finding in verify(shards))


def test_a_loader_reads_them(folder, small_file):
    a, b = TripletDataset(folder, "test"), TripletDataset(small_file, "test")
    assert len(a) == len(b)
    assert all((a[i]["r"] == b[i]["r"]).all() for i in range(len(a)))


def test_a_second_call_writes_nothing(folder, small):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert not make_shards(small, SEED, folder, 5)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_deleted_shard_is_made_alone_and_is_the_same(folder, small):
    gone = shard_path(folder, Part(3, 5))
    content = gone.read_bytes()
    gone.unlink()
    with pytest.raises(DataFileError, match=r"shard-00003-of-00005\.h5 is missing"):
        open_dataset(folder)
    before = {path: path.stat().st_ino for path in folder.iterdir()}
    assert make_shards(small, SEED, folder, 5)
    assert gone.read_bytes() == content
    assert all(path.stat().st_ino == inode for path, inode in before.items())


def test_an_interruption_costs_the_shard_at_hand(small, tmp_path, monkeypatch):
    made, real = [], make.make_shard

    def two_only(task):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(task.part.index)
        return real(task)

    folder = tmp_path / "shards"
    monkeypatch.setattr(make, "make_shard", two_only)
    with pytest.raises(KeyboardInterrupt):
        make_shards(small, SEED, folder, 5)
    with pytest.raises(DataFileError, match="holds no whole data set"):
        open_dataset(folder)
    kept = {path: path.stat().st_ino for path in folder.glob("*.h5")}
    assert len(kept) == 2
    monkeypatch.setattr(make, "make_shard", real)
    make_shards(small, SEED, folder, 5)
    assert all(path.stat().st_ino == inode for path, inode in kept.items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shards"]


def test_other_data_are_refused_and_overwritten_on_demand(folder, small):
    for seed, count in ((SEED + 1, 5), (SEED, 4)):
        with pytest.raises(DataFileError, match="holds other data"):
            make_shards(small, seed, folder, count)
    assert make_shards(small, SEED, folder, 4, overwrite=True)
    assert len(list(folder.glob("*.h5"))) == 4


@pytest.mark.parametrize("count", [1, 43])
def test_more_shards_than_triplets_are_refused(small, tmp_path, count):
    with pytest.raises(DataFileError, match="from 2 to 42"):
        make_shards(small, SEED, tmp_path / "shards", count)


def test_links_are_not_followed(folder, tmp_path):
    shard = shard_path(folder, Part(1, 5))
    shard.rename(tmp_path / "elsewhere.h5")
    os.symlink(tmp_path / "elsewhere.h5", shard)
    with pytest.raises(DataFileError, match="is a link"):
        open_dataset(folder)


def test_a_shard_of_other_data_is_noticed(folder, small, tmp_path):
    make_shards(small, SEED + 1, tmp_path / "other", 5)
    shutil.copy(shard_path(tmp_path / "other", Part(2, 5)), shard_path(folder, Part(2, 5)))
    with open_dataset(folder) as shards, pytest.raises(DataFileError, match="not the one of"):
        shards.load("train")


def test_exchanged_shards_are_noticed(folder):
    a, b = (shard_path(folder, Part(i, 5)) for i in (1, 2))
    spare = a.with_suffix(".spare")
    a.rename(spare)
    b.rename(a)
    spare.rename(b)
    with open_dataset(folder) as shards, pytest.raises(DataFileError, match="not '1/5'"):
        shards.load("train")


def test_one_shard_is_no_data_set(folder):
    with pytest.raises(DataFileError, match="one shard of a data set"):
        open_dataset(shard_path(folder, Part(1, 5)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "trendbench/1"),
        ("shards", ["../../etc/passwd"]),
        ("shards", ["0" * 64]),
        ("hashes", {}),
        ("seed", -1),
        ("spec", "{}"),
        ("extra", 1),
    ],
)
def test_a_wrong_manifest_is_refused_in_one_line(folder, key, value):
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(content | {key: value}))
    with pytest.raises(DataFileError) as error:
        open_dataset(folder)
    assert "\n" not in str(error.value)


def test_a_wrong_hash_in_the_manifest_is_noticed(folder):
    content = json.loads((folder / MANIFEST).read_text())
    content["hashes"]["train/r"] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(content))
    with open_dataset(folder) as shards, pytest.raises(DataFileError, match="SHA-256"):
        shards.load("train")
