"""Hostile files, each with the reader that meets it: what must be refused, and at what cost."""

import io
import json
import os
import resource
import shutil
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from tests.campaign.jobs import TINY, Tally, tally
from tests.campaign.moments import in_child
from trendbench.errors import TrendbenchError

MOST_SECONDS, MOST_BYTES = 2.0, 200 << 20
CANARY = "canary.h5"
N, H, W = TINY.test, TINY.height, TINY.width


@dataclass(frozen=True)
class Attack:
    """A hostile file and what reads it.

    Attributes:
        name: what it tries.
        make: writes it (and what it points at) into a folder; returns its path.
        read: must refuse it with a ``TrendbenchError``.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


def refused(attacks: list[Attack], place: Path) -> Tally:
    """Meet each attack in a process of its own: refused by a typed error, quickly, in little room.

    Time is the process's own, memory its growth. A canary that fires leaves a file ``fired``.
    """
    place.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for i, attack in enumerate(attacks):
        folder = place / str(i)
        folder.mkdir()
        path, log = attack.make(folder), folder / "outcome.json"
        code = in_child(partial(_meet, attack, path, log))
        if code:
            outcomes.append(f"{attack.name}: its reader ended with {code}")
            continue
        error, seconds, grown = json.loads(log.read_text())
        wrong = error
        if seconds > MOST_SECONDS or grown > MOST_BYTES:
            wrong = f"took {seconds:.1f} s and {grown >> 20} MB"
        if list(place.rglob("fired")):
            wrong = "the canary fired"
        outcomes.append(f"{attack.name}: {wrong}" if wrong else None)
    return tally(outcomes)


def _meet(attack: Attack, path: Path, log: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    error: str | None = "it was let in"
    try:
        attack.read(path)
    except TrendbenchError as refusal:
        shown = len(str(refusal)) < 2000 and "\n" not in str(refusal)
        error = None if shown else f"its line has {len(str(refusal))} characters"
    except Exception as other:
        error = f"{type(other).__name__}: {other}"[:300]
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    log.write_text(json.dumps([error, seconds, (after.ru_maxrss - before.ru_maxrss) << 10]))


def read_data(path: Path) -> None:
    """As a run reads it: opened, then every split."""
    from trendbench.data.opening import open_dataset

    with open_dataset(path) as dataset:
        for split in ("train", "val", "test"):
            dataset.load(split)


def read_images(path: Path) -> None:
    """As ``score`` reads samples."""
    from trendbench.metrics.files import read_samples

    read_samples(path, TINY, N)


def hdf5_attacks(base: Path) -> list[Attack]:
    """Data files, made from the sound one at ``base``, that point or swell beyond themselves."""

    def data(name: str, change: Callable[[h5py.File, Path], None]) -> Attack:
        def make(folder: Path) -> Path:
            canary(folder)
            path = folder / "a.h5"
            shutil.copy(base, path)
            with h5py.File(path, "r+", libver=("v110", "v110")) as file:
                change(file, folder)
            return path

        return Attack(name, make, read_data)

    def swap(name: str, put: Callable[[h5py.File], Any]) -> Callable[[h5py.File, Path], None]:
        def change(file: h5py.File, folder: Path) -> None:
            del folder
            digest = file[name].attrs.get("sha256")
            del file[name]
            put(file)
            item = file.get(name, getlink=True)
            if isinstance(item, h5py.HardLink) and digest is not None:
                file[name].attrs["sha256"] = digest

        return change

    def link(name: str, target: Any) -> Callable[[h5py.File, Path], None]:
        return swap(name, lambda file: file.__setitem__(name, target))

    def through(name: str, target: str) -> Callable[[h5py.File, Path], None]:
        def put(file: h5py.File) -> None:
            file["door"] = h5py.ExternalLink(CANARY, "/")
            file[name] = h5py.SoftLink(target)

        return swap(name, put)

    def made(name: str = "test/r", **options: Any) -> Callable[[h5py.File, Path], None]:
        shape = options.pop("shape", (N, H, W))
        dtype = options.pop("dtype", "u1")
        return swap(name, lambda file: file.create_dataset(name, shape, dtype, **options))

    def virtual(file: h5py.File) -> None:
        sheet = h5py.VirtualLayout((N, H, W), "u1")
        sheet[:] = h5py.VirtualSource(CANARY, "test/r", (N, H, W))
        file.create_virtual_dataset("test/r", sheet)

    def growing(file: h5py.File) -> None:
        endless = h5py.h5s.UNLIMITED
        sheet = h5py.VirtualLayout((N, H, W), "u1", maxshape=(None, H, W))
        source = h5py.VirtualSource(CANARY, "test/r", (N, H, W), maxshape=(None, H, W))
        sheet[:endless] = source[:endless]
        file.create_virtual_dataset("test/r", sheet)

    def bomb(**options: Any) -> Callable[[h5py.File], None]:
        def put(file: h5py.File) -> None:
            data = file.create_dataset("test/r", (N, H, W), "u1", chunks=(N, H, W), **options)
            data.id.write_direct_chunk((0, 0, 0), _zeros(1 << 29))

        return put

    def references(file: h5py.File) -> None:
        data = file.create_dataset("test/r", (N, H, W), h5py.ref_dtype)
        data[0, 0, 0] = file["train/r"].ref

    def compound(file: h5py.File) -> None:
        names = [(f"column {i} \x1b[31m", "u1") for i in range(1000)]
        file.create_dataset("test/r", (N, H, W), np.dtype(names))

    def cycle(file: h5py.File) -> None:
        file["test/germs"] = file["/test"]

    def attributes(file: h5py.File, folder: Path) -> None:
        del folder
        for i in range(20_000):
            file.attrs.create(f"a{i}", i)
        del file["test/r"]

    def stated(name: str, value: Any) -> Callable[[h5py.File, Path], None]:
        def change(file: h5py.File, folder: Path) -> None:
            del folder
            file.attrs[name] = value

        return change

    def spec(**changes: Any) -> Callable[[h5py.File, Path], None]:
        def change(file: h5py.File, folder: Path) -> None:
            del folder
            file.attrs["spec"] = json.dumps({**TINY.model_dump(), **changes})

        return change

    def germs(column: str, value: float) -> Callable[[h5py.File, Path], None]:
        def change(file: h5py.File, folder: Path) -> None:
            import hashlib

            del folder
            data = file[f"test/germs/{column}"]
            data[0] = value
            data.attrs["sha256"] = hashlib.sha256(data[:].tobytes()).hexdigest()

        return change

    outside = h5py.ExternalLink(CANARY, "/test/r")
    lzf = {"chunks": (N, H, W), "compression": "lzf"}
    huge = {"shape": (1 << 20, 1 << 10, 1 << 10), "chunks": (1, 1 << 10, 1 << 10)}
    return [
        data("external link", link("test/r", outside)),
        data("external link to a group", link("test", h5py.ExternalLink(CANARY, "/test"))),
        data("external link to a deep group", link("test/germs", outside)),
        data("soft link", link("test/r", h5py.SoftLink("/train/r"))),
        data("soft link to nothing", link("test/r", h5py.SoftLink("/nowhere"))),
        data("soft link through an external link", through("test/r", "/door/test/r")),
        data("soft link of a group through an external link", through("test/germs", "/door/test")),
        data("external storage", made(external=[(CANARY, 0, N * H * W)])),
        data("external storage of a column",
             made("test/germs/x", shape=(9,), dtype="<f8", external=[(CANARY, 0, 72)])),
        data("virtual data set", swap("test/r", virtual)),
        data("virtual data set that grows with its source", swap("test/r", growing)),
        data("wrong shape", made(shape=(N, W, H + 1))),
        data("wrong rank", made(shape=(N * H * W,))),
        data("no shape", swap("test/r", lambda f: f.create_dataset("test/r", dtype="u1"))),
        data("a number in place of images",
             swap("test/r", lambda f: f.create_dataset("test/r", data=np.uint8(1)))),
        data("wrong type", made(dtype="<f4")),
        data("signed type", made(dtype="i1")),
        data("texts", made(dtype=h5py.string_dtype())),
        data("other endianness", made("test/germs/x", shape=(9,), dtype=">f8")),
        data("sizes that wrap around", made(shape=(1 << 32, 1 << 32, 1), chunks=(1 << 16, 1, 1))),
        data("1 TiB declared", made(**huge)),
        data("1 TiB declared, deflated", made(**huge, compression="gzip")),
        data("1 TiB declared by the spec, too",
             lambda f, d: (spec(test=1 << 20, width=1 << 10, height=1 << 10)(f, d),
                           made(**huge, compression="gzip")(f, d))),
        data("a chunk that inflates 1000-fold", swap("test/r", bomb(compression="gzip"))),
        data("a chunk that inflates 1000-fold, shuffled",
             swap("test/r", bomb(compression="gzip", shuffle=True, fletcher32=True))),
        data("chunks of one byte", made(shape=(N, H, W), chunks=(1, 1, 1), fillvalue=1)),
        data("another filter", made(**lzf)),
        data("object references", swap("test/r", references)),
        data("a thousand columns in one", swap("test/r", compound)),
        data("a cycle of groups", swap("test/germs", cycle)),
        data("a group in place of images", swap("test/r", lambda f: f.create_group("test/r"))),
        data("a type in place of images",
             swap("test/r", lambda f: f.__setitem__("test/r", np.dtype("u1")))),
        data("twenty thousand attributes", attributes),
        data("format of another type", stated("format", np.arange(9))),
        data("format by reference", lambda f, d: f.attrs.__setitem__("format", f["train"].ref)),
        data("an endless seed", stated("seed", np.inf)),
        data("a negative seed", stated("seed", -1)),
        data("a version that moves the cursor", stated("trendbench_version", "1\x1b[2J")),
        data("a spec of 60 kB", stated("spec", "[" * 60_000)),
        data("a spec with a NaN", spec(radius=float("nan"))),
        data("a spec with a huge number", spec(width=10**4000)),
        data("a spec with an unknown key", spec(surprise=1)),
        data("a spec with a name out of its folder", spec(name="../../etc")),
        data("germs at NaN", germs("x", float("nan"))),
        data("germs at infinity", germs("y", float("inf"))),
    ]  # fmt: skip


def canary(folder: Path) -> None:
    """A sound HDF5 file that nobody has a reason to open."""
    with h5py.File(folder / CANARY, "w") as file:
        file["test/r"] = np.zeros((N, H, W), "u1")


def samples_attacks() -> list[Attack]:
    """Samples that swell, point elsewhere or hold code."""

    def samples(name: str, file: str, write: Callable[[Path], Any]) -> Attack:
        def make(folder: Path) -> Path:
            canary(folder)
            write(folder / file)
            return folder / file

        return Attack(name, make, read_images)

    def with_h5(change: Callable[[h5py.File], Any]) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            with h5py.File(path, "w") as file:
                change(file)

        return write

    def header(shape: tuple[int, ...], size: int, dtype: str = "|u1") -> Callable[[Path], None]:
        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.lib.format.write_array_header_1_0(
                    file, {"descr": dtype, "fortran_order": False, "shape": shape}
                )
                file.truncate(file.tell() + size)

        return write

    def raw_header(text: str) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            encoded = text.encode() + b"\n"
            start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(encoded))
            path.write_bytes(start + encoded + bytes(N * H * W))

        return write

    def npz_bomb(path: Path) -> None:
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("a.npy", "w", force_zip64=True) as member,
        ):
            np.lib.format.write_array_header_1_0(
                member, {"descr": "|u1", "fortran_order": False, "shape": (1 << 29,)}
            )
            for _ in range(512):
                member.write(bytes(1 << 20))

    def many(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for i in range(20_000):
                archive.writestr(f"{i}.npy", b"")

    def tiff(
        data: bytes, size: tuple[int, int] = (W, H), packed: int = 8, after: int = 0, **tags: int
    ) -> Callable[[Path], None]:
        """A page of 8-bit grey in one strip, deflated; further tags as ``t`` and their number."""
        width, height = size
        entries = {256: width, 257: height, 258: 8, 259: packed, 262: 1, 273: 8, 277: 1,
                   278: height, 279: len(data)}  # fmt: skip
        entries |= {int(key[1:]): value for key, value in tags.items()}
        start = 8 + len(data)
        head = struct.pack("<H", len(entries)) + b"".join(
            struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items())
        )
        whole = b"II*\0" + struct.pack("<I", start) + data + head
        return lambda path: path.write_bytes(whole + struct.pack("<I", after and start))

    def chunk_bomb(file: h5py.File) -> None:
        data = file.create_dataset(
            "r", (N, H, W), "u1", chunks=(N, H, W), compression="gzip", shuffle=True
        )
        data.id.write_direct_chunk((0, 0, 0), _zeros(1 << 29))

    def virtual(file: h5py.File) -> None:
        sheet = h5py.VirtualLayout((N, H, W), "u1")
        sheet[:] = h5py.VirtualSource(CANARY, "test/r", (N, H, W))
        file.create_virtual_dataset("r", sheet)

    links = {
        "an external link": lambda f: f.__setitem__("r", h5py.ExternalLink(CANARY, "/test/r")),
        "a soft link": lambda f: (f.__setitem__("door", h5py.ExternalLink(CANARY, "/")),
                                  f.__setitem__("r", h5py.SoftLink("/door/test/r"))),
        "external storage": lambda f: f.create_dataset(
            "r", (N, H, W), "u1", external=[(CANARY, 0, N * H * W)]),
        "a virtual data set": virtual,
        "1 TiB declared": lambda f: f.create_dataset(
            "r", (1 << 40,), "u1", chunks=(1 << 20,), compression="gzip"),
        "a chunk that inflates 1000-fold": chunk_bomb,
        "another filter": lambda f: f.create_dataset(
            "r", (N, H, W), "u1", chunks=(1, H, W), compression="lzf"),
        "objects": lambda f: f.create_dataset("r", (N, H, W), h5py.string_dtype()),
        "ten thousand groups": lambda f: [f.create_group(str(i)) for i in range(10_000)],
    }  # fmt: skip
    return [
        *(samples(f"samples .h5, {name}", "a.h5", with_h5(put)) for name, put in links.items()),
        samples("samples .npy, 4 GB of nothing", "a.npy", header((1 << 21, 32, 64), 1 << 32)),
        samples("samples .npy, 1 TiB declared", "a.npy", header((1 << 30, 32, 32), N * H * W)),
        samples("samples .npy, sizes that wrap", "a.npy", header((1 << 62, 4), N * H * W)),
        samples("samples .npy, a negative size", "a.npy", header((-1, H, W), N * H * W)),
        samples("samples .npy, cut short", "a.npy", header((N, H, W), 100)),
        samples("samples .npy, a deep header", "a.npy", raw_header("(" * 9000)),
        samples("samples .npy, a header that calls", "a.npy",
                raw_header("{'descr': __import__('os').system('touch fired')}")),
        samples("samples .npy, pickled", "a.npy", _pickled),
        samples("samples .npz, a bomb", "a.npz", npz_bomb),
        samples("samples .npz, pickled", "a.npz", _pickled_npz),
        samples("samples .npz, twenty thousand members", "a.npz", many),
        samples("samples .tif, a bomb", "a.tif", tiff(_zeros(1 << 28))),
        samples("samples .tif, giant", "a.tif", tiff(b"", (50_000, 50_000))),
        samples("samples .tif, a giant tile", "a.tif", tiff(_zeros(1 << 28), t322=1 << 16,
                t323=1 << 16, t324=8, t325=1 << 18)),
        samples("samples .tif, a giant strip", "a.tif", tiff(_zeros(1 << 28), t278=1 << 31)),
        samples("samples .tif, pages in a circle", "a.tif",
                tiff(zlib.compress(bytes(H * W)), after=1)),
        samples("samples .tif, a JPEG within", "a.tif", tiff(b"", packed=7)),
        samples("samples .tif, a gigabyte", "a.tif", lambda path: _sparse(path, 1 << 30)),
        samples("samples, a pipe", "a.npy", os.mkfifo),
        samples("samples, a device", "a.npy", lambda path: path.symlink_to("/dev/zero")),
        samples("samples, another kind", "a.gif", lambda p: p.write_bytes(b"GIF89a")),
    ]  # fmt: skip


def png_attacks() -> list[Attack]:
    """A folder of PNGs of which one is not what it should be."""

    def folder_of(name: str, spoil: Callable[[Path], Any]) -> Attack:
        def make(folder: Path) -> Path:
            canary(folder)
            images = folder / "images"
            images.mkdir()
            for i in range(N):
                Image.fromarray(_picture()).save(images / f"{i:03d}.png")
            path = images / "003.png"
            path.unlink()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                spoil(path)
            return images

        return Attack(f"PNG, {name}", make, read_images)

    def saved(image: Image.Image, **options: Any) -> Callable[[Path], None]:
        return lambda path: image.save(path, **{"format": "PNG", **options})

    sound = Image.fromarray(_picture())
    kinds = ("GIF", "BMP", "TIFF", "JPEG", "WEBP", "ICO", "PPM", "EPS", "PCX", "TGA", "JPEG2000")
    frames = [Image.fromarray(255 - _picture())]

    def cut(path: Path) -> None:
        sound.save(path)
        path.write_bytes(path.read_bytes()[:-20])

    def elsewhere(path: Path) -> None:
        sound.save(path.parent.parent / "target.png")
        path.symlink_to(path.parent.parent / "target.png")

    return [
        folder_of("giant", lambda path: path.write_bytes(_png(50_000, 50_000, b""))),
        folder_of("giant, and all of it there", lambda p: p.write_bytes(_png(20_000, 20_000))),
        folder_of("right size stated, a bomb within", lambda path: path.write_bytes(
            _png(W, H, _zeros(1 << 28)))),
        folder_of("a bomb of text", lambda path: path.write_bytes(
            _png(W, H, extra=_chunk(b"zTXt", b"a\0\0" + _zeros(1 << 28))))),
        folder_of("a bomb of colours", lambda path: path.write_bytes(
            _png(W, H, extra=_chunk(b"iCCP", b"a\0\0" + _zeros(1 << 28))))),
        folder_of("animated", saved(sound, save_all=True, append_images=frames)),
        folder_of("16 bits", saved(Image.new("I;16", (W, H)))),
        folder_of("transparent", saved(Image.new("LA", (W, H)))),
        folder_of("CMYK", saved(Image.new("CMYK", (W, H)), format="TIFF")),
        folder_of("in colour", saved(Image.new("RGB", (W, H), "red"))),
        folder_of("truncated", cut),
        folder_of("empty", lambda path: path.write_bytes(b"")),
        folder_of("a link", elsewhere),
        folder_of("a pipe", os.mkfifo),
        folder_of("a folder", lambda path: path.mkdir()),
        folder_of("a device", lambda path: path.symlink_to("/dev/zero")),
        folder_of("a gigabyte", lambda path: _sparse(path, 1 << 30)),
        *(folder_of(f"{kind} under its name", saved(sound, format=kind)) for kind in kinds),
    ]  # fmt: skip


def weights_attacks() -> list[Attack]:
    """Weights, their settings and checkpoints that hold code, nothing, or far too much."""
    import torch
    from safetensors.torch import save

    from trendbench.generators.pix2pix.generator import Pix2Pix
    from trendbench.generators.protocol import Inputs
    from trendbench.generators.recipes import find_recipe, load_class
    from trendbench.generators.weights import read_tensors

    settings: dict[str, Any] = {
        "nf": 4, "kernel": 4, "skips": True, "eta": 100.0, "learning_rate": 2e-4, "beta1": 0.5,
        "batch": 4, "epochs": 1,
    }  # fmt: skip
    stored = {"frame": [32, 32], "device": "cpu", "precision": "fp32", "settings": settings}
    tensors = save({"a": torch.ones(3)})

    def weights(name: str, content: bytes | Callable[[Path], Any]) -> Attack:
        def make(folder: Path) -> Path:
            path = folder / "generator.safetensors"
            content(path) if callable(content) else path.write_bytes(content)
            return path

        return Attack(f"weights, {name}", make, read_tensors)

    def model(name: str, text: str) -> Attack:
        def make(folder: Path) -> Path:
            (folder / "generator.safetensors").write_bytes(tensors)
            (folder / "settings.json").write_text(text)
            return folder

        return Attack(f"settings, {name}", make, Pix2Pix.load)

    def network(arch: str, name: str, **changed: Any) -> Attack:
        """A row's own untrained weights beside settings with changes; drawn with, if let in."""

        def make(folder: Path) -> Path:
            recipe = find_recipe(arch)
            model = recipe.build()
            model.use(model.build(32, 32), (32, 32), "cpu", "fp32")
            model.save(folder)
            held = json.loads((folder / "settings.json").read_text())
            for key, value in changed.items():
                (held if key in held else held["settings"])[key] = value
            (folder / "settings.json").write_text(json.dumps(held))
            return folder

        def draw(folder: Path) -> None:
            white = np.full((1, 32, 32), 255, np.uint8)
            load_class(find_recipe(arch).generator).load(folder).sample(Inputs(white, white), 1)

        return Attack(f"settings of {arch}, {name}", make, draw)

    def checkpoint(name: str, content: Callable[[Path], bytes]) -> Attack:
        def make(folder: Path) -> Path:
            import hashlib

            held = content(folder)
            digest = hashlib.sha256(held).hexdigest()[:16]
            (folder / f"checkpoint-000000000001-{digest}.pt").write_bytes(held)
            return folder

        return Attack(f"checkpoint, {name}", make, _latest)

    def torch_file(value: Callable[[Path], Any]) -> Callable[[Path], bytes]:
        def content(folder: Path) -> bytes:
            buffer = io.BytesIO()
            torch.save(value(folder), buffer)
            return buffer.getvalue()

        return content

    sound = {"version": 1, "identity": "x", "images_seen": 1, "seconds": 1.0, "state": {}}
    long = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}' + b" " * (1 << 21) + b"}"
    giant = b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'
    return [
        weights("pickled", lambda path: _write_pickle(path)),
        weights("a torch file with code", lambda path: path.write_bytes(
            torch_file(lambda folder: {"a": Canary(folder)})(path.parent))),
        weights("empty", b""),
        weights("a header of 2⁶³ bytes", b"\xff" * 7 + b"\x7f" + b"{}"),
        weights("a header of 2 MB", struct.pack("<Q", len(long)) + long + bytes(4)),
        weights("4 TB declared", struct.pack("<Q", len(giant)) + giant + bytes(4)),
        weights("deep", struct.pack("<Q", 100_000) + b"[" * 100_000),
        weights("NaN", save({"a": torch.tensor([float("nan")])})),
        weights("a link", lambda path: path.symlink_to("/etc/hostname")),
        weights("a pipe", os.mkfifo),
        model("other networks", json.dumps({**stored, "settings": {**settings, "nf": 8}})),
        model("a giant network", json.dumps({**stored, "settings": {**settings, "nf": 10**6}})),
        model("a giant frame", json.dumps({**stored, "frame": [1 << 20, 1 << 20]})),
        model("a negative frame", json.dumps({**stored, "frame": [-32, 32]})),
        model("a huge number", json.dumps({**stored, "settings": {**settings, "nf": 10**4000}})),
        model("NaN", json.dumps({**stored, "settings": {**settings, "eta": float("nan")}})),
        model("an unknown setting", json.dumps({**stored, "settings": {**settings, "x": 1}})),
        model("an unknown key", json.dumps({**stored, "x": 1})),
        model("a strange device", json.dumps({**stored, "device": "cpu; touch fired"})),
        model("deep", "[" * 60_000),
        *(
            network(arch, name, **changed)
            for arch in ("nf4", "vae", "vae-cond", "gan", "flow")
            for name, changed in {
                "half a batch": {"batch": 2.5},
                "an endless batch": {"batch": 1 << 30},
                "a device without memory": {"device": "meta"},
                "another frame": {"frame": [64, 34]},
                "a word for a number": {"learning_rate": "1"},
            }.items()
        ),
        network("flow", "20 000 blocks", blocks=20_000),
        network("flow", "2·10⁹ stops", steps=2 * 10**9),
        network("flow", "half a stop", steps=16.5),
        network("flow", "a ratio without end", clearest=1e300),
        network("flow", "a ratio of nothing", faintest=1e-320),
        network("flow", "a giant grid", width=1 << 30),
        network("vae", "a giant latent", latent=1 << 30),
        model("a megabyte", " " * (1 << 20)),
        checkpoint("with code", torch_file(lambda folder: {**sound, "state": Canary(folder)})),
        checkpoint("pickled", lambda folder: _pickle(folder)),
        checkpoint("a list", torch_file(lambda folder: [1, 2])),
        checkpoint("a newer version", torch_file(lambda folder: {**sound, "version": 2})),
        checkpoint("another recipe", torch_file(lambda folder: {**sound, "identity": "y"})),
        checkpoint("rubbish", lambda folder: b"rubbish"),
        checkpoint("empty", lambda folder: b""),
    ]  # fmt: skip


