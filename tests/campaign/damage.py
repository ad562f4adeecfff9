"""Change single bytes of what lies on the disk, and see who notices."""

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from tests.campaign.jobs import Tally, tally
from tests.campaign.moments import in_child
from trendbench.errors import TrendbenchError

Reader = Callable[[Path], object]


def flip_bytes(path: Path, read: Reader, place: Path, tries: int | None, seed: int = 0) -> Tally:
    """Flip one bit of one byte of a file at a time and read it in a process of its own.

    Survived is what raises a ``TrendbenchError``, or reads as the whole file does: a byte that
    nothing depends on, such as one of the gaps that HDF5 leaves, has then changed nothing.

    Args:
        path: the whole file.
        read: reads a copy; what it returns must be comparable as text.
        place: a folder for the copy, which keeps its name.
        tries: so many bytes, drawn at random; every one if None.
        seed: of the draw.
    """
    place.mkdir(parents=True, exist_ok=True)
    content = path.read_bytes()
    draw = random.Random(seed)
    places: Iterable[int] = range(len(content))
    if tries is not None:
        places = sorted(draw.sample(places, min(tries, len(content))))
    copy, log = place / path.name, place / "outcomes.json"
    wanted = repr(read(path))
    cases = [(at, 1 << draw.randrange(8)) for at in places]

    def job() -> None:
        outcomes = []
        for at, bit in cases:
            changed = bytearray(content)
            changed[at] ^= bit
            copy.write_bytes(changed)
            outcomes.append(_noticed(read, copy, wanted, f"bit {bit} of byte {at}"))
        log.write_text(json.dumps(outcomes))

    log.unlink(missing_ok=True)
    code = in_child(job)
    if code:
        return tally([f"the reader of {path.name} ended with {code}"] * len(cases))
    return tally(json.loads(log.read_text()))


def _noticed(read: Reader, copy: Path, wanted: str, what: str) -> str | None:
    try:
        return None if repr(read(copy)) == wanted else f"{what}: read as if it were whole"
    except TrendbenchError:
        return None
    except Exception as error:
        return f"{what}: {type(error).__name__}: {error}"


def data_file(path: Path) -> object:
    """Every number of a data file, and every finding of ``verify``."""
    from trendbench.data.opening import open_dataset
    from trendbench.data.verify import verify
    from trendbench.process.seeds import SPLITS

    with open_dataset(path) as dataset:
        loaded = [dataset.load(split) for split in SPLITS]
        findings = verify(dataset)
        return (
            dataset.sha256,
            [[t.s1.tobytes(), t.s2.tobytes(), t.r.tobytes()] for t in loaded],
            [f for f in findings if not f.passed],
        )


def record(path: Path) -> object:
    """A record and everything beside it, as the leaderboard reads it."""
    from trendbench.results.store import StoredRecord, read_record

    stored = StoredRecord(read_record(path), path, "local")
    images = {name: values.tobytes() for name, values in stored.per_image().items()}
    return stored.record, images, [stored.attachment(name) for name in stored.record.attachments]


def beside(record_path: Path) -> Callable[[Path], object]:
    """A reader of a record whose companion is the changed file."""

    def read(changed: Path) -> object:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            shutil.copy(record_path, folder)
            shutil.copytree(record_path.with_suffix(""), folder / record_path.stem)
            shutil.copy(record_path.with_suffix(".npz"), folder)
            for target in (folder / changed.name, folder / record_path.stem / changed.name):
                if target.exists():
                    shutil.copy(changed, target)
            return record(folder / record_path.name)

    return read


def weights(workspace: Path) -> Callable[[Path], object]:
    """A reader of saved weights as a run meets them: held against the hash that it noted."""
    from trendbench.errors import WeightsError

    noted = json.loads((workspace / "state.json").read_text())["fitted"]["weights"]

    def read(changed: Path) -> object:
        from trendbench.runner.workspace import sha256_of

        if sha256_of(changed) != noted[changed.name]:
            raise WeightsError("not those that were saved")
        return noted

    return read


def checkpoint_damage(folder: Path, place: Path, tries: int, seed: int = 0) -> Tally:
    """Cut, empty or flip the newest checkpoint of a run folder: the one before it is used."""
    from trendbench.training.checkpoint import Checkpoints

    identity = _identity(folder)
    paths = sorted(folder.glob("checkpoint-*.pt"))
    whole = [path.read_bytes() for path in paths]
    rng = np.random.default_rng(seed)
    outcomes: list[str | None] = []
    place.mkdir(parents=True, exist_ok=True)
    for i in range(tries):
        for path, content in zip(paths, whole, strict=True):
            (place / path.name).write_bytes(content)
        newest, size = place / paths[-1].name, len(whole[-1])
        damaged = bytearray(whole[-1])
        if i % 3 == 0:
            damaged[int(rng.integers(size))] ^= 1 << int(rng.integers(8))
        else:
            damaged = damaged[: int(rng.integers(size)) if i % 3 == 1 else 0]
        newest.write_bytes(damaged)
        found = Checkpoints(place, identity).latest()
        right = found is not None and f"-{found.images_seen:012d}-" in paths[-2].name
        outcomes.append(None if right else f"damage {i} of {newest.name} went unseen")
    return tally(outcomes)


def _identity(folder: Path) -> str:
    import torch

    newest = max(folder.glob("checkpoint-*.pt"))
    return str(torch.load(newest, weights_only=True)["identity"])
