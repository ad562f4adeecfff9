"""``trendbench info``."""

import json
from pathlib import Path
from typing import Any

import click


@click.command("info")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(file: Path, as_json: bool) -> None:
    """Say what is in a data file: task, sizes, seed, hashes, exact coverage and ξ floor."""
    from trendbench import theory
    from trendbench.data.opening import open_dataset
    from trendbench.spec import canonical_file

    with open_dataset(file) as dataset:
        spec = dataset.spec
        canonical = canonical_file(spec.name)
        left, right = theory.coverage([0, spec.width], spec.intensity, spec.radius)
        facts = {
            "file": str(file),
            "task": spec.name,
            "spec": spec.model_dump(),
            "seed": dataset.seed,
            "trendbench_version": dataset.version,
            "sha256": dataset.sha256,
            "canonical": bool(canonical and canonical.sha256 == dataset.sha256),
            "coverage_left": float(left),
            "coverage_right": float(right),
            "xi_floor": theory.xi_floor(spec, spec.window, spec.train or None),
            "xi_floor_exact_profile": theory.xi_floor(spec, spec.window),
        }
        if as_json:
            click.echo(json.dumps(facts | {"hashes": dataset.hashes}, indent=2))
            return
        sizes = ", ".join(f"{size} {split}" for split, size in spec.sizes.items())
        click.echo(
            f"{file}: {spec.name}, seed {dataset.seed}, trendbench {dataset.version}"
            f"{', the canonical file' if facts['canonical'] else ''}\n"
            f"triplets   {sizes}\n"
            f"frame      {spec.width}×{spec.height} px, R = {spec.radius:g} px, "
            f"window w = {spec.window} px, coupling {spec.coupling}\n"
            f"intensity  {spec.lambda_left:g} → {spec.lambda_right:g} px⁻², "
            f"coverage {left:.4f} → {right:.4f}\n"
            f"ξ floor    {_floor(facts, spec.train)}\n"
            f"sha256     {dataset.sha256}"
        )


def _floor(facts: dict[str, Any], train: int) -> str:
    exact = f"{facts['xi_floor_exact_profile']:.7f} against the exact mean profile"
    if not train:
        return exact
    return (
        f"{facts['xi_floor']:.7f} against the mean profile of the {train} training images, as\n"
        f"           scores use it; {exact}"
    )
