"""``trendbench info``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trendbench.spec import TaskSpec


@click.command("info")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(file: Path, as_json: bool) -> None:
    """Say what is in a data file: task, sizes, seed, hashes, exact coverage and ξ floor."""
    from trendbench.data.opening import open_dataset
    from trendbench.spec import canonical_file

    with open_dataset(file) as dataset:
        spec = dataset.spec
        canonical = canonical_file(spec.name)
        facts = {
            "file": str(file),
            "task": spec.name,
            "spec": spec.model_dump(),
            "seed": dataset.seed,
            "trendbench_version": dataset.version,
            "sha256": dataset.sha256,
            "canonical": bool(canonical and canonical.sha256 == dataset.sha256),
            **_exact(spec),
        }
        if as_json:
            click.echo(json.dumps(facts | {"hashes": dataset.hashes}, indent=2))
            return
        sizes = ", ".join(f"{size} {split}" for split, size in spec.sizes.items())
        click.echo(
            f"{file}: {spec.name}, seed {dataset.seed}, trendbench {dataset.version}"
            f"{', the canonical file' if facts['canonical'] else ''}\n"
            f"triplets   {sizes}\n"
            + "".join(f"{name:<10} {text}\n" for name, text in spec.facts())
            + f"window     w = {spec.window} px\n"
            + _lines(facts, spec)
            + f"sha256     {dataset.sha256}"
        )


def _exact(spec: "TaskSpec") -> dict[str, float]:
    """Coverage and ξ floor, where they are exact."""
    from trendbench import theory

    if not spec.laws >= {"coverage", "pair_black"}:
        return {}
    left, right = spec.coverage([0, spec.width])
    return {
        "coverage_left": float(left),
        "coverage_right": float(right),
        "xi_floor": theory.xi_floor(spec, spec.window, spec.train or None),
        "xi_floor_exact_profile": theory.xi_floor(spec, spec.window),
    }


def _lines(facts: dict[str, Any], spec: "TaskSpec") -> str:
    if "xi_floor" not in facts:
        return "ξ floor    not exact for this family: scores estimate it\n"
    return (
        f"coverage   {facts['coverage_left']:.4f} → {facts['coverage_right']:.4f}\n"
        f"ξ floor    {_floor(facts, spec.train)}\n"
    )


def _floor(facts: dict[str, Any], train: int) -> str:
    exact = f"{facts['xi_floor_exact_profile']:.7f} against the exact mean profile"
    if not train:
        return exact
    return (
        f"{facts['xi_floor']:.7f} against the mean profile of the {train} training images, as\n"
        f"           scores use it; {exact}"
    )
