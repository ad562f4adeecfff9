"""Sound inputs of every parser, for a fuzzer to begin with."""

import io
import json
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.campaign.jobs import TINY
from trendbench import catalog
from trendbench.rendering.triplets import simulate

_FEW = TINY.model_copy(update={"train": 1, "val": 0, "test": 2})


def small_data_file(path: Path) -> Path:
    """A data file of the tiny task whose columns are no longer than they must be."""
    from trendbench.data import writer
    from trendbench.data.make import make_data

    before = dict(writer._ROW_OPTIONS)
    writer._ROW_OPTIONS["chunks"] = (64,)
    try:
        make_data(_FEW, 5, path, workers=1)
    finally:
        writer._ROW_OPTIONS.update(before)
    return path


def seeds(folder: Path) -> dict[str, bytes]:
    """One sound input for each target."""
    images = simulate(TINY, TINY.test, 1).r
    npy, npz, png, tif = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(npy, images)
    np.savez_compressed(npz, images=images)
    Image.fromarray(images[0]).save(png, "PNG")
    first, *pages = map(Image.fromarray, images)
    first.save(tif, "TIFF", save_all=True, append_images=pages, compression="tiff_lzw")
    with h5py.File(folder / "images.h5", "w") as file:
        file.create_dataset("r", data=images, chunks=(2, 32, 32), compression="gzip", shuffle=True)
    return {
        "data file": small_data_file(folder / "seed.h5").read_bytes(),
        "images .h5": (folder / "images.h5").read_bytes(),
        "images .npy": npy.getvalue(),
        "images .npz": npz.getvalue(),
        "image .png": png.getvalue(),
        "images .tif": tif.getvalue(),
        "weights": _weights(),
        "settings": json.dumps(_SETTINGS).encode(),
        "checkpoint": _checkpoint(),
        "record": min(catalog.RESULTS.glob("trend-v1/nf8/seed*.json")).read_bytes(),
        "entry": _entry(images),
        "leaderboard": b"".join(
            (catalog.RESULTS / "leaderboard.csv").read_bytes().splitlines(keepends=True)[:4]
        ),
        "loss log": b"images_seen,d,g_adv\n10,0.5,0.25\n20,0.5,0.25\n",
        "run state": b'{"fitted": true}{"arch": "a", "recipe": {}, "data": "d", "seed": 0, '
        b'"device": "cpu", "precision": "fp32"}',
        "spec": (catalog.DATASETS / "trend-v1.toml").read_bytes(),
        "recipe": (catalog.BASELINES / "pix2pix" / "family.toml").read_bytes(),
    }


_SETTINGS = {"frame": [32, 32], "device": "cpu", "precision": "fp32", "settings": {"nf": 4}}


def _weights() -> bytes:
    import torch
    from safetensors.torch import save

    return save({"a": torch.ones(2, 3), "b": torch.zeros(4)})


def _checkpoint() -> bytes:
    import torch

    buffer = io.BytesIO()
    stored = {"version": 1, "identity": "x", "images_seen": 1, "seconds": 1.0, "state": {}}
    torch.save(stored, buffer)
    return buffer.getvalue()


def _entry(images: NDArray[np.uint8]) -> bytes:
    """An entry of the form that ``submit`` packs: one sample in bits, one in grey."""
    from trendbench.submissions.entry import Entry, pack

    entry = Entry(name="mine", task=TINY.name, data="0" * 64)
    return pack(entry, ("recipe.md", "# How\n\nTrained.\n"), images, images // 2)
