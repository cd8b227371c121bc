"""`txn-platform users`."""

import secrets
import sys
from collections.abc import Generator
from contextlib import contextmanager

import click
from rich.table import Table

from txn_platform.cli.console import output
from txn_platform.cli.options import CliOptions, global_options, pass_options
from txn_platform.connections import postgres_url
from txn_platform.local.state import open_state
from txn_platform.users import SCOPES, UserDirectory


@click.group()
@global_options
def users() -> None:
    """The users of the API. Passwords are stored as argon2 hashes only."""


@contextmanager
def _directory(options: CliOptions) -> Generator[UserDirectory]:
    settings = options.settings()
    if settings.profile == "local":
        open_state(settings.home)
    with postgres_url(settings) as url:
        yield UserDirectory(url)


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
    """Lock USERNAME out."""
    with _directory(options) as directory:
        directory.disable(username)
    click.echo(f"Disabled {username}.")
