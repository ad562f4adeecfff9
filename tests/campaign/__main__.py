"""``python -m tests.campaign``: every fault and attack, many times; the table of what survived.

The table goes to stdout and, with ``--write``, into its block of ``docs/reliability.md``; with
``--only``, the rows that ran take the place of their forerunners there. One thread is enough; the
whole takes about half an hour, most of it the fuzzing.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.campaign.crowd import finishing, making_one_file
from tests.campaign.damage import beside, checkpoint_damage, data_file, flip_bytes, weights
from tests.campaign.endurance import scoring, training
from tests.campaign.failures import fail_and_repeat, make_data_command
from tests.campaign.gallery import (
    hdf5_attacks,
    png_attacks,
    refused,
    samples_attacks,
    text_attacks,
    weights_attacks,
)
from tests.campaign.jobs import (
    TINY,
    Tally,
    kill_and_resume,
    make_data_job,
    run_job,
    score_job,
    tiny_file,
)
from tests.campaign.moments import in_child
from tests.campaign.seeds import seeds, small_data_file
from trendbench.rendering.triplets import simulate

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- what the campaign found -->", "<!-- end of what it found -->"
TOGETHER = "together"
HEADS = ("fault or attack", "tries", "survived", "lost or let in")
_FUZZ_SECONDS = 3600


def main() -> None:
    """Run the campaign, or the rows whose names hold a word."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--only", default="", help="rows whose name holds this word")
    parser.add_argument("--kills", type=int, default=20, help="kills of each job")
    parser.add_argument("--fuzz", type=int, default=100_000, help="inputs for each parser")
    options = parser.parse_args()
    lines, lost = [], []
    with tempfile.TemporaryDirectory() as place:
        for i, (name, row) in enumerate(rows(Path(place), options.kills, options.fuzz).items()):
            if options.only not in name:
                continue
            start = time.monotonic()
            tally = row(Path(place) / f"row{i}")
            missed = len(tally.lost)
            lines.append((name, tally.tries, tally.tries - missed, missed))
            lost += [f"{name}: {what}" for what in tally.lost]
            print(*lines[-1], f"{time.monotonic() - start:.0f} s", sep="\t", flush=True)
    page = PAGE.read_text(encoding="utf-8")
    done = {line[0]: line for line in lines}
    if options.only:
        kept = {name: (name, *counts) for name, counts in stored(page).items()}
        done = kept | done
    text = table(list(done.values()))
    print(text)
    for what in lost:
        print(what)
    if options.write:
        PAGE.write_text(filled(page, text), encoding="utf-8")
    sys.exit(bool(lost))


