"""`txn-platform generate`."""

from pathlib import Path

import click

from txn_platform.cli.console import output
from txn_platform.cli.options import global_options


@click.command()
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--rows", type=int, default=10_000, show_default=True, help="Data records.")
@click.option(
    "--eligible",
    type=int,
    default=None,
    help="Rows that the marts show. Default: 60 % of the rows.",
)
@click.option("--days", type=int, default=10, show_default=True, help="Dates from 2023-10-01 on.")
@click.option("--seed", type=int, default=None, help="Another seed, another file.")
@global_options
def generate(out: Path, rows: int, eligible: int | None, days: int, seed: int | None) -> None:
    """Write a deterministic sample of transactions to OUT.

    The same arguments give the same bytes, on every machine. The rows that aren't eligible show
    every reason for which a record can be rejected and every business rule that it can miss.
    """
    from txn_platform.samples import DEFAULT_SEED
    from txn_platform.samples import generate as generate_sample

    sample = generate_sample(
        out, rows=rows, eligible=eligible, days=days, seed=DEFAULT_SEED if seed is None else seed
    )
    output().print(
        f"{out}: {sample.rows:,} rows, {sample.eligible:,} of them eligible for the marts",
        markup=False,
        soft_wrap=True,
    )
