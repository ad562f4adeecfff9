"""``trendbench --help``: at most 0.3 s."""

from collections.abc import Iterator

from benchmarks.measure import medians, process, verdict

LIMIT = 0.3


def measure() -> Iterator[str]:
    """Median of nine starts."""
    seconds = medians([process("-m", "trendbench", "--help") for _ in range(9)]).seconds
    end = f"limit {LIMIT} s: {verdict(seconds <= LIMIT)}"
    yield f"--help                {seconds:6.3f} s        {end}"