def rows(place: Path, kills: int, fuzz: int) -> dict[str, Callable[[Path], Tally]]:
    """The rows by name, in the order of the table; each is given an empty place to work in."""
    data = tiny_file(place)
    finished = place / "finished"
    assert in_child(lambda: run_job(data)(finished)) == 0
    workspace = next(finished.rglob("state.json")).parent
    found = next((finished / "results").rglob("seed*.json"))
    made = make_data_command(place)
    small = small_data_file(place / "small.h5")
    run = ("run", "--arch", "nf4", "--data", data, "--epochs", 1, "--device", "cpu", "--no-c2st")
    score = ("score", _samples(place), "--data", data, "--name", "x", "--no-c2st",
             "--figures", "figures")  # fmt: skip
    table: dict[str, Callable[[Path], Tally]] = {
        "SIGKILL in make-data, then the same command": lambda p: kill_and_resume(
            make_data_job, p, kills),
        "SIGKILL in a run, then the same command": lambda p: kill_and_resume(
            run_job(data), p, kills),
        "SIGKILL in a scoring, then the same command": lambda p: kill_and_resume(
            score_job(data), p, kills),
        "a failing system call in make-data": lambda p: fail_and_repeat(made, p),
        "a failing system call in a run": lambda p: fail_and_repeat(run, p, kills),
        "a failing system call in a scoring with figures": lambda p: fail_and_repeat(
            score, p, kills // 2),
        "a failing system call in leaderboard": lambda p: fail_and_repeat(
            ("leaderboard", "--results", ".", "--write"), p),
        "the newest checkpoint cut, empty or changed": lambda p: checkpoint_damage(
            workspace, p, 300),
        "a changed byte in a data file": lambda p: flip_bytes(data, data_file, p, 1000),
        "a changed byte in a small data file": lambda p: flip_bytes(small, data_file, p, 3000),
        "a changed byte in saved weights": lambda p: flip_bytes(
            workspace / "weights" / "generator.safetensors", weights(workspace), p, 1000),
        "a changed byte in a record": lambda p: flip_bytes(found, beside(found), p, None),
        "a changed byte in per-image scores": lambda p: flip_bytes(
            found.with_suffix(".npz"), beside(found), p, None),
        "a changed byte in a record's curves": lambda p: flip_bytes(
            found.with_suffix("") / "curves.json", beside(found), p, 500),
        "32 runs finish at once, 8 of them killed": lambda p: finishing(p, 32),
        "two make-data on one target": lambda p: making_one_file(made, p, kills),
        "10 000 training steps in flat memory": lambda p: training(p, 10_000, 2_000),
        "100 000 scored images in flat memory": lambda p: scoring(p, 100_000, 10),
        "hostile HDF5": lambda p: refused(hdf5_attacks(data), p),
        "hostile samples": lambda p: refused(samples_attacks(), p),
        "hostile PNG": lambda p: refused(png_attacks(), p),
        "hostile weights, settings, checkpoints": lambda p: refused(weights_attacks(), p),
        "hostile words and numbers in records, specs, recipes": lambda p: refused(
            text_attacks(), p),
    }  # fmt: skip
    for name, seed in seeds(place).items():
        table[f"fuzzing: {name}"] = lambda p, n=name, s=seed: fuzzed(n, s, p, fuzz)  # type: ignore[misc]
    return table


def fuzzed(name: str, seed: bytes, place: Path, runs: int) -> Tally:
    """So many coverage-guided inputs to one parser, in a process of its own."""
    for folder in ("seeds", "found"):
        (place / folder).mkdir(parents=True)
    (place / "seeds" / "0").write_bytes(seed)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.campaign.fuzz", name, str(runs), str(place)],
            cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
            timeout=_FUZZ_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Tally(runs, [f"not done within {_FUZZ_SECONDS} s"])
    left = [path for path in place.iterdir() if path.is_file()]
    kept = ROOT / "demo" / "found"
    for path in left:
        kept.mkdir(parents=True, exist_ok=True)
        (kept / f"{name.replace(' ', '-')}-{path.name}").write_bytes(path.read_bytes())
    if done.returncode == 0 and not left:
        return Tally(runs, [])
    return Tally(runs, [f"ended with {done.returncode}: {done.stderr[-500:]}"])


def table(lines: list[tuple[str, int, int, int]]) -> str:
    """The rows as Markdown, with a line that sums them up."""
    total = (TOGETHER, *(sum(line[i] for line in lines) for i in (1, 2, 3)))
    cells = [HEADS, tuple("---" for _ in HEADS), *lines, total]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in cells)


def stored(page: str) -> dict[str, tuple[int, int, int]]:
    """The rows of the page's table by name, without heads and sum."""
    block = page.partition(BEGIN)[2].partition(END)[0]
    cells = [line.strip("| ").split(" | ") for line in block.split("\n") if line.startswith("|")]
    return {
        name: (int(counts[0]), int(counts[1]), int(counts[2]))
        for name, *counts in cells[2:]
        if name != TOGETHER
    }


def filled(page: str, text: str) -> str:
    """The page with the table in its block."""
    block = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return block.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", page)


def _samples(place: Path) -> Path:
    path = place / "samples.npy"
    np.save(path, simulate(TINY, TINY.test, 1).r)
    return path


if __name__ == "__main__":
    main()
