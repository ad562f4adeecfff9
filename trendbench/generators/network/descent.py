"""A training step down a loss, and the state that training resumes from."""

from collections.abc import Mapping
from typing import Any

import torch

from trendbench.training.one_batch import sum_gradients, weighed


class Parts:
    """Networks and optimisers by name, as one state: what a ``Trainable`` saves and resumes."""

    def __init__(self, **parts: Any) -> None:
        self.parts: Mapping[str, Any] = parts

    def state_dict(self) -> dict[str, Any]:
        """The state of every part."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put every part back."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])


def descend(loss: torch.Tensor, *optimisers: torch.optim.Optimizer) -> None:
    """One step of the optimisers down the gradient of the batch's mean loss.

    Args:
        loss: the mean over this process's rows.
        *optimisers: of the weights to be changed.
    """
    for optimiser in optimisers:
        optimiser.zero_grad(set_to_none=True)
    weighed(loss).backward()  # type: ignore[no-untyped-call]
    for optimiser in optimisers:
        sum_gradients(optimiser)
        optimiser.step()
