"""Ctrl-C and SIGTERM wait for the end of a step, so that what is saved is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Whether someone has asked to stop."""

    requested = False


@contextmanager
def deferred() -> Iterator[Interruption]:
    """Turn the first interrupt into a request; a second one interrupts at once.

    A signal that the process ignores stays ignored, as SIGINT is under nohup and in a job that a
    script starts with ``&``. Outside the main thread signals cannot be caught, and the block runs
    as it is.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    # None: a handler that was not set in Python, which cannot be put back.
    left_alone = (signal.SIG_IGN, None)
    before = {number: old for number, old in handlers.items() if old not in left_alone}

    def request(number: int, frame: FrameType | None) -> None:
        del number, frame
        if interruption.requested:
            raise KeyboardInterrupt
        interruption.requested = True

    try:
        for number in before:
            signal.signal(number, request)
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
