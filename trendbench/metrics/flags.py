"""Flags: what disqualifies a set of images. One table, each limit with its reason.

A limit is a value that a reader would call wrong, or what fresh true images reach by chance at
this number of images, whichever is further from truth: ``CHANCE`` times as far from the median as
the 99.5 % quantile lies. For a Gaussian score that is 6 standard deviations; the long tails of
root-mean-square scores are inside it too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trendbench.metrics.metric import Score

CHANCE = 2.4


@dataclass(frozen=True)
class Rule:
    """One way to earn a flag.

    Attributes:
        flag: its name.
        score: the score it looks at.
        side: whether too high or too low a value is wrong.
        limit: the value beyond which it is wrong whatever the number of images.
        reason: why that limit.
    """

    flag: str
    score: str
    side: Literal["above", "below"]
    limit: float
    reason: str

    def threshold(self, score: Score) -> float:
        """The value beyond which the flag is raised, chance allowed for."""
        if self.side == "above":
            return max(self.limit, score.truth + CHANCE * (score.truth_high - score.truth))
        return min(self.limit, score.truth - CHANCE * (score.truth - score.truth_low))

    def broken(self, score: Score) -> bool:
        """Whether a value earns the flag."""
        threshold = self.threshold(score)
        return score.value > threshold if self.side == "above" else score.value < threshold


RULES = (
    Rule("below-floor", "xi_ratio", "below", 0.9,
         "no honest draw has a smaller error than the process has spread"),
    Rule("grey", "grey_fraction", "above", 0.01,
         "the process has hard edges; a hundredth of the frame in grey is a twelfth of all edges"),
    Rule("collapsed", "xi_variance_ratio", "below", 0.7,
         "images that vary a third less than true ones repeat themselves"),
    Rule("collapsed", "diversity", "below", 0.5,
         "two samples for the same inputs are half the same where they should differ"),
    Rule("wrong-trend", "xi_bias", "above", 2e-4,
         "a mean profile off by 0.014, a tenth of the trend's range, is another trend"),
    Rule("wrong-trend", "k_error", "above", 10.0, "ten standard errors of the slope"),
    Rule("wrong-trend", "k_error", "below", -10.0, "ten standard errors of the slope"),
    Rule("wrong-texture", "s2_error", "above", 0.08, "as an R off by 4 % would do"),
    Rule("wrong-texture", "lineal_error", "above", 0.06, "as an R off by 4 % would do"),
    Rule("wrong-texture", "perimeter_error", "above", 0.05, "particles of another shape"),
    Rule("wrong-texture", "euler_error", "above", 0.08, "a twelfth of the particles too many"),
    Rule("memorised", "memorisation", "above", 0.05,
         "five times as many near copies of training images as fresh images happen to be"),
    Rule("copies-input", "input_disagreement", "below", 0.25,
         "three quarters of what should change between input and image has not"),
    Rule("copies-target", "target_disagreement", "below", 0.75,
         "nearer to the hidden answer than a fresh draw can be"),
    Rule("ignores-input", "containment", "above", 0.5,
         "half of the black pixels are lost or lie where no input has any"),
)  # fmt: skip


@dataclass(frozen=True)
class Flag:
    """A raised flag and the readings that raised it."""

    name: str
    readings: tuple[str, ...]


def raised(scores: Mapping[str, Score | None]) -> list[Flag]:
    """The flags of a card, in the table's order."""
    readings: dict[str, list[str]] = {}
    for rule in RULES:
        score = scores.get(rule.score)
        if score is not None and rule.broken(score):
            reading = f"{rule.score} {score.value:.4g} beyond {rule.threshold(score):.4g}"
            readings.setdefault(rule.flag, []).append(reading)
    return [Flag(name, tuple(found)) for name, found in readings.items()]


def verdict(scores: Mapping[str, Score | None], flags: list[Flag]) -> str:
    """A card in a sentence or two."""
    if flags:
        found = "; ".join(f"{flag.name} ({', '.join(flag.readings)})" for flag in flags)
        return f"Disqualified: {found}."
    outside = [name for name, score in scores.items() if score is not None and not score.is_within]
    if outside:
        return (
            "No flag. Told from true images by " + ", ".join(outside) + " (outside the range of "
            "99 % of fresh true sets of this size)."
        )
    return "Not told from true images by any score at this number of images."
