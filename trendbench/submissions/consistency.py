"""Whether an entry's numbers fit together, and fit what is known of its data file.

What is known are the records of runs on the same file (status ``reproduced``), published or local:
its test triplets, its exact ξ floor, and what true images score, which a stranger must not widen to
slip under a flag.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ResultError
from trendbench.generators.recipes import is_reserved
from trendbench.leaderboard.board import VERSIONS
from trendbench.metrics.batch import Batch
from trendbench.metrics.card import METRICS
from trendbench.metrics.flags import raised
from trendbench.metrics.full_card import C2ST_VERSIONS
from trendbench.metrics.metric import Metric
from trendbench.metrics.resampling import CONFIDENCE, bootstrap_weights
from trendbench.metrics.truth import Truth
from trendbench.results.record import RunRecord, ScoreEntry
from trendbench.spec import TaskSpec
from trendbench.submissions.entry import Entry, Parcel
from trendbench.submissions.text import checked_line

_SINGLE = 1e-6  # relative, of sums of float32
_SAME = 1e-6  # relative, of the same closed form or simulation on two machines
_LOOSE = 6.0  # standard errors that a score which is no mean may lie from its jackknife values
_NEAR = 2.0  # widths of the true range within which such a score has to be borne out
_LARGEST = 1e6
_TINY = 1e-12
_METRICS = {metric.name: metric for metric in METRICS}
_MEANS = {name for name, metric in _METRICS.items() if type(metric).value is Metric.value}
_TRUTH = ("truth", "truth_low", "truth_high")
# Any task with coupled inputs does to ask which scores look at what.
_PROBE = TaskSpec(
    name="probe", width=64, height=8, radius=2.0, lambda_left=1e-3, lambda_right=1e-2, window=4,
    train=1, val=0, test=1,
)  # fmt: skip


def must_be_consistent(parcel: Parcel, known: Sequence[RunRecord], where: str) -> None:
    """Refuse an entry that contradicts itself or what is known.

    Args:
        parcel: as ``unpack`` read it.
        known: records, of which those with status ``reproduced`` on the same data are used.
        where: what the message begins with.

    Raises:
        ResultError: the first contradiction.
    """
    entry = parcel.entry
    checked_line(entry.device, f"{where}: device")
    if is_reserved(entry.name):
        raise ResultError(f"{where}: '{entry.name}' is a name of trendbench's own rows")
    same = [r for r in known if r.status == "reproduced" and r.data.sha256 == entry.data.sha256]
    if not same:
        raise ResultError(
            f"{where}: data {entry.data.sha256[:12]} is not known here: an entry is made with the "
            "canonical file of a task, or with one that a run in this results folder has used"
        )
    _must_fit_the_data(entry, same[0], where)
    _must_be_whole(entry, [r for r in same if r.conditional == entry.conditional] or same, where)
    for name, score in entry.scores.items():
        if score is not None:
            _must_make_sense(name, score, where)
            _must_have_true_yardstick(name, score, entry, same, where)
    _must_fit_by_image(entry, parcel.per_image, where)
    flags = [flag.name for flag in raised(entry.scores)]
    if flags != entry.flags:
        raise ResultError(
            f"{where}: it states the flags {entry.flags or 'none'}, and its scores raise "
            f"{flags or 'none'}"
        )


def _must_fit_the_data(entry: Entry, record: RunRecord, where: str) -> None:
    for what, stated, right in (
        ("task", entry.task, record.task),
        ("data.train", entry.data.train, record.data.train),
        ("data.seed", entry.data.seed, record.data.seed),
        ("samples.n", entry.samples.n, record.n_test),
    ):
        if stated != right:
            raise ResultError(f"{where}: {what} is {stated!r}, and {right!r} on that data")
    if not math.isclose(entry.xi_floor, record.xi_floor, rel_tol=_SAME):
        raise ResultError(
            f"{where}: xi_floor is {entry.xi_floor:.8g}, and exactly {record.xi_floor:.8g}"
        )


def _must_be_whole(entry: Entry, same: Sequence[RunRecord], where: str) -> None:
    """Every score that can be there is there: leaving one out must not hide a flag."""
    unknown = set(entry.scores) - set(VERSIONS)
    if unknown:
        raise ResultError(f"{where}: there is no score {min(unknown)!r}")
    missing = set(VERSIONS) - set(entry.scores)
    if missing:
        raise ResultError(
            f"{where}: {min(missing)} is missing: submit again with trendbench "
            f"{same[0].code.version} or newer"
        )
    optional = set(C2ST_VERSIONS)
    if entry.samples.second is None:
        optional |= _scores_of(second=True) - _scores_of(second=False)
    if not entry.conditional:
        optional |= _scores_of(given=True) - _scores_of(given=False)
    optional |= {n for n in VERSIONS if all(r.scores.get(n) is None for r in same)}
    hidden = {name for name, score in entry.scores.items() if score is None} - optional
    if hidden:
        raise ResultError(f"{where}: the score {min(hidden)} is left empty, and can be computed")


def _must_make_sense(name: str, score: ScoreEntry, where: str) -> None:
    metric = _METRICS.get(name)
    unit = metric.unit if metric else Metric.unit
    if score.version != VERSIONS[name] or score.unit != unit:
        raise ResultError(
            f"{where}: {name} is of version {score.version} in '{score.unit}', and now of version "
            f"{VERSIONS[name]} in '{unit}': submit again with this trendbench"
        )
    least = metric.minimum if metric else 0.0
    slack = _SAME * (abs(score.value) + abs(score.truth)) + _TINY
    ordered = (
        score.low - slack <= score.value <= score.high + slack
        and score.truth_low - slack <= score.truth <= score.truth_high + slack
        and score.value >= least - slack
    )
    if not ordered:
        raise ResultError(f"{where}: {name} = {score.value:g} lies outside what it states of it")
    reach = max(abs(score.low), abs(score.high))
    if reach > _LARGEST:
        raise ResultError(f"{where}: {name}'s interval reaches {reach:g}, further than any score")


def _must_have_true_yardstick(
    name: str, score: ScoreEntry, entry: Entry, same: Sequence[RunRecord], where: str
) -> None:
    """What true images score is not the stranger's to say."""
    alone = name in _scores_of(given=False, second=False)
    for record in same:
        right = record.scores.get(name)
        if right is None or (record.conditional != entry.conditional and not alone):
            continue
        if right.version != score.version or name in C2ST_VERSIONS:
            continue  # the classifier's range depends on how many images it was held out on
        for field in _TRUTH:
            stated, true = getattr(score, field), getattr(right, field)
            if not math.isclose(stated, true, rel_tol=_SAME, abs_tol=_SAME):
                raise ResultError(
                    f"{where}: {name} states {field} = {stated:g}, which is {true:g} on that data"
                )
        return


