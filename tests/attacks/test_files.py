"""Hostile samples, pictures, weights, settings, records and texts: refused, and nothing fires."""

import hashlib
import json
import os
import pickle
import struct
import zipfile
import zlib
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from tests.attacks.refusal import Attack, Canary, let_in, zeros
from tests.faults.jobs import TINY
from trendbench import catalog
from trendbench.errors import ImagesError, WeightsError
from trendbench.generators import recipes
from trendbench.generators.pix2pix.generator import Pix2Pix
from trendbench.generators.protocol import Inputs
from trendbench.generators.recipes import find_recipe, load_class
from trendbench.generators.weights import read_tensors
from trendbench.metrics.files import read_samples
from trendbench.results.store import read_record
from trendbench.spec import load_spec
from trendbench.storage.bounded import parse_toml, read_file

N, H, W = TINY.test, TINY.height, TINY.width
SETTINGS = {"nf": 4, "kernel": 4, "skips": True, "eta": 100.0, "learning_rate": 2e-4, "beta1": 0.5,
            "batch": 4, "epochs": 1}  # fmt: skip


def attack(name, file, write, read):
    """``write(path)`` leaves a hostile file under a name."""

    def make(folder):
        write(folder / file)
        return folder / file

    return Attack(name, make, read)


def text(content):
    return lambda path: path.write_text(content)


def sparse(path):
    with path.open("wb") as file:
        file.truncate(1 << 30)


def array(shape, size):
    """An array of bytes whose header states one shape, followed by so many bytes of nothing."""

    def write(path):
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )
            file.truncate(file.tell() + size)

    return write


def calling_header(path):
    said = b"{'descr': __import__('os').system('touch fired')}\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(said)) + said + bytes(N * H * W))


def archive_bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        array((1 << 28,), 1 << 28)(path.with_suffix(".raw"))
        archive.write(path.with_suffix(".raw"), "a.npy")


def many_arrays(path):
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(5_000):
            archive.writestr(f"{i}.npy", b"")


