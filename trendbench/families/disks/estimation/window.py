"""Where germs lie, and the process of estimated λ's."""

from dataclasses import dataclass

from trendbench.families.disks.process import Coupling, Disks


@dataclass(frozen=True)
class Window:
    """The frame dilated by R on every side: [−R, W + R] × [−R, H + R] [px]."""

    width: int
    height: int
    radius: float

    @property
    def area(self) -> float:
        """|W| [px²]."""
        return (self.width + 2 * self.radius) * (self.height + 2 * self.radius)

    @property
    def middle(self) -> float:
        """x̄ [px]."""
        return self.width / 2

    @property
    def half_width(self) -> float:
        """T [px]."""
        return self.width / 2 + self.radius


def process_of(
    left: float,
    right: float,
    window: Window,
    coupling: Coupling,
    *,
    rising: bool,
    slack: float = 1e-12,
) -> Disks:
    """A process with the λ's made admissible: in their known order, and λ ≥ 0 where germs are.

    The smaller end is raised to max·R/(W + R) where the line would be negative within R of the
    frame, and to the larger one where the two have changed places.

    The least λ on the dilated frame is at least ``slack`` times the larger end.
    """
    sparse, dense = (left, right) if rising else (right, left)
    dense = max(sparse, dense)
    sparse = max(sparse, dense * (window.radius / (window.width + window.radius) + slack))
    left, right = (sparse, dense) if rising else (dense, sparse)
    return Disks(
        width=window.width, height=window.height, radius=window.radius,
        lambda_left=left, lambda_right=right, coupling=coupling,
    )  # fmt: skip
