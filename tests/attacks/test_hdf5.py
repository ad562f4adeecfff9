"""Hostile HDF5: refused before anything in it is followed, quickly and in little room."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.attacks.refusal import Attack, let_in, zeros
from tests.faults.jobs import TINY, tiny_file
from tests.faults.moments import in_child
from trendbench.data.opening import open_dataset
from trendbench.errors import DataFileError
from trendbench.metrics.files import read_samples
from trendbench.storage import hdf5

ROOT = Path(__file__).parents[2]
CANARY = "canary.h5"  # a sound file that nobody has a reason to open
SHAPE = N, H, W = TINY.test, TINY.height, TINY.width
OUTSIDE = h5py.ExternalLink(CANARY, "/test/r")


def read_data(path):
    """As a run reads it: opened, then every split."""
    with open_dataset(path) as dataset:
        for split in ("train", "val", "test"):
            dataset.load(split)


def read_images(path):
    """As ``score`` reads samples."""
    read_samples(path, TINY, N)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_file(tmp_path_factory.mktemp("tiny"))


def virtual(file, name):
    sheet = h5py.VirtualLayout(SHAPE, "u1")
    sheet[:] = h5py.VirtualSource(CANARY, "test/r", SHAPE)
    file.create_virtual_dataset(name, sheet)


def through(file, name):
    """A soft link whose way leads through an external one."""
    file["door"] = h5py.ExternalLink(CANARY, "/")
    file[name] = h5py.SoftLink("/door/test/r")


def bomb(file, name):
    """A chunk that inflates a thousandfold, to 512 MB."""
    data = file.create_dataset(name, SHAPE, "u1", chunks=SHAPE, compression="gzip", shuffle=True)
    data.id.write_direct_chunk((0, 0, 0), zeros(1 << 29))


def made(shape=SHAPE, dtype="u1", **options):
    return lambda file, name: file.create_dataset(name, shape, dtype, **options)


def stored(value):
    return lambda file, name: file.__setitem__(name, value)


HUGE = {"shape": (1 << 20, 1 << 10, 1 << 10), "chunks": (1, 1 << 10, 1 << 10)}
ANYWHERE = {  # what a data file and a file of samples may hold in place of images
    "external link": stored(OUTSIDE),
    "soft link": stored(h5py.SoftLink("/nowhere")),
    "soft link through an external link": through,
    "external storage": made(external=[(CANARY, 0, N * H * W)]),
    "virtual data set": virtual,
    "a chunk that inflates 1000-fold": bomb,
    "another filter": made(chunks=SHAPE, compression="lzf"),
    "1 TiB declared": made(**HUGE, compression="gzip"),
    "sizes that wrap around": made((1 << 32, 1 << 32, 1), chunks=(1 << 16, 1, 1)),
    "texts": made(dtype=h5py.string_dtype()),
}
IN_DATA = {  # what else may take the place of a member of a data file
    "external link to a group": ("test", stored(h5py.ExternalLink(CANARY, "/test"))),
    "external link to a deep group": ("test/germs", stored(OUTSIDE)),
    "external storage of a column": ("test/germs/x", made((9,), "<f8", external=[(CANARY, 0, 72)])),
    "other endianness": ("test/germs/x", made((9,), ">f8")),
    "a cycle of groups": ("test/germs", lambda file, name: stored(file["/test"])(file, name)),
    "wrong shape": ("test/r", made((N, W, H + 1))),
    "wrong type": ("test/r", made(dtype="<f4")),
    "a group in place of images": ("test/r", lambda file, name: file.create_group(name)),
}
STATED = {
    "format of another type": ("format", np.arange(9)),
    "an endless seed": ("seed", np.inf),
    "a negative seed": ("seed", -1),
    "a version that moves the cursor": ("trendbench_version", "1\x1b[2J"),
    "a spec of 60 kB": ("spec", "[" * 60_000),
}
SPECS = {
    "a NaN": {"radius": float("nan")}, "a huge number": {"width": 10**4000},
    "an unknown key": {"surprise": 1}, "a name out of its folder": {"name": "../../etc"},
}  # fmt: skip


def canary(folder):
    with h5py.File(folder / CANARY, "w") as file:
        file["test/r"] = np.zeros(SHAPE, "u1")


def data_attacks(base):
    """Data files, made from a sound one, that point or swell beyond themselves."""

    def attack(name, change):
        def make(folder):
            canary(folder)
            path = folder / "a.h5"
            shutil.copy(base, path)
            with h5py.File(path, "r+", libver=("v110", "v110")) as file:
                change(file)
            return path

        return Attack(name, make, read_data)

    def swap(name, put):
        def change(file):
            digest = file[name].attrs.get("sha256")
            del file[name]
            put(file, name)
            if isinstance(file.get(name, getlink=True), h5py.HardLink) and digest is not None:
                file[name].attrs["sha256"] = digest

        return change

    def state(name, value):
        return lambda file: file.attrs.__setitem__(name, value)

    def germ_at(value):
        def change(file):
            data = file["test/germs/x"]
            data[0] = value
            data.attrs["sha256"] = hashlib.sha256(data[:].tobytes()).hexdigest()

        return change

    def giant_in_the_spec_too(file):
        sizes = {"test": 1 << 20, "width": 1 << 10, "height": 1 << 10}
        state("spec", json.dumps(TINY.model_dump() | sizes))(file)
        swap("test/r", made(**HUGE, compression="gzip"))(file)

    return [
        *(attack(name, swap("test/r", put)) for name, put in ANYWHERE.items()),
        *(attack(name, swap(*put)) for name, put in IN_DATA.items()),
        *(attack(name, state(*said)) for name, said in STATED.items()),
        *(attack(f"a spec with {name}", state("spec", json.dumps(TINY.model_dump() | changes)))
          for name, changes in SPECS.items()),
        attack("1 TiB declared by the spec, too", giant_in_the_spec_too),
        attack("a germ at NaN", germ_at(float("nan"))),
    ]  # fmt: skip


def samples_attacks():
    """Files of samples that do the same."""

    def attack(name, put):
        def make(folder):
            canary(folder)
            with h5py.File(folder / "a.h5", "w") as file:
                put(file, "r")
            return folder / "a.h5"

        return Attack(f"samples, {name}", make, read_images)

    return [attack(name, put) for name, put in ANYWHERE.items()]


def test_every_hostile_data_file_is_refused_in_time_and_room(base, tmp_path):
    assert let_in(data_attacks(base), tmp_path / "x") == []


def test_every_hostile_file_of_samples_is_refused_in_time_and_room(tmp_path):
    assert let_in(samples_attacks(), tmp_path / "x") == []


OPENS = """
import sys
from pathlib import Path
from tests.attacks.test_hdf5 import read_data, read_images
from trendbench.errors import TrendbenchError
for line in sys.stdin.read().splitlines():
    kind, path = line.split(" ", 1)
    try:
        (read_images if kind == "samples" else read_data)(Path(path))
    except TrendbenchError:
        pass
    else:
        sys.exit(f"let in: {path}")
