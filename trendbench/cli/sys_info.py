"""``trendbench sys-info``."""

import json

import click


@click.command("sys-info")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(as_json: bool) -> None:
    """Print versions, processor, threads and folders, to be pasted into a bug report.

    User and host names are left out, and the home folder is shortened to ~.
    """
    from trendbench.system_report import report_text, system_report

    report = system_report()
    click.echo(json.dumps(report, indent=2) if as_json else report_text(report))
