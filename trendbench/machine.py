"""What this machine offers."""

import os


def usable_cores() -> int:
    """Cores that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # macOS has no such call, and a sandbox may refuse it
        return os.cpu_count() or 1
