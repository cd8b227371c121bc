"""`txn-platform run`."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from txn_platform.cli.console import ProgressReporter, output, reporter
from txn_platform.cli.options import CliOptions, global_options, pass_options
from txn_platform.errors import ConfigurationError, PlatformError, ServiceError
from txn_platform.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from txn_platform.local.report import RunReport

SAMPLE = PROJECT_ROOT / "data" / "large_transactions.csv"


@click.command()
@click.option(
    "--input",
    "inputs",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A CSV file to land; may be given many times. Default: the sample of 10,000 rows.",
)
@click.option(
    "--fresh", is_flag=True, help="Delete the state directory first (asks on a terminal)."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@global_options
@pass_options
def run(options: CliOptions, inputs: tuple[Path, ...], fresh: bool, as_json: bool) -> None:
    """Take transaction files all the way to checked marts, on this machine.

    Starts the embedded PostgreSQL, lands the files, materializes every asset for the sale dates
    that they touch, runs the checks and prints a summary. Running it again with the same files
    changes nothing; after an interruption it completes what is missing.
    """
    try:
        settings = options.settings()
        _require_local(settings)
        files = list(inputs) or [_sample()]
        if fresh:
            _start_afresh(settings, files)
        report = _run(settings, files, quiet=as_json)
    except PlatformError as error:
        if as_json:
            click.echo(json.dumps({"status": "error", "errors": [str(error)]}))
        raise
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        show(report)
    for failure in report.failures:
        click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(failure, err=True)
    if not report.succeeded:
        sys.exit(1)


def _run(settings: Settings, inputs: list[Path], *, quiet: bool) -> "RunReport":
    display = reporter(quiet=quiet)
    with display if isinstance(display, ProgressReporter) else nullcontext():
        display.phase("Loading the platform")
        from txn_platform.local.run import run_pipeline

        return run_pipeline(settings, inputs, display)


def _require_local(settings: Settings) -> None:
    if settings.profile != "local":
        raise ConfigurationError(
            f"TXN_PROFILE: `run` works in the local profile, not in {settings.profile}",
            remedy="Unset TXN_PROFILE, or launch the job daily_sales in Dagster.",
        )


def _sample() -> Path:
    """The sample file; generated when it is missing."""
    if not SAMPLE.exists():
        from txn_platform.samples import generate

        generate(SAMPLE)
    return SAMPLE


def _start_afresh(settings: Settings, files: list[Path]) -> None:
    """Delete the state, but not for the sake of files that will be refused."""
    from txn_platform.landing import check_inputs
    from txn_platform.local.state import is_state, remove_state

    check_inputs(files)
    if is_state(settings.home):
        _stop_server(settings)
        if sys.stdin.isatty():
            click.confirm(f"Delete everything in {settings.home}?", abort=True, err=True)
            _stop_server(settings)  # which a command may have started in the meantime
    remove_state(settings.home)


def _stop_server(settings: Settings) -> None:
    from txn_platform.connections import databases
    from txn_platform.services import EmbeddedPostgres

    outcome = EmbeddedPostgres(settings.home, databases(settings)).stop()
    if not outcome.stopped:
        users = ", ".join(f"{name} (pid {pid})" for pid, name in outcome.holders.items())
        raise ServiceError(
            f"{settings.home}: is still used by {users or 'another command'}",
            remedy="Wait for it to end, or stop it, and start afresh then.",
        )


def show(report: "RunReport") -> None:
    """Print the summary of a run for a person."""
    console = output()
    console.print(_inputs_table(report))
    reasons: dict[str, int] = {}
    for _, manifest in report.inputs:
        for reason, rows in manifest.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + rows
    if reasons:
        console.print(_counts_table("rejected because", reasons))
    if report.rows:
        console.print(_counts_table("table", report.rows))
    console.print(_checks_table(report))
    for path in report.exports:
        console.print(f"exported {path}", markup=False, soft_wrap=True)
    state = "[green]success[/]" if report.succeeded else "[red]failure[/]"
    console.print(f"{state} in {report.seconds:.1f} s, run {report.run_id}")


def _inputs_table(report: "RunReport") -> Table:
    table = Table("input", "rows", "accepted", "eligible", "rejected", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for path, manifest in report.inputs:
        counts = (manifest.rows, manifest.accepted, manifest.eligible, manifest.rejected)
        table.add_row(escape(path.name), *(f"{count:,}" for count in counts))
    return table


def _counts_table(title: str, counts: dict[str, int]) -> Table:
    table = Table(title, "rows")
    table.columns[1].justify = "right"
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    return table


def _checks_table(report: "RunReport") -> Table:
    table = Table("asset", "check", "result")
    for check in report.checks:
        failed = "[red]failed[/]" if check.blocking else "[yellow]failed (not blocking)[/]"
        table.add_row(check.asset, check.name, "[green]passed[/]" if check.passed else failed)
    return table
