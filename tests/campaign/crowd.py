"""Many processes at once in one folder, some of them killed."""

import csv
import hashlib
import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np

from tests.campaign.failures import command
from tests.campaign.jobs import Tally, tally
from tests.campaign.moments import in_child, killing, start
from trendbench import catalog
from trendbench.results.record import RunRecord
from trendbench.results.store import pack_per_image, write_record

_N = 5


def made_record(i: int, per_image: bytes) -> RunRecord:
    """A record of its own row, made after a published one."""
    published = min(catalog.RESULTS.glob("trend-v1/nf8/seed0-*.json"))
    content = json.loads(published.read_text())
    content |= {
        "arch": f"mine-{i:02d}", "family": "own", "n_test": _N, "status": "self-reported",
        "images": hashlib.sha256(per_image).hexdigest(),
    }  # fmt: skip
    return RunRecord.model_validate(content)


def finish_a_run(results: Path, i: int) -> None:
    """What the end of a run does: its record, then the leaderboard anew."""
    from trendbench.leaderboard.board import refresh

    per_image = pack_per_image({"xi": np.arange(_N, dtype=np.float64) + i})
    write_record(results, made_record(i, per_image), per_image)
    refresh(results)


def finishing(results: Path, processes: int, seed: int = 0) -> Tally:
    """So many runs finish at once, every fourth is killed on the way and runs again.

    One try a row: it is there, once, with its own numbers, in a CSV that could be parsed at every
    moment meanwhile.
    """
    results.mkdir(parents=True, exist_ok=True)
    draw = random.Random(seed)
    hooks = [killing(draw.randrange(1, 9)) if i % 4 == 0 else None for i in range(processes)]
    children = [
        start(lambda i=i: finish_a_run(results, i), hook)  # type: ignore[misc]
        for i, hook in enumerate(hooks)
    ]
    torn = _watch(results / "leaderboard.csv", children)
    for i in range(0, processes, 4):
        in_child(lambda i=i: finish_a_run(results, i))  # type: ignore[misc]
    rows = [row for row in _parsed(results / "leaderboard.csv") if row["origin"] == "local"]
    names = [row["arch"] for row in rows]
    found = [names.count(f"mine-{i:02d}") for i in range(processes)]
    outcomes = [
        None if times == 1 else f"row {i} is there {times} times" for i, times in enumerate(found)
    ]
    strays = [path.name for path in results.rglob(".*.tmp")]
    outcomes += [f"the CSV was torn: {reason}" for reason in torn]
    outcomes += [f"{name} was left behind" for name in strays]
    return Tally(processes, tally(outcomes).lost)


def making_one_file(arguments: tuple[object, ...], place: Path, tries: int) -> Tally:
    """Two ``make-data`` on one target: the file is made; each has made it, or said why not."""
    outcomes: list[str | None] = []
    for i in range(tries):
        folder = place / str(i)
        folder.mkdir(parents=True)
        said = [folder.with_suffix(f".{j}") for j in range(2)]
        children = [start(lambda f=folder: _in(f, arguments), None, path) for path in said]  # type: ignore[misc]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        texts = [path.read_text() for path in said]
        sound = 0 in codes and all(
            code == 0 or (code == 2 and "at work in another process" in text)
            for code, text in zip(codes, texts, strict=True)
        )
        left = sorted(path.name for path in folder.iterdir())
        good = sound and left == ["made.h5"]
        outcomes.append(None if good else f"exit codes {codes}, files {left}: {texts}")
    return tally(outcomes)


def _in(folder: Path, arguments: tuple[object, ...]) -> None:
    os.chdir(folder)
    command(*arguments)


def _watch(path: Path, children: list[int]) -> list[str]:
    """Parse the CSV over and over until all children are done; what was wrong with it."""
    torn, running = [], set(children)
    while running:
        for child in list(running):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                running.discard(child)
                code = os.waitstatus_to_exitcode(status)
                if code not in (0, -signal.SIGKILL):
                    torn.append(f"a process ended with {code}")
        try:
            rows = _parsed(path) if path.exists() else []
            names = [row["arch"] for row in rows if row["origin"] == "local"]
            if len(set(names)) < len(names):
                torn.append("a row stood twice")
        except (ValueError, KeyError, csv.Error) as error:
            torn.append(str(error))
        time.sleep(0.02)
    return torn


def _parsed(path: Path) -> list[dict[str, str]]:
    from trendbench.leaderboard.board import COLUMNS

    with path.open(newline="", encoding="utf-8") as file:
        head, *lines = list(csv.reader(file, strict=True))
    if tuple(head) != COLUMNS or any(len(line) != len(COLUMNS) for line in lines):
        raise ValueError("a line has other columns")
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]
