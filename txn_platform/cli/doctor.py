"""`txn-platform doctor`."""

import sys

import click

from txn_platform.cli.options import CliOptions, global_options, pass_options


@click.command()
@global_options
@pass_options
def doctor(options: CliOptions) -> None:
    """Check the configuration and everything that a run needs.

    Prints one line for each, with a remedy where something is wrong. Exit status 1 when a check
    failed.
    """
    from txn_platform.local.diagnosis import diagnose

    findings = diagnose(options.settings())
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = click.style("ok  ", fg="green") if finding.healthy else click.style("FAIL", fg="red")
        click.echo(f"{mark} {finding.subject:<{width}}  {finding.detail}")
    if not all(finding.healthy for finding in findings):
        sys.exit(1)
