"""`txn-platform users`."""

import secrets
import sys
from collections.abc import Generator
from contextlib import contextmanager

import click
from rich.table import Table

from txn_platform.cli.console import output
from txn_platform.cli.options import CliOptions, global_options, pass_options
from txn_platform.connections import api_credentials, api_postgres_url, postgres_url
from txn_platform.local.state import open_state
from txn_platform.users import SCOPES, UserDirectory


@click.group()
@global_options
def users() -> None:
    """The users of the API. Passwords are stored as argon2 hashes only."""


@users.command()
@global_options
@pass_options
def prepare(options: CliOptions) -> None:
    """Create what the API needs in PostgreSQL; harmless to repeat.

    That is the role the API logs in as, which may read the marts and own the schema `api`, and
    the tables in it. In the gcp profile run it once before the first start, and again after the
    role's password was changed: POSTGRES_USER and POSTGRES_PASSWORD must be allowed to create
    roles, API_POSTGRES_USER and API_POSTGRES_PASSWORD name the role to create. In the local
    profile every start does this by itself.
    """
    from txn_platform.stores.roles import provision

    settings = options.settings()
    if settings.profile == "gcp":
        role, password = api_credentials(settings)
        with postgres_url(settings) as url:
            provision(url, password, role)
    else:
        open_state(settings.home)
        with api_postgres_url(settings):
            pass
    click.echo("The API's role, schema and tables are there.")


@contextmanager
def _directory(options: CliOptions) -> Generator[UserDirectory]:
    settings = options.settings()
    if settings.profile == "local":
        open_state(settings.home)
    with api_postgres_url(settings) as url:
        directory = UserDirectory(url)
        directory.ensure_tables()
        yield directory


@users.command()
@click.argument("username")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=("sales:read",),
    show_default=True,
    help="What the user may do; may be given many times.",
)
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input (one line)."
)
@global_options
@pass_options
def add(options: CliOptions, username: str, scopes: tuple[str, ...], password_stdin: bool) -> None:
    """Create USERNAME. Without --password-stdin a password is generated and printed once."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else secrets.token_urlsafe(18)
    with _directory(options) as directory:
        directory.add(username, password, scopes)
    click.echo(f"Added {username} with {', '.join(scopes)}.")
    if not password_stdin:
        click.echo(f"Password, shown only now: {password}")


@users.command(name="list")
@global_options
@pass_options
def list_users(options: CliOptions) -> None:
    """Show every user, with scopes."""
    with _directory(options) as directory:
        found = directory.list()
    if not found:
        click.echo("No users yet: `txn-platform users add NAME` creates one.")
        return
    table = Table("user", "scopes", "state", "created (UTC)")
    for user in found:
        table.add_row(
            user.username,
            ", ".join(user.scopes),
            "disabled" if user.disabled else "active",
            f"{user.created_at:%Y-%m-%d %H:%M}",
        )
    output().print(table)


@users.command()
@click.argument("username")
@global_options
@pass_options
def disable(options: CliOptions, username: str) -> None:
    """Lock USERNAME out; tokens and sessions end within seconds."""
    with _directory(options) as directory:
        directory.disable(username)
    click.echo(f"Disabled {username}.")
