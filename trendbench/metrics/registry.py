"""Every metric, in the order of the card."""

from collections.abc import Mapping

from trendbench.metrics.anisotropy import AnisotropyError
from trendbench.metrics.c2st import CLASSIFIER_METRICS
from trendbench.metrics.coupling import (
    Containment,
    InputDisagreement,
    RetentionError,
    TargetDisagreement,
)
from trendbench.metrics.diversity import Diversity
from trendbench.metrics.grey import GreyFraction
from trendbench.metrics.leakage import TargetLeakage
from trendbench.metrics.memorisation import Memorisation
from trendbench.metrics.metric import ImageMetric, Metric, Score
from trendbench.metrics.repeats import Repeats
from trendbench.metrics.stray import StrayError
from trendbench.metrics.strips import ColumnError, RowError
from trendbench.metrics.texture import EulerError, LinealError, PerimeterError, S2Error
from trendbench.metrics.trend import KError, KVarianceRatio, Lambda0Error, LambdaVarianceRatio
from trendbench.metrics.xi import Xi, XiBias, XiBinary, XiExecuted, XiRatio, XiVarianceRatio

IMAGE_METRICS: tuple[ImageMetric, ...] = (
    Xi(),
    XiRatio(),
    XiBias(),
    XiVarianceRatio(),
    XiBinary(),
    XiExecuted(),
    GreyFraction(),
    S2Error(),
    LinealError(),
    PerimeterError(),
    EulerError(),
    AnisotropyError(),
    StrayError(),
    RowError(),
    ColumnError(),
    KError(),
    Lambda0Error(),
    KVarianceRatio(),
    LambdaVarianceRatio(),
    RetentionError(),
    Containment(),
    InputDisagreement(),
    TargetDisagreement(),
    TargetLeakage(),
    Diversity(),
    Memorisation(),
    Repeats(),
)
METRICS: dict[str, Metric] = {m.name: m for m in (*IMAGE_METRICS, *CLASSIFIER_METRICS)}


def are_current(scores: Mapping[str, Score | None]) -> bool:
    """Whether every score is of the version that its metric has now."""
    return all(
        name in METRICS and METRICS[name].version == score.version
        for name, score in scores.items()
        if score is not None
    )