def _must_fit_by_image(
    entry: Entry, per_image: Mapping[str, NDArray[np.float64]], where: str
) -> None:
    """Scores against their values image by image."""
    expected = {name for name, score in entry.scores.items() if score} - set(C2ST_VERSIONS)
    if set(per_image) != expected:
        odd = min(set(per_image) ^ expected)
        raise ResultError(f"{where}: scores.npz and entry.json disagree on whether {odd} is there")
    weights = bootstrap_weights(entry.samples.n)
    for name in sorted(expected):
        score, values = entry.scores[name], per_image[name].astype(np.float64)
        assert score is not None
        mean = float(values.mean())
        slack = _SINGLE * float(np.abs(values).mean()) + _TINY
        if name in _MEANS:
            replicates = weights @ values
            tail = (1 - CONFIDENCE) / 2
            interval = np.quantile(replicates, [tail, 1 - tail]) - (replicates.mean() - mean)
            low, high = np.maximum(interval, _METRICS[name].minimum)
            stated = [score.value, score.low, score.high]
            right = [mean, float(low), float(high)]
        elif not _looks_good(score):
            continue  # far from truth such a score is far from linear, and nobody would make it up
        else:
            stated, right = [score.value], [mean]
            error = float(values.std()) / math.sqrt(len(values))
            slack += _LOOSE * error + abs(score.value)
        if any(abs(a - b) > slack for a, b in zip(stated, right, strict=True)):
            raise ResultError(
                f"{where}: {name} = {_shown(stated)} does not follow from its values image by "
                f"image, {_shown(right)}"
            )
    _must_be_the_ratio(entry, where)


def _looks_good(score: ScoreEntry) -> bool:
    """Whether a score lies near what true images reach, its interval included."""
    reach = _NEAR * (score.truth_high - score.truth_low)
    return all(abs(x - score.truth) <= reach for x in (score.value, score.low, score.high))


def _must_be_the_ratio(entry: Entry, where: str) -> None:
    xi, ratio = entry.scores["xi"], entry.scores["xi_ratio"]
    if xi is None or ratio is None:
        raise ResultError(f"{where}: xi and xi_ratio are always there")
    for field in ("value", "low", "high"):
        over, stated = getattr(xi, field) / entry.xi_floor, getattr(ratio, field)
        if not math.isclose(over, stated, rel_tol=_SAME, abs_tol=_TINY):
            raise ResultError(
                f"{where}: xi_ratio's {field} is {stated:g}, and that of xi over the floor {over:g}"
            )


def _shown(numbers: Collection[float]) -> str:
    first, *interval = (f"{number:.6g}" for number in numbers)
    return f"{first} [{', '.join(interval)}]" if interval else first


@cache
def _scores_of(*, given: bool = True, second: bool = True) -> frozenset[str]:
    """Which scores exist for images with or without their inputs and a second sample."""
    images = np.zeros((1, _PROBE.height, _PROBE.width), dtype=np.uint8)
    shown = images if given else None
    batch = Batch(images, _PROBE.window, shown, shown, shown, images if second else None)
    truth = Truth(_PROBE, np.zeros(1), 1, np.zeros((1, 1), dtype=np.float32))
    return frozenset(metric.name for metric in METRICS if metric.applies(batch, truth))