"""
FOLLOWS = "import h5py, sys; h5py.File(sys.argv[1])['test/r'][0]"


def opened_by(trace, *arguments, **keywords):
    """The paths that a process of Python and its threads opened, by strace."""
    result = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2,creat", "-o", str(trace),
         sys.executable, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, **keywords,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return trace.read_text(errors="replace")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace to watch what is opened")
def test_no_target_of_a_link_is_ever_opened(base, tmp_path):
    data, samples = data_attacks(base), samples_attacks()
    lines = []
    for kind, attacks in (("data", data), ("samples", samples)):
        for i, attack in enumerate(attacks):
            if "link" in attack.name or "external" in attack.name or "virtual" in attack.name:
                folder = tmp_path / f"{kind}{i}"
                folder.mkdir()
                lines.append(f"{kind} {attack.make(folder)}")
    assert len(lines) >= 12
    trace = opened_by(tmp_path / "trace", "-c", OPENS, input="\n".join(lines))
    for line in lines:
        assert line.split(" ", 1)[1] in trace  # the hostile file itself was opened
    assert CANARY not in trace
    # The watch sees what it should: a reader that follows does open the target.
    assert CANARY in opened_by(tmp_path / "again", "-c", FOLLOWS, lines[0].split(" ", 1)[1])


def test_stock_filters_are_undone_as_hdf5_undoes_them(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for i, (chunks, dtype, gzip, shuffle, fletcher) in enumerate(
            (c, d, g, s, f)
            for c in ((1, 8, 9), (4, 5, 6), (7, 3, 17))
            for d in ("u1", "<f8", ">i4", "<f4")
            for g in (None, "gzip")
            for s in (False, True)
            for f in (False, True)
        ):
            file.create_dataset(
                str(i), data=(rng.random((9, 16, 18)) * 200).astype(dtype), chunks=chunks,
                compression=gzip, shuffle=shuffle, fletcher32=fletcher,
            )  # fmt: skip
        file.create_dataset("whole", data=rng.random((9, 16, 18)))
        file.create_dataset("odd", data=np.arange(21, dtype="u1").reshape(3, 7), chunks=(3, 7),
                            fletcher32=True)  # fmt: skip
        file.create_dataset("holes", (9, 16, 18), "<i4", chunks=(4, 5, 6), fillvalue=7)
        file["holes"][2:4, 3:5] = 1
    with h5py.File(path) as file:
        for name in list(file):  # file.items() holds h5py's lock, which the threads need
            data = file[name]
            hdf5.must_be_sound(data, path.stat().st_size)
            np.testing.assert_array_equal(hdf5.read(data), data[:], err_msg=name)
            np.testing.assert_array_equal(hdf5.read(data, slice(2, 9)), data[2:9], err_msg=name)


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_changed_byte_under_a_fletcher_checksum_is_seen(tmp_path, compression):
    path = tmp_path / "a.h5"
    content = np.random.default_rng(1).integers(0, 99, (4, 100), "u1")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=content, chunks=(4, 100), fletcher32=True,
                            compression=compression)  # fmt: skip
        where = file["a"].id.get_chunk_info(0)
    changed = bytearray(path.read_bytes())
    changed[where.byte_offset + where.size // 2] ^= 4
    path.write_bytes(changed)
    with h5py.File(path) as file, pytest.raises((hdf5.UnsafeError, OSError)):
        hdf5.read(file["a"])


def with_a_chunk(path, content, mask=0, **options):
    """A file whose data set of one chunk, 1 MiB of zeros, has this stored in its place."""
    shape = (1, 1 << 10, 1 << 10)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("a", shape, "u1", chunks=shape, **options)
        data.id.write_direct_chunk((0, 0, 0), content, mask)


@pytest.mark.parametrize(
    ("content", "mask", "options"),
    [
        (zlib.compress(bytes(10)), 0, {"compression": "gzip"}),
        (zlib.compress(bytes(1 << 28)), 0, {"compression": "gzip"}),
        (zlib.compress(bytes(1 << 20)) + b"more", 0b10, {"compression": "gzip", "shuffle": True}),
        (bytes(10), 1, {"compression": "gzip"}),
        (bytes(14), 0, {"fletcher32": True}),
        (bytes(10), 0, {"shuffle": True}),
        (b"\0", 0, {"compression": "gzip"}),
    ],
    ids=["short", "long", "not inflated", "short, as it is", "checksum", "shuffled", "no stream"],
)
def test_a_chunk_of_another_size_is_refused_before_hdf5_sees_it(tmp_path, content, mask, options):
    """One that inflates to less than its size ends HDF5's process by SIGSEGV."""

    def look():
        with h5py.File(tmp_path / "a.h5") as file, pytest.raises(hdf5.UnsafeError):
            hdf5.read(file["a"])

    with_a_chunk(tmp_path / "a.h5", content, mask, **options)
    assert in_child(look) == 0


