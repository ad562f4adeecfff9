"""Test a generator in processes of its own, so that one that hangs or dies is only a finding."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from trendbench.conformance.checks import CHECKS, IMPORT
from trendbench.conformance.child import main
from trendbench.conformance.findings import Finding
from trendbench.conformance.plan import DONE, PREPARING, Plan
from trendbench.errors import DEBUG
from trendbench.spec import TaskSpec

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


def _run(plan: Plan, limit: float, add: Tell) -> None:
    """One stage in a process of its own, to its end or to a step's time limit."""
    step = PREPARING
    with _child(plan) as (process, heard):
        while step != DONE:
            allowed = _PREPARING_LIMIT if step == PREPARING else limit
            if not heard.poll(allowed):
                words = (
                    f"not done after {allowed:g} s, and stopped: if it only needs longer, "
                    "give it more with --limit"
                )
                return add(Finding(_named(step), "FAIL", words))
            try:
                word = heard.recv()
            except (EOFError, OSError):
                process.join()
                words = f"ended the process{_how(process.exitcode or 0)}{_last_words(plan)}"
                return add(Finding(_named(step), "FAIL", words))
            if isinstance(word, Finding):
                add(word)
            else:
                step = word
    return None


@contextmanager
def _child(plan: Plan) -> Iterator[tuple[BaseProcess, Connection]]:
    """The process and what it tells; it and all it started end with the block."""
    plan.said.touch()
    context = get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    process = context.Process(target=_begin, args=(plan, told))
    process.start()
    told.close()
    try:
        yield process, heard
    finally:
        heard.close()
        assert process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()  # where it had not yet become the leader of a group
        process.join()


def _begin(plan: Plan, told: Connection) -> None:
    """The beginning of the process: its own group, its own place for temporary files."""
    os.setsid()
    temporary = Path(plan.root) / "tmp"
    temporary.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    said = os.open(plan.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1,) if os.environ.get(DEBUG) else (1, 2):
        os.dup2(said, stream)
    main(plan, told)


def _named(step: str) -> str:
    return step if step in CHECKS else IMPORT


def _how(code: int) -> str:
    return f" by signal {signal.Signals(-code).name}" if code < 0 else f" with exit code {code}"


def _last_words(plan: Plan) -> str:
    """The last line that the process printed."""
    lines = [line.strip() for line in plan.said.read_text(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return f": {last[:_LAST_WORDS]}" if last else ""


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """The files of a folder, with what shows that one has changed."""
    with os.scandir(folder) as entries:
        return {
            entry.name: (entry.stat().st_mtime_ns, entry.stat().st_size)
            for entry in entries
            if entry.is_file(follow_symlinks=False)
        }
