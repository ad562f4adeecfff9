"""Striking faults of a run's images, in words."""

from collections.abc import Iterator

from trendbench.errors import ResultError
from trendbench.generators.recipes import note_of
from trendbench.metrics.curves import Curve
from trendbench.results.attachments import CURVES, unpack_curves
from trendbench.results.record import RunRecord
from trendbench.results.store import StoredRecord

_BLANK = 0.01  # mean coverage of a page on which nearly nothing is drawn
_ONE_SIDED = 0.2  # coverage of one half over that of the other; on our tasks true images have 0.4
_ONE_PICTURE = 0.05  # of the true variance between images
_GREY = 0.1  # share of grey pixels


def seen(stored: StoredRecord) -> str:
    """One sentence on a run's images, empty where nothing stands out."""
    try:
        content = stored.attachment(CURVES)
        profile = unpack_curves(content).profile if content else None
    except ResultError:
        profile = None
    found = "; ".join(_remarks(stored.record, profile))
    if not found:
        return ""
    note = note_of(stored.record.family)
    return f"seen: {found}.{f' {note}' if note else ''}"


def _remarks(record: RunRecord, profile: Curve | None) -> Iterator[str]:
    if profile is not None:
        yield from _emptiness(profile)
    variance, grey = (record.scores.get(name) for name in ("xi_variance_ratio", "grey_fraction"))
    if variance and variance.value < _ONE_PICTURE:
        yield (
            "one picture whatever the inputs: between images the mean profile has "
            f"{variance.value:.1%} of its true variance"
        )
    if grey and grey.value > _GREY:
        yield f"grey: {grey.value:.0%} of the pixels are neither black nor white"


def _emptiness(profile: Curve) -> Iterator[str]:
    """A blank page, or one with a blank half, by the mean of ξ_k."""
    half = profile.size // 2
    left, right = float(profile[:half].mean()), float(profile[-half:].mean())
    if max(left, right) < _BLANK:
        yield f"a blank page: {profile.mean():.1%} black"
    elif min(left, right) < _ONE_SIDED * max(left, right):
        side = "left" if left < right else "right"
        yield (
            f"the {side} half is nearly blank: {min(left, right):.1%} black, "
            f"{max(left, right):.1%} in the other half"
        )
