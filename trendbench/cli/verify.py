"""``trendbench verify``."""

import json
from dataclasses import asdict
from pathlib import Path

import click


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(file: Path, as_json: bool) -> None:
    """Check a data file: format, hashes, germs against images, and its physics by z-score."""
    from trendbench.data.opening import open_dataset
    from trendbench.data.verify import verify
    from trendbench.errors import DataFileError

    with open_dataset(file) as dataset:
        findings = verify(dataset)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{'ok  ' if finding.passed else 'FAIL'}  {finding.name}: {finding.reading}")
    failed = [finding.name for finding in findings if not finding.passed]
    if failed:
        raise DataFileError(f"{file} fails {'; '.join(failed)}")
