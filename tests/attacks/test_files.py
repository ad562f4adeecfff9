"""Hostile weights, settings, checkpoints, images and records: refused, and nothing fires."""

import numpy as np
import pytest
from PIL import Image

from tests.campaign.gallery import png_attacks, refused, text_attacks, weights_attacks
from tests.campaign.jobs import TINY
from trendbench.errors import WeightsError
from trendbench.generators.pix2pix.generator import Pix2Pix
from trendbench.storage.bounded import parse_toml, read_file

SETTINGS = {"nf": 4, "kernel": 4, "skips": True, "eta": 100.0, "learning_rate": 2e-4, "beta1": 0.5,
            "batch": 4, "epochs": 1}  # fmt: skip


def test_hostile_weights_settings_and_checkpoints(tmp_path):
    assert refused(weights_attacks(), tmp_path / "x").lost == []


def test_hostile_pngs(tmp_path):
    assert refused(png_attacks(), tmp_path / "x").lost == []


def test_hostile_words_and_numbers(tmp_path):
    assert refused(text_attacks(), tmp_path / "x").lost == []


def test_formats_other_than_png_are_not_even_tried(tmp_path, monkeypatch):
    from trendbench.metrics.files import read_samples

    images = np.full((TINY.test, TINY.height, TINY.width), 255, np.uint8)
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    tried = []
    real = Image.open
    monkeypatch.setattr(
        Image, "open", lambda *a, **k: tried.append(k.get("formats")) or real(*a, **k)
    )
    read_samples(tmp_path, TINY, TINY.test)
    assert tried
    assert all(formats == ["PNG"] for formats in tried)


def test_a_png_whose_checksum_does_not_fit_is_refused(tmp_path):
    from trendbench.errors import ImagesError
    from trendbench.metrics.files import read_samples

    for i in range(TINY.test):
        Image.new("L", (TINY.width, TINY.height), 255).save(tmp_path / f"{i}.png")
    path = tmp_path / "2.png"
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 4 + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(ImagesError, match="not a readable PNG"):
        read_samples(tmp_path, TINY, TINY.test)


def saved(folder):
    model = Pix2Pix(**SETTINGS)
    model.use(model.build(32, 32), (32, 32), "cpu", "fp32")
    folder.mkdir()
    model.save(folder)
    return folder


def test_sound_weights_pass_the_same_door(tmp_path):
    assert Pix2Pix.load(saved(tmp_path / "w")).settings.nf == 4


@pytest.mark.parametrize("name", ["generator.safetensors", "settings.json"])
def test_missing_and_cut_weights_are_named(tmp_path, name):
    path = saved(tmp_path / "w") / name
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(WeightsError, match=name):
        Pix2Pix.load(tmp_path / "w")
    path.unlink()
    with pytest.raises(WeightsError, match=name):
        Pix2Pix.load(tmp_path / "w")


def test_plain_files_of_a_known_size_alone_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_file(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="larger"):
        read_file(tmp_path / "a", 4)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="a link, and links are not followed here: cp -L "):
        read_file(tmp_path / "link", 5)
    assert read_file(tmp_path / "link", 5, typed=True) == b"12345"
    (tmp_path / "device").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="not a plain file"):
        read_file(tmp_path / "device", 5, typed=True)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none", 5)


@pytest.mark.parametrize(
    "text",
    [".".join("a" * 50_000) + "=1", "a=" + "[" * 10**5, "a=" + "{b=" * 10**5, "#" * (2 << 20)],
)
def test_deep_and_giant_toml_is_refused(text):
    with pytest.raises(ValueError, match="deep"):
        parse_toml(text)