def text_attacks() -> list[Attack]:
    """Records, specs and recipes with mischief in their words and numbers."""
    from trendbench import catalog
    from trendbench.generators import recipes
    from trendbench.spec import load_spec

    sound = json.loads(min(catalog.RESULTS.glob("trend-v1/nf8/seed*.json")).read_bytes())

    def record(name: str, **changes: Any) -> Attack:
        return Attack(f"record, {name}", partial(_named_record, {**sound, **changes}), _read_record)

    def written(name: str, file: str, text: str, read: Callable[[Path], Any]) -> Attack:
        def make(folder: Path) -> Path:
            (folder / file).write_text(text)
            return folder / file

        return Attack(name, make, read)

    texts = {
        "formula": '=HYPERLINK("http://x","y")', "plus": "+1+1", "at": "@SUM(A1)", "minus": "-1",
        "newline": "a\nb", "nul": "a\0b", "escape": "a\x1b[2Jb", "bell": "a\x9bb",
        "bidirectional": "a\u202eb", "invisible": "a\u200bb", "line separator": "a\u2028b",
        "megabyte": "a" * 1_000_000,
    }  # fmt: skip
    names = {**texts, "path": "../../x", "slash": "a/b", "markup": "<b>x</b>", "dot": "..",
             "empty": "", "rich": "[red]x[/red]"}  # fmt: skip
    spec_text = (catalog.DATASETS / "trend-v1.toml").read_text()
    family = partial(recipes._read, model=recipes._Family)
    return [
        *(record(f"name {k}", arch=v) for k, v in names.items()),
        *(record(f"task {k}", task=v) for k, v in names.items()),
        *(record(f"device {k}", hardware={"device": v, "precision": "fp32"})
          for k, v in texts.items()),
        *(record(f"version {k}", code={**sound["code"], "version": v}) for k, v in texts.items()),
        *(record(f"flag {k}", flags=[v]) for k, v in names.items()),
        record("unknown key", surprise=1),
        record("huge number", seed=10**4000),
        record("huge count", n_test=1 << 70),
        record("a date of another form", finished="now"),
        written("record, NaN", "seed0-0.json", json.dumps({**sound, "xi_floor": float("nan")}),
                _read_record),
        written("record, deep", "seed0-0.json", "[" * 500_000, _read_record),
        written("record, 2 MB", "seed0-0.json", " " * (1 << 21), _read_record),
        written("record, no JSON", "seed0-0.json", "{", _read_record),
        written("spec, unknown key", "a.toml", spec_text + "\nsurprise = 1\n", load_spec),
        written("spec, huge number", "a.toml",
                spec_text.replace("width = 256", f"width = {10**4000}"), load_spec),
        written("spec, NaN", "a.toml", spec_text.replace("radius = 6.0", "radius = nan"),
                load_spec),
        written("spec, deep", "a.toml", "a = " + "[" * 100_000, load_spec),
        written("spec, deep keys", "a.toml", ".".join(["a"] * 50_000) + " = 1", load_spec),
        written("recipe, unknown key", "a.toml",
                'generator = "x"\nsummary = "y"\nsurprise = 1\n', family),
        written("recipe, deep", "a.toml", "a = " + "{a = " * 100_000, family),
        written("recipe, a huge summary", "a.toml",
                f'generator = "x"\nsummary = "{"y" * 100_000}"\n', family),
    ]  # fmt: skip


