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

    Outside the main thread signals cannot be caught, and the block runs as it is.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def request(number: int, frame: FrameType | None) -> None:
        del number, frame
        if interruption.requested:
            raise KeyboardInterrupt
        interruption.requested = True

    try:
        for number in _SIGNALS:
            signal.signal(number, request)
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
