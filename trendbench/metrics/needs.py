"""What a batch of images and its task have of what metrics need."""

from trendbench.metrics.batch import Batch
from trendbench.metrics.coupling import can_differ, is_coupled
from trendbench.metrics.diversity import expected_spread
from trendbench.metrics.metric import Need
from trendbench.metrics.truth import Truth
from trendbench.spec import TaskSpec

_LEAST_FLOOR = 1e-9  # below it true images are all alike, but for events that few sets show


def at_hand(batch: Batch, truth: Truth) -> set[Need]:
    """The needs that are met: a metric exists here if all of its own are among them."""
    spec = truth.spec
    is_spread = _is_spread(spec, conditional=batch.s1 is not None)
    is_redrawn = batch.target is not None and batch.redrawn is not None
    met: dict[Need, bool] = {
        "inputs": batch.s1 is not None and batch.s2 is not None,
        "target": batch.target is not None,
        "second": batch.second is not None,
        "hidden r": (is_redrawn and is_spread) if spec.simulated else True,
        "training": truth.thumbnails is not None,
        "black": truth.xi_floor > _LEAST_FLOOR,
        "trend": spec.has_trend and can_differ(spec),
        "rows": spec.height > 1,
        "shared germs": is_coupled(spec),
        "spread": is_spread,
        "disagreement": _has_disagreement(spec),
    }
    return {need for need, is_met in met.items() if is_met}


def _is_spread(spec: TaskSpec, *, conditional: bool) -> bool:
    """Whether two draws of r differ, as far as that is known."""
    is_known = not conditional or _has_disagreement(spec)
    return can_differ(spec) and is_known and expected_spread(spec, conditional=conditional) > 0


def _has_disagreement(spec: TaskSpec) -> bool:
    return spec.is_independent or "disagreement" in spec.laws
