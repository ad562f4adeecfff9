"""Progress for people: a bar with an ETA on a terminal, a plain line now and then elsewhere."""

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol, TextIO, cast

from trendbench.plain_text import inert

_SECONDS_BETWEEN_LINES = 15.0
_BAR_WIDTH = 10


class Progress(Protocol):
    """What a long loop needs to know of whoever watches it."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """``count`` more units are done; ``note`` is a short reading to show beside them."""


Bar = Callable[..., AbstractContextManager[Progress]]  # bar(title, total, unit, done=0)


class Silent:
    """Nobody watches."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Do nothing."""


@contextmanager
def quiet(title: str, total: int, unit: str, done: int = 0) -> Iterator[Progress]:
    """In place of ``bar``: show nothing."""
    del title, total, unit, done
    yield Silent()


class _Talk(io.TextIOBase):
    """A stream for talk: where there is none, or it takes no more, the talk is lost, not the work.

    There is none in a daemon, under pythonw, or after ``2>&-``; a terminal or a pipe may close.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError, AttributeError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError, AttributeError):
            self._stream.flush()

    def isatty(self) -> bool:
        with suppress(OSError, ValueError, AttributeError):
            return bool(self._stream.isatty())
        return False


def say(line: str) -> None:
    """One line of talk, on stderr; what third parties wrote in it moves no cursor."""
    talk = _Talk(sys.stderr)
    talk.write(inert(line) + "\n")
    talk.flush()


@contextmanager
def optional(what: str) -> Iterator[None]:
    """A block that adds something to a result: where it fails, one line says so, and work goes on.

    Args:
        what: is then left out, e.g. ``"the figures"``.
    """
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        say(f"{what} left out: {type(error).__name__}{': ' + reason if reason else ''}")


@contextmanager
def bar(title: str, total: int, unit: str, done: int = 0) -> Iterator[Progress]:
    """Show ``title`` while the block counts from ``done`` to ``total`` units."""
    talk = _Talk(sys.stderr)
    if not talk.isatty():
        yield _Lines(title, total, unit, done)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=_BAR_WIDTH),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
        # The last reading takes the room that is left, and is what a narrow terminal cuts.
        TextColumn("{task.fields[note]}", table_column=Column(ratio=1, no_wrap=True)),
    )
    with RichProgress(*columns, console=Console(file=cast(TextIO, talk)), expand=True) as display:
        task = display.add_task(title, total=total, completed=done, note="")

        class Bar:
            def advance(self, count: int = 1, note: str = "") -> None:
                display.advance(task, count)
                if note:
                    display.update(task, note=note)

        yield Bar()


class _Lines:
    """Plain lines: at most one every few seconds, and one when all is done."""

    def __init__(self, title: str, total: int, unit: str, done: int) -> None:
        self._title, self._total, self._unit = title, total, unit
        self._first = self._done = done
        self._note = ""
        self._start = self._spoken = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        self._done += count
        self._note = note or self._note
        now = time.monotonic()
        finished = self._done >= self._total
        if not finished and now - self._spoken < _SECONDS_BETWEEN_LINES:
            return
        self._spoken = now
        elapsed = now - self._start
        rate = (self._done - self._first) / max(elapsed, 1e-9)
        ahead = "" if finished else f", eta {(self._total - self._done) / max(rate, 1e-9):.0f} s"
        say(
            f"{self._title}: {self._done}/{self._total} {self._unit}, {elapsed:.0f} s{ahead}"
            f"{'  ' + self._note if self._note else ''}"
        )
