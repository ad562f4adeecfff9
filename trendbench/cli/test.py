"""``trendbench test``."""

import json
from dataclasses import asdict

import click

from trendbench.cli import early
from trendbench.cli.completion import device_names


@click.command("test")
@click.argument("generator")
@click.option(
    "--spec", metavar="NAME_OR_FILE",
    help="Frame and process of this task, e.g. trend-v1.  [default: 64×32 px]",
)  # fmt: skip
@click.option(
    "--limit", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True,
    help="Seconds that a single step may take.",
)  # fmt: skip
@click.option(
    "--device", default="cpu", show_default=True, callback=early.device,
    shell_complete=device_names,
    help="auto, cpu, cuda, cuda:1, …",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(generator: str, spec: str | None, limit: float, device: str, as_json: bool) -> None:
    """Test a generator on a tiny task: does it keep the promises of the protocol?

    GENERATOR is my_model.py, file.py:Class, package.module:Class, the name of an entry point, or
    a name that trendbench archs lists. A keyword "epochs" of the constructor is set to 1. The
    generator runs in a process of its own.
    """
    from trendbench.generators.recipes import reference_of

    reference = reference_of(generator)
    early.must_be_known([reference])
    from trendbench.conformance.findings import Finding
    from trendbench.conformance.plan import small_task
    from trendbench.conformance.process import conform
    from trendbench.errors import RecipeError

    if device != "cpu":
        from trendbench.training.device import choose_device

        device = str(choose_device(device))

    skipped: dict[str, list[str]] = {}

    def tell(finding: Finding) -> None:
        if finding.outcome == "skip":
            skipped.setdefault(finding.reading, []).append(finding.check)
        elif not as_json:
            click.echo(f"{finding.outcome:<4}  {finding.check}: {finding.reading}")

    found = conform(reference, small_task(spec), device=device, limit=limit, tell=tell)
    if not as_json:
        for reading, checks in skipped.items():
            click.echo(f"skip  {', '.join(checks)}: {reading}")
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    failed = dict.fromkeys(finding.check for finding in found if finding.outcome == "FAIL")
    if failed:
        raise RecipeError(f"{generator} fails {', '.join(failed)}")
