"""Damaged, foreign and hostile checkpoints: named; passed over or refused, as is right."""

import hashlib
import io
import os
import random

import pytest
import torch

from trendbench.errors import CheckpointError
from trendbench.training.checkpoint import Checkpoint, Checkpoints


@pytest.fixture
def folder(tmp_path):
    """Two checkpoints, after 10 and after 20 images."""
    path = tmp_path / "run"
    path.mkdir()
    for seen in (10, 20):
        state = {"weights": torch.full((50,), float(seen))}
        Checkpoints(path, "x").save(Checkpoint(seen, 1.0, state))
    return path


def put(folder, content):
    """A newest checkpoint of this content under a name that fits it."""
    if not isinstance(content, bytes):
        buffer = io.BytesIO()
        torch.save(content, buffer)
        content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()[:16]
    (folder / f"checkpoint-000000000099-{digest}.pt").write_bytes(content)


def test_the_one_before_a_damaged_newest_is_used(folder, capfd):
    """Emptied, cut short, or one bit of it changed."""
    newest, draw = max(folder.iterdir()), random.Random(0)
    whole = newest.read_bytes()
    for i in range(30):
        damaged = bytearray(whole)
        if i % 3 == 0:
            damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        else:
            damaged = damaged[: draw.randrange(len(whole)) if i % 3 == 1 else 0]
        newest.write_bytes(damaged)
        assert Checkpoints(folder, "x").latest().images_seen == 10
    assert capfd.readouterr().err.count("is damaged and was passed over") == 30


def test_if_all_are_damaged_it_says_so(folder):
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="delete the folder to start again"):
        Checkpoints(folder, "x").latest()


def test_a_folder_under_a_checkpoint_s_name_is_passed_over(folder):
    (folder / "checkpoint-000000000099-0123456789abcdef.pt").mkdir()
    assert Checkpoints(folder, "x").latest().images_seen == 20


SOUND = {"version": 1, "identity": "x", "images_seen": 99, "seconds": 1.0, "state": {}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (SOUND | {"version": 2}, "version 2, this trendbench reads 1"),
        (SOUND | {"identity": "y"}, "another recipe or data file"),
        (SOUND | {"images_seen": "many"}, "none of trendbench's checkpoints"),
        (SOUND | {"state": [1]}, "none of trendbench's checkpoints"),
        ({"a": 1}, "none of trendbench's checkpoints"),
        ([1, 2], "none of trendbench's checkpoints"),
        (b"rubbish", "not opened"),
    ],
)
def test_whole_but_of_another_kind_is_refused_and_not_passed_over(folder, content, reason):
    put(folder, content)
    with pytest.raises(CheckpointError, match=reason):
        Checkpoints(folder, "x").latest()


class Fires:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_does_not_run(folder, tmp_path):
    put(folder, SOUND | {"state": Fires(tmp_path / "fired")})
    with pytest.raises(CheckpointError, match="not opened"):
        Checkpoints(folder, "x").latest()
    assert not (tmp_path / "fired").exists()


def test_every_torch_load_is_of_weights_only():
    from pathlib import Path

    import trendbench

    package = Path(trendbench.__file__).parent
    calls = [
        line
        for path in package.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "torch.load(" in line or "pickle.load" in line
    ]
    assert calls
    assert all("weights_only=True" in line for line in calls)
