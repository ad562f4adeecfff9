"""Triplets as tensors: the file's own images, in every process that asks for them."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from trendbench import TripletDataset
from trendbench.data.opening import open_dataset
from trendbench.errors import DataFileError, InputError


@pytest.fixture(scope="module")
def stored(small_file):
    with open_dataset(small_file) as dataset:
        return dataset.load("train")


@pytest.mark.parametrize("name", ["s1", "s2", "r"])
def test_items_are_the_images_of_the_file(small_file, stored, name):
    data, grey = TripletDataset(small_file), TripletDataset(small_file, values="grey")
    assert len(data) == 24
    image = torch.from_numpy(getattr(stored, name)[5])
    assert torch.equal(grey[5][name][0], image)
    assert grey[5][name].dtype == torch.uint8
    assert torch.equal(data[5][name][0], (image == 0).float())
    assert torch.equal(data[-19][name], data[5][name])


def test_each_split_is_itself(small_file):
    assert [len(TripletDataset(small_file, split)) for split in ("train", "val", "test")] == [
        24, 6, 12,
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # where there is one core
@pytest.mark.parametrize(("workers", "start"), [(0, None), (2, "fork")])
def test_batches_are_the_same_for_any_number_of_workers(small_file, stored, workers, start):
    data = TripletDataset(small_file, values="grey")
    _ = data[0]  # the parent has the file open when it forks
    loader = DataLoader(data, batch_size=5, num_workers=workers, multiprocessing_context=start)
    batches = [batch["r"] for batch in loader]
    assert batches[0].shape == (5, 1, 32, 64)
    np.testing.assert_array_equal(torch.cat(batches)[:, 0].numpy(), stored.r)
    assert torch.equal(data[0]["r"][0], torch.from_numpy(stored.r[0]))  # the parent's still works


def test_a_worker_never_reads_through_the_parents_handle(small_file, monkeypatch):
    data = TripletDataset(small_file)
    _ = data[0]
    inherited = data._open
    monkeypatch.setattr("os.getpid", lambda: -7)
    _ = data[0]
    assert data._open is not inherited
    assert not inherited._file.id.valid


def test_it_pickles_without_its_open_file(small_file):
    data = TripletDataset(small_file, "val")
    before = data[3]["r"]
    again = pickle.loads(pickle.dumps(data))
    assert again._open is None
    assert torch.equal(again[3]["r"], before)


def test_what_is_not_there_is_said(small_file, tmp_path):
    data = TripletDataset(small_file, "val")
    with pytest.raises(IndexError, match="6 of 6"):
        _ = data[6]
    with pytest.raises(InputError, match="train, val, test"):
        TripletDataset(small_file, "dev")
    with pytest.raises(InputError, match="darkness, grey"):
        TripletDataset(small_file, values="white")
    with pytest.raises(DataFileError, match="no data file"):
        TripletDataset(tmp_path / "no.h5")
