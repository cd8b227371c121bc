"""`txn-platform validate`."""

import json
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from txn_platform.cli.console import ProgressReporter, output, reporter
from txn_platform.cli.options import CliOptions, global_options, pass_options
from txn_platform.errors import ConfigurationError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.csv",
    help="Write the rejected records here: line, reason, then the file's columns, masked.",
)
@global_options
@pass_options
def validate(options: CliOptions, file: Path, as_json: bool, rejects: Path | None) -> None:
    """Check FILE against the input rules without storing anything.

    Says how many rows a run would accept, how many of them the marts would show (eligible), and
    why the others are rejected. Identifiers in the rejects are replaced by their hashes.
    """
    from txn_platform.ingest.landing import validate as validate_file
    from txn_platform.ingest.rules import IngestRules
    from txn_platform.landing import open_input

    rules = IngestRules.from_settings(options.settings(), today=datetime.now(UTC).date())
    if rejects is not None:
        _require_another_file(file, rejects)
    display = reporter(quiet=as_json)
    with (
        open_input(file) as source,
        display if isinstance(display, ProgressReporter) else nullcontext(),
    ):
        display.phase(f"Validating {file.name}", total=file.stat().st_size)
        report = validate_file(
            source, rules=rules, rejects_csv=rejects, on_progress=display.advanced
        )
    if as_json:
        click.echo(json.dumps(vars(report)))
        return
    console = output()
    console.print(
        f"[bold]{escape(str(file))}[/]: {report.rows:,} rows, {report.accepted:,} accepted "
        f"({report.eligible:,} eligible for the marts), {report.rejected:,} rejected",
        soft_wrap=True,
    )
    if report.reasons:
        table = Table("reason", "rows", box=None, pad_edge=False)
        table.columns[1].justify = "right"
        for reason, rows in sorted(report.reasons.items(), key=lambda item: -item[1]):
            table.add_row(reason, f"{rows:,}")
        console.print(table)
    if rejects is not None:
        console.print(f"Rejected records, masked: {rejects}", markup=False, soft_wrap=True)


def _require_another_file(file: Path, rejects: Path) -> None:
    with suppress(OSError):  # one that isn't there is no other's twin
        if rejects.samefile(file):
            raise ConfigurationError(
                f"--rejects: got {rejects}, which is the input file itself",
                remedy="Give another file.",
            )
