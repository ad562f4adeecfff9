"""What a check says."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "warn", "FAIL", "skip"]


@dataclass(frozen=True)
class Finding:
    """One check and what came of it.

    Attributes:
        check: what was looked at, in a few words.
        outcome: ``ok``; ``warn``, worth a look but no fault; ``FAIL``; ``skip``, not reached, or
            nothing to be learned from it.
        reading: what was seen; for a fault, how to mend it.
    """

    check: str
    outcome: Outcome
    reading: str


class FaultError(Exception):
    """A check that fails; the message is its reading."""


class DoubtError(Exception):
    """A check that warns; the message is its reading."""


class MootError(Exception):
    """A check from which nothing can be learned; the message says why."""
