"""A count of training steps that survives resuming."""

from collections.abc import Mapping
from typing import Any


class Steps:
    """How many steps were done, as a checkpoint keeps it."""

    done = 0

    def state_dict(self) -> dict[str, Any]:
        """The number by its name."""
        return {"done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.done = state["done"]
