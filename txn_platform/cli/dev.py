"""`txn-platform dev`."""

import click

from txn_platform.cli.options import CliOptions, global_options, pass_options


@click.command()
@click.option("--ui-port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--api-port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@global_options
@pass_options
def dev(options: CliOptions, ui_port: int, api_port: int) -> None:
    """Start PostgreSQL, the Dagster UI, the dashboard and the API. Ctrl-C stops everything.

    Works on the same state directory as `run`: what that materialized is what you see.
    """
    from txn_platform.local.dev import dev_servers, stop_on_signals

    stop_on_signals()
    settings = options.settings()
    try:
        with dev_servers(settings, ui_port, api_port, _show_login) as servers:
            click.echo(f"Dagster UI  {servers.ui}")
            click.echo(f"Dashboard   {servers.api}")
            click.echo(f"API         {servers.api}/docs")
            click.echo("Ctrl-C stops everything.")
            servers.wait()
    except KeyboardInterrupt:
        click.echo("Stopped.")


def _show_login(password: str | None) -> None:
    if password:
        click.echo(f"Login       admin / {password} (shown only now)")
    else:
        click.echo("Login       admin, with the password chosen or shown at the first start")
