"""Where independent tasks run: in this process, or on the workers of a cluster."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(Protocol):
    """Applies a function to tasks; which of them have been done survives an error in another."""

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """The results in the order of the tasks, each as soon as it and those before are there.

        Args:
            function: of a module that every worker can import.
            tasks: plain values that travel to other machines.
        """


class Here:
    """One task after another in this process."""

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """As ``Engine.map``."""
        return map(function, tasks)
