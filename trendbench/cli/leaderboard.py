"""``trendbench leaderboard``."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from trendbench.cli.completion import board_families, board_tasks, column_names, score_names
from trendbench.errors import nearest

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
    help="First take in a file that trendbench submit wrote; repeatable.",
)  # fmt: skip
@click.option(
    "--replace", is_flag=True,
    help="With --merge: an entry may stand in for another of its name, recipe and seed.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(
    folder: Path | None,
    tasks: tuple[str, ...],
    families: tuple[str, ...],
    columns: str | None,
    score: str | None,
    other: Path | None,
    compared: str,
    submitted: tuple[Path, ...],
    replace: bool,
    as_json: bool,
) -> None:
    """Print the leaderboard and write it to RESULTS/leaderboard.csv."""
    from trendbench.catalog import spec_names
    from trendbench.cli.board_table import board_tables, terminal_width
    from trendbench.cli.changes import changes_table
    from trendbench.cli.markdown import board_markdown, differences_markdown
    from trendbench.generators.recipes import shipped_recipes
    from trendbench.leaderboard.board import COLUMNS, SCORES, paper_lines, refresh, rows, superseded
    from trendbench.leaderboard.compare import board_of, compare, read_board
    from trendbench.leaderboard.pairs import differences
    from trendbench.progress import say
    from trendbench.results.store import read_all, results_folder

    chosen = [name.strip() for name in columns.split(",")] if columns is not None else []
    for name in chosen:
        _must_be_one_of(COLUMNS, name, "--markdown")
    if score is not None:
        _must_be_one_of(SCORES, score, "--differences")
    _must_be_one_of(SCORES, compared, "--score")
    if replace and not submitted:
        raise click.BadParameter("goes with --merge", param_hint="--replace")
    results = results_folder(folder)
    before = read_board(other, compared) if other is not None else None
    if submitted:
        from trendbench.submissions.merge import merge

        taken = merge(submitted, results, replace=replace)
        for entry, (record, fresh) in zip(submitted, taken, strict=True):
            say(f"{entry}: {'recorded as' if fresh else 'already there as'} {record}")
    path = refresh(results)
    records = read_all(results)
    shipped = {"task": spec_names(), "family": [recipe.family for recipe in shipped_recipes()]}
    everything = records, before or []
    for column, wanted in ("task", tasks), ("family", families):
        if not wanted:
            continue
        known = {getattr(stored.record, column) for stored in everything[0]}
        known |= {line.row[column] for line in everything[1]} | {*shipped[column]}
        for name in wanted:
            _must_be_one_of(sorted(known), name, f"--{column}")
        records = [stored for stored in records if getattr(stored.record, column) in wanted]
        if before is not None:
            before = [line for line in before if line.row[column] in wanted]
    if before is not None:
        changes = compare(before, board_of(records), compared)
        if as_json:
            shown = [asdict(change) | {"is_real": change.is_real} for change in changes]
            click.echo(json.dumps(shown, indent=2))
        else:
            click.echo(changes_table(changes, compared, terminal_width()))
    elif score is not None:
        found = differences(records, score)
        if as_json:
            click.echo(json.dumps([asdict(pair) for pair in found], indent=2))
        else:
            if not found:
                say(f"no two rows of one data file have {score} image by image")
            click.echo(differences_markdown(found, paper_lines() if score == "xi" else {}))
    elif as_json:
        click.echo(json.dumps(rows(records), indent=2))
    elif chosen:
        click.echo(board_markdown(rows(records), chosen))
    else:
        click.echo(board_tables(rows(records), terminal_width()))
    behind = [str(stored.path) for stored in superseded(records)]
    if behind:
        say(
            f"older records that stand behind newer ones of their row and seed: {len(behind)}: "
            f"{', '.join(behind[:_SHOWN])}{', …' if len(behind) > _SHOWN else ''}"
        )
    say(f"wrote {path}")


def _must_be_one_of(known: Sequence[str], name: str, option: str) -> None:
    if name in known:
        return
    near = nearest(name, known)
    hint = f": did you mean '{near[0]}'?" if near else f": one of {', '.join(known[:5])}, …"
    raise click.BadParameter(f"no '{name}'{hint}", param_hint=option)
