"""Which triplets of a task a file holds: all of them, or one of several equal runs."""

from dataclasses import dataclass

from trendbench.process.seeds import SPLITS, Split
from trendbench.spec import TaskSpec


@dataclass(frozen=True)
class Part:
    """Part ``index`` of ``count``: of all triplets, training first, a run of about equal length.

    With N triplets in all, part i holds those numbered ⌊i·N/count⌋ to below ⌊(i+1)·N/count⌋.
    """

    index: int
    count: int

    def rows(self, spec: TaskSpec) -> dict[Split, range]:
        """The triplets of each split that lie in this part; an empty range where none do."""
        total = sum(spec.sizes.values())
        first = total * self.index // self.count
        end = total * (self.index + 1) // self.count
        rows: dict[Split, range] = {}
        before = 0
        for split in SPLITS:
            size = spec.sizes[split]
            low, high = (min(max(edge - before, 0), size) for edge in (first, end))
            rows[split] = range(low, high)
            before += size
        return rows

    def size(self, spec: TaskSpec) -> int:
        """Triplets in this part."""
        return sum(len(rows) for rows in self.rows(spec).values())

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


WHOLE = Part(0, 1)