def tiff(data, size=(W, H), **tags):
    """A page of 8-bit grey in one strip, deflated; further tags as ``t`` and their number."""
    width, height = size
    entries = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 273: 8, 277: 1, 278: height,
               279: len(data)} | {int(key[1:]): value for key, value in tags.items()}  # fmt: skip
    lines = (struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    start = struct.pack("<I", 8 + len(data))
    head = struct.pack("<H", len(entries)) + b"".join(lines)
    return lambda path: path.write_bytes(b"II*\0" + start + data + head + start)


SAMPLES = {
    "4 GB of nothing": ("a.npy", array((1 << 21, 32, 64), 1 << 32)),
    "1 TiB declared": ("a.npy", array((1 << 30, 32, 32), N * H * W)),
    "sizes that wrap": ("a.npy", array((1 << 62, 4), N * H * W)),
    "a negative size": ("a.npy", array((-1, H, W), N * H * W)),
    "cut short": ("a.npy", array((N, H, W), 100)),
    "a header that calls": ("a.npy", calling_header),
    "pickled": ("a.npy", lambda p: np.save(p, np.array([Canary(p.parent)], dtype=object))),
    "an archive bomb": ("a.npz", archive_bomb),
    "pickled in an archive": (
        "a.npz", lambda p: np.savez(p, a=np.array([Canary(p.parent)], dtype=object))
    ),
    "thousands of members": ("a.npz", many_arrays),
    "a TIFF bomb": ("a.tif", tiff(zeros(1 << 28))),
    "a giant TIFF": ("a.tif", tiff(b"", (50_000, 50_000))),
    "a giant strip": ("a.tif", tiff(zeros(1 << 28), t278=1 << 31)),
    "a gigabyte": ("a.tif", sparse),
    "a pipe": ("a.npy", os.mkfifo),
    "a device": ("a.npy", lambda p: p.symlink_to("/dev/zero")),
    "another kind": ("a.gif", lambda p: p.write_bytes(b"GIF89a")),
}  # fmt: skip


def test_hostile_samples(tmp_path):
    attacks = [attack(name, file, write, lambda path: read_samples(path, TINY, N))
               for name, (file, write) in SAMPLES.items()]  # fmt: skip
    assert let_in(attacks, tmp_path / "x") == []


def png(width, height, data):
    """A grey PNG of that size with these image data."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def picture(image, kind="PNG", **options):
    return lambda path: image.save(path, kind, **options)


def linked(path):
    Image.new("L", (W, H), 255).save(path.parents[1] / "target.png")
    path.symlink_to(path.parents[1] / "target.png")


SOUND = Image.fromarray(np.where(np.indices((H, W)).sum(0) < 9, 0, 255).astype(np.uint8))
PICTURES = {
    "giant": lambda path: path.write_bytes(png(50_000, 50_000, b"")),
    "giant, and all of it there": lambda p: p.write_bytes(png(20_000, 20_000, zeros(400 << 20))),
    "right size stated, a bomb within": lambda p: p.write_bytes(png(W, H, zeros(1 << 28))),
    "animated": picture(SOUND, save_all=True, append_images=[Image.new("L", (W, H))]),
    "16 bits": picture(Image.new("I;16", (W, H))),
    "in colour": picture(Image.new("RGB", (W, H), "red")),
    "a GIF under its name": picture(SOUND, "GIF"),
    "a TIFF under its name": picture(SOUND, "TIFF"),
    "a link": linked,
    "a pipe": os.mkfifo,
    "a folder": lambda path: path.mkdir(),
    "a gigabyte": sparse,
}


def test_hostile_pngs(tmp_path):
    """A folder of pictures of which one is not what it should be."""

    def folder_of(spoil):
        def make(folder):
            (folder / "images").mkdir()
            for i in range(N):
                if i != 3:
                    SOUND.save(folder / "images" / f"{i:03d}.png")
            spoil(folder / "images" / "003.png")
            return folder / "images"

        return make

    attacks = [Attack(name, folder_of(spoil), lambda path: read_samples(path, TINY, N))
               for name, spoil in PICTURES.items()]  # fmt: skip
    assert let_in(attacks, tmp_path / "x") == []


def torch_file(path):
    torch.save({"a": Canary(path.parent)}, path)


WEIGHTS = {
    "pickled": lambda path: path.write_bytes(pickle.dumps(Canary(path.parent))),
    "a torch file with code": torch_file,
    "empty": lambda path: path.write_bytes(b""),
    "NaN": lambda path: path.write_bytes(save({"a": torch.tensor([float("nan")])})),
    "a link": lambda path: path.symlink_to("/etc/hostname"),
    "a pipe": os.mkfifo,
}
HELD = {"frame": [32, 32], "device": "cpu", "precision": "fp32", "settings": SETTINGS}
MODELS = {
    "other networks": {"settings": SETTINGS | {"nf": 8}},
    "a giant network": {"settings": SETTINGS | {"nf": 10**6}},
    "a giant frame": {"frame": [1 << 20, 1 << 20]},
    "a negative frame": {"frame": [-32, 32]},
    "a huge number": {"settings": SETTINGS | {"nf": 10**4000}},
    "NaN": {"settings": SETTINGS | {"eta": float("nan")}},
    "an unknown setting": {"settings": SETTINGS | {"x": 1}},
    "an unknown key": {"x": 1},
    "a strange device": {"device": "cpu; touch fired"},
}
CHANGES = {
    "half a batch": {"batch": 2.5},
    "an endless batch": {"batch": 1 << 30},
    "a device without memory": {"device": "meta"},
    "another frame": {"frame": [64, 34]},
    "a word for a number": {"learning_rate": "1"},
}
NETWORKS = [
    *((arch, name, change) for arch in ("pix2pix-4", "vae", "gan", "flow")
      for name, change in CHANGES.items()),
    ("flow", "20 000 blocks", {"blocks": 20_000}),
    ("flow", "2·10⁹ steps", {"steps": 2 * 10**9}),
    ("flow", "a ratio without end", {"clearest": 1e300}),
    ("flow", "a giant grid", {"width": 1 << 30}),
    ("vae", "a giant latent", {"latent": 1 << 30}),
]  # fmt: skip


def model(name, content):
    """Sound weights beside hostile settings."""

    def make(folder):
        (folder / "generator.safetensors").write_bytes(save({"a": torch.ones(3)}))
        (folder / "settings.json").write_text(content)
        return folder

    return Attack(f"settings, {name}", make, Pix2Pix.load)


def network(arch, name, changes):
    """A row's own untrained weights beside settings with changes; drawn with, if let in."""

    def make(folder):
        built = find_recipe(arch).build()
        built.use(built.build(32, 32), (32, 32), "cpu", "fp32")
        built.save(folder)
        held = json.loads((folder / "settings.json").read_text())
        for key, value in changes.items():
            (held if key in held else held["settings"])[key] = value
        (folder / "settings.json").write_text(json.dumps(held))
        return folder

    def draw(folder):
        white = np.full((1, 32, 32), 255, np.uint8)
        load_class(find_recipe(arch).generator).load(folder).sample(Inputs(white, white), 1)

    return Attack(f"settings of {arch}, {name}", make, draw)


def test_hostile_weights_and_settings(tmp_path):
    """Checkpoints have tests of their own, in faults/test_checkpoints.py."""
    attacks = [
        *(attack(f"weights, {name}", "generator.safetensors", write, read_tensors)
          for name, write in WEIGHTS.items()),
        *(model(name, json.dumps(HELD | changes)) for name, changes in MODELS.items()),
        model("deep", "[" * 60_000),
        model("a megabyte", " " * (1 << 20)),
        *(network(*case) for case in NETWORKS),
    ]  # fmt: skip
    assert let_in(attacks, tmp_path / "x") == []


FOUND = json.loads(min(catalog.RESULTS.glob("trend-v1/pix2pix-8/seed*.json")).read_bytes())
TEXTS = {
    "formula": '=HYPERLINK("http://x","y")', "newline": "a\nb", "nul": "a\0b",
    "escape": "a\x1b[2Jb", "bell": "a\x9bb", "bidirectional": "a\u202eb", "invisible": "a\u200bb",
    "line separator": "a\u2028b", "megabyte": "a" * 1_000_000,
}  # fmt: skip
NAMES = TEXTS | {"path": "../../x", "slash": "a/b", "markup": "<b>x</b>", "dot": "..", "empty": "",
                 "rich": "[red]x[/red]"}  # fmt: skip
SPEC = (catalog.DATASETS / "trend-v1.toml").read_text()


def record(name, **changes):
    """A record under the very name that its content asks for."""

    def make(folder):
        content = json.dumps(FOUND | changes, indent=2, ensure_ascii=False) + "\n"
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        (folder / f"seed0-{digest}.json").write_text(content)
        return folder / f"seed0-{digest}.json"

    return Attack(f"record, {name}", make, read_record)


def test_hostile_words_and_numbers(tmp_path):
    family = partial(recipes._read, model=recipes._Family)
    nan = SPEC.replace("radius = 6.0", "radius = nan")
    huge = SPEC.replace("width = 256", f"width = {10**4000}")
    attacks = [
        *(record(f"name {k}", arch=v) for k, v in NAMES.items()),
        *(record(f"task {k}", task=v) for k, v in NAMES.items()),
        *(record(f"flag {k}", flags=[v]) for k, v in NAMES.items()),
        *(record(f"device {k}", hardware={"device": v, "precision": "fp32"})
          for k, v in TEXTS.items()),
        *(record(f"version {k}", code=FOUND["code"] | {"version": v}) for k, v in TEXTS.items()),
        record("unknown key", surprise=1),
        record("huge number", seed=10**4000),
        record("huge count", n_test=1 << 70),
        record("NaN", xi_floor=float("nan")),
        record("a date of another form", finished="now"),
        attack("record, deep", "seed0-0.json", text("[" * 500_000), read_record),
        attack("record, 2 MB", "seed0-0.json", text(" " * (1 << 21)), read_record),
        attack("spec, unknown key", "a.toml", text(f"{SPEC}\nsurprise = 1\n"), load_spec),
        attack("spec, huge number", "a.toml", text(huge), load_spec),
        attack("spec, NaN", "a.toml", text(nan), load_spec),
        attack("spec, deep", "a.toml", text("a = " + "[" * 100_000), load_spec),
        attack("recipe, unknown key", "a.toml",
               text('generator = "x"\nsummary = "y"\nsurprise = 1\n'), family),
        attack("recipe, deep", "a.toml", text("a = " + "{a = " * 100_000), family),
        attack("recipe, a huge summary", "a.toml",
               text(f'generator = "x"\nsummary = "{"y" * 100_000}"\n'), family),
    ]  # fmt: skip
    assert let_in(attacks, tmp_path / "x") == []


def test_formats_other_than_png_are_not_even_tried(tmp_path, monkeypatch):
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
