"""Cards of sets that take long to draw: kept once made, and shown side by side."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.page import machine
from benchmarks.table import grid

CARDS = Path(__file__).parent / "cards"  # a folder of them for each campaign
SCORES = {
    "xi_ratio": "ξ/floor",
    "lambda0_error": "λ₀ [standard errors]",
    "k_error": "slope [standard errors]",
    "retention_error": "retention error",
    "containment": "containment",
    "s2_error": "S2 error",
    "lineal_error": "lineal-path error",
    "perimeter_error": "perimeter error",
    "euler_error": "Euler number's error",
    "memorisation": "memorisation",
    "c2st_logloss": "classifier log loss",
    "c2st_accuracy": "classifier accuracy",
}

Report = Mapping[str, Any]  # a card as JSON


def kept(path: Path, measure: Callable[[], Report]) -> Report:
    """The report that lies at ``path``, or a new one, which is put there."""
    from trendbench.storage.atomic import write_text

    found = at(path)
    if found is None:
        found = measure()
        write_text(path, json.dumps(found, indent=2) + "\n")
    return found


def at(path: Path) -> Report | None:
    """The report that lies there, if one does."""
    if not path.exists():
        return None
    found: Report = json.loads(path.read_text(encoding="utf-8"))
    return found


def made(**asked: Any) -> dict[str, Any]:
    """What a card says of its making: what was asked for, the code and the machine."""
    from trendbench.results.record import code_entry

    return {**asked, "code": code_entry().model_dump(mode="json"), "machine": machine()}


def machines(found: Iterable[Report]) -> str:
    """Where cards were made, each machine once; a published run says so in its record."""
    return " ".join(dict.fromkeys(card["made"]["machine"] for card in found if "made" in card))


def scores_table(found: Mapping[str, Report]) -> str:
    """Scores down, sets across."""
    head = ["value (99 % of fresh true sets)", *found]
    rows = [[title, *(column(each, name) for each in found.values())]
            for name, title in SCORES.items()
            if any(each["scores"].get(name) for each in found.values())]  # fmt: skip
    flags = ["flags", *(", ".join(each["flags"]) or "none" for each in found.values())]
    return grid([head, *rows, flags])


def column(found: Report, name: str) -> str:
    """A score beside what 99 % of fresh true sets reach, starred where it lies outside."""
    score = found["scores"].get(name)
    if score is None:
        return "—"
    value, low, high = (f"{score[key]:.3g}" for key in ("value", "truth_low", "truth_high"))
    return f"{value}{_star(score)} ({low} to {high})"


def starred(name: str, digits: int, *, signed: bool = False) -> Callable[[Report], str]:
    """One score of a set in a cell, starred outside of 99 % of fresh true sets."""

    def shown(found: Report) -> str:
        score = found["scores"][name]
        if score is None:
            return "—"
        return f"{score['value']:{'+' if signed else ''}.{digits}f}{_star(score)}"

    return shown


def inside(groups: Mapping[str, Sequence[Report]]) -> str:
    """For each score, in how many sets it lies within 99 % of fresh true ones: groups across."""
    rows = [
        [
            title,
            *(_share([each["scores"].get(name) for each in found]) for found in groups.values()),
        ]
        for name, title in SCORES.items()
    ]
    there = [row for row in rows if any(row[1:])]
    unflagged = (
        f"{sum(not each['flags'] for each in found)} of {len(found)}" for found in groups.values()
    )
    return grid([["score", *groups], *there, ["no flag", *unflagged]])


def _share(scores: Iterable[Mapping[str, float] | None]) -> str:
    """How many are as true ones, of those that there are; nothing if there are none."""
    there = [score for score in scores if score]
    return f"{sum(map(_is_as_true, there))} of {len(there)}" if there else ""


def _is_as_true(score: Mapping[str, float]) -> bool:
    return score["truth_low"] <= score["value"] <= score["truth_high"]


def _star(score: Mapping[str, float]) -> str:
    return "" if _is_as_true(score) else " \\*"
