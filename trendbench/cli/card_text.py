"""A score card as text for a terminal of 80 columns."""

import textwrap
from collections.abc import Iterator, Mapping

from trendbench.metrics.card import Card
from trendbench.metrics.metric import Score
from trendbench.numbers import short
from trendbench.results.record import RunRecord

_WIDTH = 80


def card_text(card: Card) -> str:
    """Heading, one line a score, verdict."""
    heading = f"{card.name} on {card.task}, {card.n} images, data {card.data[:8]}"
    verdict = textwrap.fill(card.verdict, _WIDTH)
    return "\n".join([heading, *score_lines(card.scores), "", verdict])


def record_text(record: RunRecord) -> str:
    """The same for the record of a run."""
    heading = f"{record.arch} on {record.task}, seed {record.seed}, {record.n_test} images"
    flags = f"flags: {', '.join(record.flags) or 'none'}"
    return "\n".join([heading, *score_lines(record.scores), flags, ""])


def score_lines(scores: Mapping[str, Score | None]) -> Iterator[str]:
    """A header and a line for each score that exists: value, 95 % interval, truth and its range."""
    yield f"{'score':<21}{'value':>9}  {'95 % interval':<19} {'truth':>8} reference range"
    for name, score in scores.items():
        if score is None:
            continue
        interval = f"[{short(score.low)}, {short(score.high)}]"
        chance = f"[{short(score.truth_low)}, {short(score.truth_high)}]"
        mark = " " if score.is_within else "*"
        yield (
            f"{name:<21}{short(score.value, 4):>9}{mark} {interval:<19} "
            f"{score.marked(short(score.truth)):>8} {chance}"
        )
    missing = [name for name, score in scores.items() if score is None]
    if missing:
        yield textwrap.fill(f"not scored: {', '.join(missing)}", _WIDTH)
    yield "* outside; of sets of as many true images, 1 % have any score outside"
    if any(score is not None and score.estimated for score in scores.values()):
        yield "≈ estimated from simulated images or held-out pictures: no law is exact"
