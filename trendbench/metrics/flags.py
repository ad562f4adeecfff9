"""Flags: what disqualifies a set of images. One table, each limit with its reason.

A limit is a value that a reader would call wrong, or what fresh true images reach by chance at
this number of images, whichever is further from truth: ``CHANCE`` times as far from the median as
the reference range reaches, which is 5 standard deviations or more for a Gaussian score. The long
tails of root-mean-square scores are inside the range too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trendbench.metrics.grey import MOST_GREY
from trendbench.metrics.metric import Score
from trendbench.metrics.trend import trend_directions
from trendbench.metrics.truth import true_values
from trendbench.spec import TaskSpec

CHANCE = 2.0
VOTES_CHANCE = 1.1  # the range of a full card lies at p = 4e-4, whatever the votes
_TREND_SHARE = 0.05
Limit = float | Callable[[TaskSpec, int], float]


@dataclass(frozen=True)
class Rule:
    """One way to earn a flag.

    Attributes:
        flag: its name.
        score: the score it looks at.
        side: whether too high or too low a value is wrong.
        limit: the value beyond which it is wrong whatever the number of images; a function of the
            task and that number where it is relative to them.
        reason: why that limit.
        chance: how far chance is allowed for, see above; 0 where the whole 95 % interval of the
            score must lie beyond the limit.
        needs: a second score and the value that it must stay below for the flag.
    """

    flag: str
    score: str
    side: Literal["above", "below"]
    limit: Limit
    reason: str
    chance: float = CHANCE
    needs: tuple[str, float] | None = None

    def threshold(self, score: Score, spec: TaskSpec, n: int) -> float:
        """The value beyond which the flag is raised with n images of a task."""
        limit = self.limit(spec, n) if callable(self.limit) else self.limit
        if self.side == "above":
            return max(limit, score.truth + self.chance * (score.truth_high - score.truth))
        return min(limit, score.truth - self.chance * (score.truth - score.truth_low))

    def broken(self, scores: Mapping[str, Score | None], spec: TaskSpec, n: int) -> bool:
        """Whether a card earns the flag by this rule."""
        score = scores.get(self.score)
        if score is None:
            return False
        if self.needs is not None:
            other = scores.get(self.needs[0])
            if other is None or other.value >= self.needs[1]:
                return False
        threshold = self.threshold(score, spec, n)
        if self.side == "above":
            return (score.value if self.chance else score.low) > threshold
        return (score.value if self.chance else score.high) < threshold


def _bias_limit(spec: TaskSpec, n: int) -> float:
    """A mean profile that is off by a twentieth of its range, or of its mean if that is larger.

    Where triplets have trends of their own, the mean of the squares over trends.
    """
    del n
    profiles = [member.mean_profile for member in true_values(spec).members]
    wrong = [_TREND_SHARE * max(np.ptp(profile), profile.mean()) for profile in profiles]
    return float(np.mean(np.square(wrong)))


def _slope_limit(spec: TaskSpec, n: int) -> float:
    """A twentieth of the slope, or of the trend at mid-frame over the width, in standard errors.

    Where triplets have trends of their own, a twentieth of all slopes.
    """
    if len(spec.members) > 1:
        slopes, spreads = trend_directions(true_values(spec), 1)
        return float(_TREND_SHARE * np.sqrt(n * np.square(slopes / spreads).mean()))
    trend, errors = true_values(spec).trend, true_values(spec).trend_errors
    mean = float(trend.at(spec.width / 2))
    wrong = _TREND_SHARE * max(abs(trend.slope), mean / spec.width)
    return float(wrong / errors[1] * np.sqrt(n))


def _below(limit: Callable[[TaskSpec, int], float]) -> Callable[[TaskSpec, int], float]:
    return lambda spec, n: -limit(spec, n)


RULES = (
    Rule("below-floor", "xi_ratio", "below", 0.9,
         "no honest draw has a smaller error than the process has spread"),
    Rule("grey", "grey_fraction", "above", MOST_GREY,
         "the process has hard edges; a hundredth of the frame in grey is a twelfth of all edges"),
    Rule("collapsed", "xi_variance_ratio", "below", 0.5,
         "images that vary half as much as true ones, and so do two samples for the same inputs",
         needs=("diversity", 0.75)),
    Rule("wrong-texture", "xi_variance_ratio", "below", 0.5,
         "images that vary half as much as true ones are another process"),
    Rule("collapsed", "diversity", "below", 0.75,
         "two samples for the same inputs are a quarter the same where they should differ"),
    Rule("wrong-trend", "xi_bias", "above", _bias_limit,
         "a mean profile off by a twentieth of the trend's range is another trend"),
    Rule("wrong-trend", "k_error", "above", _slope_limit, "a slope off by a twentieth"),
    Rule("wrong-trend", "k_error", "below", _below(_slope_limit), "a slope off by a twentieth"),
    Rule("wrong-trend", "k_variance_ratio", "above", 2.0,
         "slopes of single images that vary twice as much as those of true ones"),
    Rule("wrong-trend", "lambda_variance_ratio", "above", 2.0,
         "intensities of single images that vary twice as much as those of true ones"),
    Rule("wrong-trend", "row_error", "above", 0.05,
         "the intensity does not change along y"),
    Rule("wrong-trend", "column_error", "above", 0.15,
         "the intensity is linear up to both borders"),
    Rule("wrong-texture", "xi_variance_ratio", "above", 1.5,
         "images that vary half more than true ones are another process"),
    Rule("wrong-texture", "s2_error", "above", 0.08, "as an R off by 4 % would do"),
    Rule("wrong-texture", "lineal_error", "above", 0.06, "as an R off by 4 % would do"),
    Rule("wrong-texture", "perimeter_error", "above", 0.05, "particles of another shape"),
    Rule("wrong-texture", "euler_error", "above", 0.08, "a twelfth of the particles too many"),
    Rule("wrong-texture", "anisotropy_error", "above", 0.03,
         "as ellipses a sixteenth higher than wide would do"),
    Rule("wrong-texture", "anisotropy_error", "below", -0.03,
         "as ellipses a sixteenth wider than high would do"),
    Rule("wrong-texture", "stray_error", "above", 0.05,
         "a twentieth of the black has a shape that no particle can give it"),
    Rule("memorised", "memorisation", "above", 0.02,
         "one image in fifty is a near copy of an image that the generator was given",
         chance=VOTES_CHANCE),
    Rule("repeats", "repeats", "above", 0.02,
         "one image in fifty is a near copy of another one", chance=VOTES_CHANCE),
    Rule("copies-input", "input_disagreement", "below", 0.25,
         "three quarters of what should change between input and image has not"),
    Rule("copies-target", "target_leakage", "above", 0.02,
         "one image in fifty is a near copy of the hidden answer", chance=VOTES_CHANCE),
    Rule("ignores-input", "containment", "above", 0.02,
         "a fiftieth of the black is lost or lies where no input has any; true images have none"),
    Rule("ignores-input", "retention_error", "above", 0.05,
         "particles survive with a probability that is off by a twentieth"),
    Rule("ignores-input", "target_disagreement", "above", 1.25,
         "a quarter further from the hidden answer than a fresh draw is"),
    Rule("ignores-input", "diversity", "above", 1.25,
         "two samples for the same inputs differ a quarter more than two true draws"),
    Rule("told-apart", "c2st_accuracy", "above", 0.6,
         "a small network classifies three of five images correctly",
         chance=0.0, needs=("c2st_p", 1e-3)),
)  # fmt: skip
TELL_NOTHING = frozenset(  # the classifier tells by its p-value; xi_executed ranks nothing
    {"c2st_logloss", "c2st_accuracy", "xi_executed"}
)


@dataclass(frozen=True)
class Flag:
    """A raised flag and the readings that raised it."""

    name: str
    readings: tuple[str, ...]


def raised(scores: Mapping[str, Score | None], spec: TaskSpec, n: int) -> list[Flag]:
    """The flags of a card of n images, in the table's order."""
    readings: dict[str, list[str]] = {}
    for rule in RULES:
        if rule.broken(scores, spec, n):
            score = scores[rule.score]
            assert score is not None
            limit = score.marked(f"{rule.threshold(score, spec, n):.4g}")
            reading = f"{rule.score} {score.value:.4g} beyond {limit}"
            readings.setdefault(rule.flag, []).append(reading)
    return [Flag(name, tuple(found)) for name, found in readings.items()]


def telling(scores: Mapping[str, Score | None]) -> tuple[str, ...]:
    """The scores that lie outside their reference range, which 1 % of true sets do in any."""
    return tuple(
        name
        for name, score in scores.items()
        if score is not None and not score.is_within and name not in TELL_NOTHING
    )


def verdict(scores: Mapping[str, Score | None], flags: list[Flag]) -> str:
    """A card in a sentence or two; another where true images' ξ itself is an estimate."""
    xi = scores.get("xi")
    estimated = " True values are estimated." if xi is not None and xi.estimated else ""
    return _said(scores, flags) + estimated


def _said(scores: Mapping[str, Score | None], flags: list[Flag]) -> str:
    if flags:
        found = "; ".join(f"{flag.name} ({', '.join(flag.readings)})" for flag in flags)
        return f"Disqualified: {found}."
    told_by = telling(scores)
    if told_by:
        return (
            "No flag. Told from true images by " + ", ".join(told_by) + ": of true sets of this "
            "size, 1 % have any score outside its range."
        )
    if scores.get("c2st_p") is None:
        return "Not told from true images by its scores; the classifier was not trained."
    return "Not told from true images at this number of images."
