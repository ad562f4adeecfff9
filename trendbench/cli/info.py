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
            f"{spec.counted:<10} {sizes}\n"
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
    left, right = zip(*(member.coverage([0, spec.width]) for member in spec.members), strict=True)
    ends = {"coverage_left": float(left[0]), "coverage_right": float(right[0])}
    if len(spec.members) > 1:
        ends = {
            "coverage_least": float(min(*left, *right)),
            "coverage_most": float(max(*left, *right)),
        }
    return {
        **ends,
        "xi_floor": theory.xi_floor(spec, spec.window, spec.xi0_images),
        "xi_floor_exact_profile": theory.xi_floor(spec, spec.window),
    }


def _lines(facts: dict[str, Any], spec: "TaskSpec") -> str:
    if "xi_floor" not in facts:
        return "ξ floor    not exact for this family: scores estimate it\n"
    coverage = (
        f"{facts['coverage_left']:.4f} → {facts['coverage_right']:.4f}"
        if "coverage_left" in facts
        else f"{facts['coverage_least']:.4f} to {facts['coverage_most']:.4f} at either end"
    )
    return f"coverage   {coverage}\nξ floor    {_floor(facts, spec)}\n"


def _floor(facts: dict[str, Any], spec: "TaskSpec") -> str:
    exact = f"{facts['xi_floor_exact_profile']:.7f} against the exact mean profile"
    if not spec.xi0_images:
        return exact
    averaged = f"the {spec.train} training images"
    if len(spec.members) > 1:
        averaged = f"the {spec.xi0_images} training images of a trend"
    return (
        f"{facts['xi_floor']:.7f} against the mean profile of {averaged}, as\n"
        f"           scores use it; {exact}"
    )