def test_gzip_before_shuffle_is_refused(tmp_path):
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    properties.set_deflate(1)
    properties.set_shuffle()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_INT32, space, properties)
        file["a"][:] = 1
        with pytest.raises(hdf5.UnsafeError, match="shuffle after gzip"):
            hdf5.must_be_sound(file["a"], 1 << 20)


def test_texts_lie_where_a_checksum_covers_them(base):
    """HDF5 keeps texts of variable length in a heap without one."""
    assert b"GCOL" not in base.read_bytes()


def old_file(base, path):
    """A file whose texts lie in the heap, as those of version 0.1.0 do."""
    shutil.copy(base, path)
    with h5py.File(path, "r+") as file:
        for name in ("format", "spec", "trendbench_version"):
            file.attrs[name] = file.attrs[name].decode()
    return path


def test_a_file_with_its_texts_in_the_heap_is_read(base, tmp_path):
    with open_dataset(base) as new, open_dataset(old_file(base, tmp_path / "old.h5")) as old:
        assert (old.spec, old.seed, old.sha256) == (new.spec, new.seed, new.sha256)


@pytest.mark.parametrize("field", ["free space of no size", "an object beyond the heap", "size"])
def test_a_heap_that_would_keep_hdf5_for_ever_is_refused(base, tmp_path, field):
    """Found by fuzzing: HDF5 walks a heap object of size 0 without end."""
    path = old_file(base, tmp_path / "old.h5")
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    if field == "size":
        content[heap + 8 : heap + 16] = (1 << 40).to_bytes(8, "little")
    elif field == "an object beyond the heap":
        content[heap + 24 : heap + 32] = (1 << 40).to_bytes(8, "little")
    else:
        content[heap + 16 : heap + 32] = bytes(16)
    path.write_bytes(content)
    with pytest.raises(DataFileError, match="heap of texts"):
        open_dataset(path)


def test_a_pipe_or_a_device_in_place_of_a_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.h5")
    for path in (tmp_path / "a.h5", Path("/dev/zero")):
        with pytest.raises(DataFileError, match="no data file"):
            open_dataset(path)


def test_preview_sees_damage_too(base, tmp_path):
    path = tmp_path / "a.h5"
    shutil.copy(base, path)
    with h5py.File(path, "r+") as file:
        where = file["train/r"].id.get_chunk_info(0)
    changed = bytearray(path.read_bytes())
    changed[where.byte_offset + where.size // 2] ^= 4
    path.write_bytes(changed)
    with open_dataset(path) as dataset, pytest.raises(DataFileError, match="cannot be read"):
        dataset.glance("train", 0, 2)


def test_what_is_read_is_what_was_hashed(base):
    with open_dataset(base) as dataset:
        content = dataset.images("test", "r")
        assert dataset.hashes["test/r"] == hashlib.sha256(content.tobytes()).hexdigest()


def test_samples_are_read_whole_before_the_file_is_closed(tmp_path):
    """A sound file passes the same door."""
    from trendbench.simulation import simulate

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["r"] = simulate(TINY, TINY.test, 1).r
    read_images(tmp_path / "a.h5")
