"""`txn-platform services`."""

import json
import sys

import click

from txn_platform.cli.options import CliOptions, global_options, pass_options
from txn_platform.connections import databases
from txn_platform.local.state import open_state
from txn_platform.services import EmbeddedPostgres


@click.group()
@global_options
def services() -> None:
    """The embedded PostgreSQL on its own.

    Commands that need it start it and stop it again by themselves; `services start` leaves it up
    until `services stop`.
    """


def _postgres(options: CliOptions) -> EmbeddedPostgres:
    settings = options.settings()
    return EmbeddedPostgres(settings.home, databases(settings))


@services.command()
@global_options
@pass_options
def start(options: CliOptions) -> None:
    """Start the server and leave it up."""
    open_state(options.settings().home)
    address = _postgres(options).start()
    click.echo(f"PostgreSQL is up at {address.host}:{address.port}.")


@services.command()
@global_options
@pass_options
def stop(options: CliOptions) -> None:
    """Stop the server, unless another command still works with it."""
    outcome = _postgres(options).stop()
    if not outcome.was_running:
        click.echo("PostgreSQL was not running.")
    elif outcome.stopped:
        click.echo("PostgreSQL is stopped.")
    else:
        users = ", ".join(f"{name} (pid {pid})" for pid, name in outcome.holders.items())
        click.echo(f"PostgreSQL is still used by {users}; it stops when that ends.")
        sys.exit(1)


@services.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@global_options
@pass_options
def status(options: CliOptions, as_json: bool) -> None:
    """Say whether the server runs, and where. Exit status 1 when it is down."""
    found = _postgres(options).status()
    if as_json:
        click.echo(json.dumps(vars(found), default=str))
    elif found.running:
        stays = "stays up until `services stop`" if found.pinned else "stops with its last user"
        click.echo(
            f"PostgreSQL {found.version} is up at {found.address} (pid {found.pid}) and {stays}."
        )
    else:
        click.echo(f"PostgreSQL is down; its data is in {found.data_directory}.")
    if not found.running:
        sys.exit(1)
