"""What a batch of images and its task have of what metrics need."""

from trendbench.metrics.batch import Batch
from trendbench.metrics.coupling import can_differ, is_coupled
from trendbench.metrics.diversity import expected_spread
from trendbench.metrics.metric import Need
from trendbench.metrics.truth import Truth

_LEAST_FLOOR = 1e-9  # below it true images are all alike, but for events that few sets show


def at_hand(batch: Batch, truth: Truth) -> set[Need]:
    """The needs that are met: a metric exists here if all of its own are among them."""
    spec = truth.spec
    met: dict[Need, bool] = {
        "inputs": batch.s1 is not None and batch.s2 is not None,
        "target": batch.target is not None,
        "second": batch.second is not None,
        "redrawn": batch.redrawn is not None,
        "training": truth.thumbnails is not None,
        "germs": truth.xi_floor > _LEAST_FLOOR,
        "trend": spec.lambda_left != spec.lambda_right and can_differ(spec),
        "rows": spec.height > 1,
        "shared germs": is_coupled(spec),
        "spread": can_differ(spec) and expected_spread(spec, conditional=batch.s1 is not None) > 0,
    }
    return {need for need, is_met in met.items() if is_met}
