"""The name of a task from that of its file."""

import re
from pathlib import Path

_LONGEST = 64
_OTHER = re.compile(r"[^a-z0-9._-]+")


def task_name(path: Path) -> str:
    """The file's name in small letters, other characters replaced by hyphens."""
    name = _OTHER.sub("-", path.stem.casefold()).strip("._-")[:_LONGEST]
    return name or "pictures"