class Canary:
    """Fires, by making a file, when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self._folder / "fired"), "w")


def _latest(folder: Path) -> None:
    from trendbench.training.checkpoint import Checkpoints

    Checkpoints(folder, "x").latest()


def _named_record(content: dict[str, Any], folder: Path) -> Path:
    """A record under the very name that its content asks for, where there can be one."""
    import hashlib

    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = folder / f"seed0-{digest}.json"
    path.write_text(text)
    return path


def _read_record(path: Path) -> None:
    from trendbench.results.store import read_record

    read_record(path)


def _picture() -> np.ndarray[Any, Any]:
    image = np.full((H, W), 255, dtype=np.uint8)
    image[8:12, 8:12] = 0
    return image


def _zeros(size: int) -> bytes:
    """So many zeros, deflated about a thousandfold."""
    squeeze = zlib.compressobj(9)
    parts = [squeeze.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*parts, squeeze.flush()])


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def _png(width: int, height: int, data: bytes | None = None, extra: bytes = b"") -> bytes:
    """A grey PNG of that size, its image data as given, else white noise-free zeros."""
    if data is None:
        data = _zeros(((width + 1) * height >> 20) + 1 << 20)
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def _pickle(folder: Path) -> bytes:
    import pickle

    return pickle.dumps(Canary(folder))


def _write_pickle(path: Path) -> None:
    path.write_bytes(_pickle(path.parent))


def _pickled(path: Path) -> None:
    np.save(path, np.array([Canary(path.parent)], dtype=object), allow_pickle=True)


def _pickled_npz(path: Path) -> None:
    np.savez(path, a=np.array([Canary(path.parent)], dtype=object))
