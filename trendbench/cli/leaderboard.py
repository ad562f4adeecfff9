"""``trendbench leaderboard``."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trendbench.cli.completion import (
    arch_names,
    board_families,
    board_tasks,
    column_names,
    score_names,
)
from trendbench.errors import nearest

if TYPE_CHECKING:
    from trendbench.leaderboard.compare import Line
    from trendbench.results.store import StoredRecord

_SHOWN = 3  # older records that are named


@click.command("leaderboard")
@click.option(
    "--results", "folder", type=click.Path(path_type=Path),
    help="Folder of records.  [default: results]",
)  # fmt: skip
@click.option(
    "--task", "tasks", multiple=True, shell_complete=board_tasks,
    help="Only rows of this task; repeatable.",
)  # fmt: skip
@click.option(
    "--family", "families", multiple=True, shell_complete=board_families,
    help="Only rows of this family; repeatable.",
)  # fmt: skip
@click.option(
    "--arch", "archs", multiple=True, shell_complete=arch_names,
    help="Only rows of this name; repeatable.",
)  # fmt: skip
@click.option(
    "--markdown", "columns", metavar="COLUMNS", shell_complete=column_names,
    help="Print these columns of the CSV, separated by commas, as a Markdown table.",
)  # fmt: skip
@click.option(
    "--differences", "score", metavar="SCORE", shell_complete=score_names,
    help="Print how far the rows' scores lie apart, pair by pair on the same test triplets.",
)  # fmt: skip
@click.option(
    "--compare", "other", metavar="OTHER", type=click.Path(exists=True, path_type=Path),
    help="Show what rose and fell since OTHER: a leaderboard.csv or a folder of records.",
)  # fmt: skip
@click.option(
    "--score", "compared", metavar="SCORE", default="xi_ratio", show_default=True,
    shell_complete=score_names, help="What --compare compares.",
)  # fmt: skip
@click.option(
    "--merge", "submitted", type=click.Path(path_type=Path), multiple=True, metavar="ENTRY",
    help="First score a file that trendbench submit wrote, and record it; repeatable.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="FILE",
    help="With --merge: the entries' data file.  [default: that of the task, or of a local run]",
)  # fmt: skip
@click.option(
    "--replace", is_flag=True,
    help="With --merge: an entry may stand in for another of its name, recipe and seed.",
)  # fmt: skip
@click.option(
    "--no-c2st", is_flag=True, help="With --merge: leave out the trained classifier (minutes)."
)
@click.option("--write", is_flag=True, help="Write RESULTS/leaderboard.csv, as run and --merge do.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(
    folder: Path | None,
    tasks: tuple[str, ...],
    families: tuple[str, ...],
    archs: tuple[str, ...],
    columns: str | None,
    score: str | None,
    other: Path | None,
    compared: str,
    submitted: tuple[Path, ...],
    data: Path | None,
    replace: bool,
    no_c2st: bool,
    write: bool,
    as_json: bool,
) -> None:
    """Print the leaderboard: all records in RESULTS beside the published ones."""
    from trendbench.leaderboard.board import (
        COLUMNS,
        CSV_NAME,
        SCORES,
        is_out_of_date,
        refresh,
        superseded,
    )
    from trendbench.leaderboard.compare import read_board
    from trendbench.progress import bar, say
    from trendbench.results.store import read_all, results_folder

    chosen = [name.strip() for name in columns.split(",")] if columns is not None else []
    for name in chosen:
        _must_be_one_of(COLUMNS, name, "--markdown")
    if score is not None:
        _must_be_one_of(SCORES, score, "--differences")
    _must_be_one_of(SCORES, compared, "--score")
    for option, is_given in ("--replace", replace), ("--data", data), ("--no-c2st", no_c2st):
        if is_given and not submitted:
            raise click.BadParameter("goes with --merge", param_hint=option)
    views = {"--markdown": columns, "--differences": score, "--compare": other}
    asked = [option for option, value in views.items() if value is not None]
    if len(asked) > 1:
        raise click.UsageError(f"{' and '.join(asked)} print different tables: one at a time")
    is_new = bool(submitted) and folder is not None and not folder.exists()
    results = folder if is_new and folder is not None else results_folder(folder)
    before = read_board(other, compared) if other is not None else None
    if submitted:
        from trendbench.submissions.merge import merge

        taken = merge(submitted, results, data=data, c2st=not no_c2st, replace=replace, bar=bar)
        for entry, (record, fresh) in zip(submitted, taken, strict=True):
            say(f"{entry}: {'recorded as' if fresh else 'already there as'} {record}")
    every = read_all(results)
    if write or submitted:
        say(f"wrote {refresh(results)}")
    elif is_out_of_date(results, every):
        say(f"{results / CSV_NAME} is out of date: trendbench leaderboard --write writes it")
    records, before = _filtered(every, before, {"task": tasks, "family": families, "arch": archs})
    if before is not None:
        click.echo(_changes(before, records, compared, as_json))
    elif score is not None:
        click.echo(_differences(records, score, as_json))
    else:
        click.echo(_board(records, chosen, as_json))
    behind = [str(stored.path) for stored in superseded(records)]
    if behind:
        say(
            f"older records that stand behind newer ones of their row and seed: {len(behind)}: "
            f"{', '.join(behind[:_SHOWN])}{', …' if len(behind) > _SHOWN else ''}"
        )


def _filtered(
    records: "list[StoredRecord]", before: "list[Line] | None", wanted: dict[str, tuple[str, ...]]
) -> "tuple[list[StoredRecord], list[Line] | None]":
    """The records, and the rows of an earlier board, of the tasks and families that are named."""
    from trendbench.catalog import spec_names
    from trendbench.generators.recipes import shipped_recipes

    everything = records, before or []
    for column, names in wanted.items():
        if not names:
            continue
        if column == "task":
            shipped = spec_names()
        else:
            shipped = [getattr(recipe, column) for recipe in shipped_recipes()]
        known = {getattr(stored.record, column) for stored in everything[0]}
        known |= {line.row[column] for line in everything[1]} | {*shipped}
        for name in names:
            _must_be_one_of(sorted(known), name, f"--{column}")
        records = [stored for stored in records if getattr(stored.record, column) in names]
        if before is not None:
            before = [line for line in before if line.row[column] in names]
    return records, before


def _board(records: "list[StoredRecord]", columns: list[str], as_json: bool) -> str:
    from trendbench.cli.board_table import board_tables
    from trendbench.cli.markdown import board_markdown
    from trendbench.cli.terminal import terminal_width
    from trendbench.leaderboard.board import rows

    board = rows(records)
    if as_json:
        return json.dumps(board, indent=2)
    return board_markdown(board, columns) if columns else board_tables(board, terminal_width())


def _differences(records: "list[StoredRecord]", score: str, as_json: bool) -> str:
    from trendbench.cli.markdown import differences_text
    from trendbench.leaderboard.board import paper_lines
    from trendbench.leaderboard.pairs import differences
    from trendbench.progress import say

    found = differences(records, score)
    if as_json:
        return json.dumps([asdict(pair) for pair in found], indent=2)
    if not found:
        say(f"no two rows of one data file have {score} image by image")
    return differences_text(found, paper_lines() if score == "xi_executed" else {})


def _changes(before: "list[Line]", records: "list[StoredRecord]", score: str, as_json: bool) -> str:
    from trendbench.cli.changes import changes_table
    from trendbench.cli.terminal import terminal_width
    from trendbench.leaderboard.compare import board_of, compare

    changes = compare(before, board_of(records), score)
    if as_json:
        shown = [asdict(change) | {"is_real": change.is_real} for change in changes]
        return json.dumps(shown, indent=2)
    return changes_table(changes, score, terminal_width())


def _must_be_one_of(known: Sequence[str], name: str, option: str) -> None:
    if name in known:
        return
    near = nearest(name, known)
    hint = f": did you mean '{near[0]}'?" if near else f": one of {', '.join(known[:5])}, …"
    raise click.BadParameter(f"no '{name}'{hint}", param_hint=option)
