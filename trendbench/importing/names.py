"""The name of a task from that of its file."""

import re
from pathlib import Path

from trendbench.catalog import spec_names
from trendbench.errors import SpecError

_LONGEST = 64
_OTHER = re.compile(r"[^a-z0-9._-]+")


def task_name(path: Path) -> str:
    """The file's name in small letters, other characters replaced by hyphens."""
    name = _OTHER.sub("-", path.stem.casefold()).strip("._-")[:_LONGEST]
    return name or "pictures"


def must_be_free(name: str) -> None:
    """Refuse the name of a shipped task: leaderboards know tasks by their names.

    Raises:
        SpecError: there is such a task.
    """
    if name in spec_names():
        raise SpecError(
            f"'{name}' is the name of a shipped task: choose another --name, as my-{name}"
        )
