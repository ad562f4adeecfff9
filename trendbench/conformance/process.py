"""Test a generator in processes of its own, so that one that hangs or dies is only a finding."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trendbench.conformance.checks import CHECKS, IMPORT
from trendbench.conformance.findings import Finding
from trendbench.conformance.plan import DONE, PREPARING, Plan
from trendbench.errors import DEBUG
from trendbench.spec import TaskSpec

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from trendbench.conformance.child import main; "
    "from trendbench.conformance.plan import Plan; "
    "main(Plan(**json.loads(sys.argv[2])), int(sys.argv[3]))"
)
_PREPARING_LIMIT = 600.0  # imports, and kernels that are compiled on a machine's first use
_LAST_WORDS = 200
Tell = Callable[[Finding], None]


def conform(
    reference: str, spec: TaskSpec, *, device: str, limit: float, tell: Tell
) -> list[Finding]:
    """Everything that is found wrong, or right, with a generator.

    Args:
        reference: what ``find_recipe`` understands.
        spec: a task of few triplets.
        device: torch's name of the device.
        limit: seconds that a single step may take.
        tell: called with each finding as it is made.

    Returns:
        One finding for each of ``CHECKS``, in that order.
    """
    found: list[Finding] = []

    def add(finding: Finding) -> None:
        found.append(finding)
        tell(finding)

    before = _files(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="trendbench-test-") as root:
        plan = Plan(reference, spec.to_json(), root, device, "examine")
        _run(plan, limit, add)
        if plan.moved.is_dir():
            _run(replace(plan, stage="reload"), limit, add)
    for name in CHECKS:
        if name not in {finding.check for finding in found}:
            add(Finding(name, "skip", "not reached"))
    appeared = [name for name, state in _files(Path.cwd()).items() if before.get(name) != state]
    if appeared and all(f.outcome == "ok" for f in found if f.check == "writes"):
        add(
            Finding(
                "current folder", "warn",
                f"{', '.join(sorted(appeared)[:3])} appeared or changed meanwhile: if the "
                "generator wrote it, it belongs into the folder that fit or save is given",
            )
        )  # fmt: skip
    return found


@dataclass
class _Talk:
    """What the other process has said so far."""

    step: str = PREPARING
    since: float = 0.0


def _run(plan: Plan, limit: float, add: Tell) -> None:
    """One stage in a process of its own, to its end or to a step's time limit."""
    with _child(plan) as (process, pipe):
        talk = _Talk(since=time.monotonic())
        buffer = b""
        while talk.step != DONE:
            allowed = _PREPARING_LIMIT if talk.step == PREPARING else limit
            left = talk.since + allowed - time.monotonic()
            ready, _, _ = select.select([pipe], [], [], max(left, 0.0))
            if not ready:
                add(
                    Finding(
                        _named(talk.step), "FAIL",
                        f"not done after {allowed:g} s, and stopped: if it only needs longer, "
                        "give it more with --limit",
                    )
                )  # fmt: skip
                return
            chunk = os.read(pipe, 1 << 16)
            if not chunk:
                how = _how(process.wait())
                words = f"ended the process{how}{_last_words(plan)}"
                add(Finding(_named(talk.step), "FAIL", words))
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                _hear(json.loads(line), talk, add)


def _hear(word: dict[str, Any], talk: _Talk, add: Tell) -> None:
    talk.since = time.monotonic()
    if "begins" in word:
        talk.step = word["begins"]
    else:
        add(Finding(**word["finding"]))


@contextmanager
def _child(plan: Plan) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process and the pipe it talks through; it and all it started end with the block."""
    heard, told = os.pipe()
    temporary = Path(plan.root) / "tmp"
    temporary.mkdir(exist_ok=True)
    with (Path(plan.root) / "said.txt").open("wb") as said:
        loud = bool(os.environ.get(DEBUG))
        process = subprocess.Popen(
            [sys.executable, "-c", _CODE, json.dumps(sys.path), plan.to_json(), str(told)],
            stdin=subprocess.DEVNULL, stdout=said, stderr=None if loud else said,
            env={**os.environ, "TMPDIR": str(temporary)}, pass_fds=[told], start_new_session=True,
        )  # fmt: skip
    os.close(told)
    try:
        yield process, heard
    finally:
        os.close(heard)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _named(step: str) -> str:
    return step if step in CHECKS else IMPORT


def _how(code: int) -> str:
    return f" by signal {signal.Signals(-code).name}" if code < 0 else f" with exit code {code}"


def _last_words(plan: Plan) -> str:
    """The last line that the process printed."""
    text = (Path(plan.root) / "said.txt").read_text(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {lines[-1][:_LAST_WORDS]}" if lines else ""


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """The files of a folder, with what shows that one has changed."""
    with os.scandir(folder) as entries:
        return {
            entry.name: (entry.stat().st_mtime_ns, entry.stat().st_size)
            for entry in entries
            if entry.is_file(follow_symlinks=False)
        }
