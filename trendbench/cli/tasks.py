"""``trendbench tasks``."""

import json
import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trendbench.spec import TaskSpec

_WIDTH = 80


@click.command("tasks")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(as_json: bool) -> None:
    """List the tasks that ``--spec`` knows by name.

    The ξ floor is against the exact mean profile. "estimated" stands where the family of a task
    states no exact one.
    """
    from trendbench.spec import load_spec, summary_of, tasks

    rows = [(load_spec(name), summary_of(name)) for name in tasks()]
    if as_json:
        fields = [
            {"task": spec.name, "family": spec.family, "width": spec.width, "height": spec.height,
             "window": spec.window, **spec.sizes, "xi_floor": _floor(spec), "summary": summary}
            for spec, summary in rows
        ]  # fmt: skip
        click.echo(json.dumps(fields, indent=2, ensure_ascii=False))
        return
    click.echo(_line("task", "family", "frame", "train/val/test", "ξ floor"))
    for spec, summary in rows:
        floor = _floor(spec)
        click.echo(
            _line(
                spec.name,
                spec.family,
                f"{spec.width}×{spec.height}",
                "/".join(map(str, spec.sizes.values())),
                "estimated" if floor is None else f"{floor:.7f}",
            )
        )
        click.echo(textwrap.fill(summary, _WIDTH, initial_indent="  ", subsequent_indent="  "))


def _line(*cells: str) -> str:
    widths = (22, 15, 9, 16, 0)
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _floor(spec: "TaskSpec") -> float | None:
    """The ξ floor, where it is exact."""
    from trendbench import theory

    if not spec.laws >= {"coverage", "pair_black"}:
        return None
    return theory.xi_floor(spec, spec.window)
