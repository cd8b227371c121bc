"""Entry point: the command group, and how errors reach a person."""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from txn_platform.cli.options import CliOptions, global_options
from txn_platform.errors import PlatformError

COMMANDS = {
    "run": "Land files, load them, build and check the marts, export the summary.",
    "dev": "Start the services, the Dagster UI and the API; stop them with Ctrl-C.",
    "validate": "Check a file against the input rules; store nothing.",
    "generate": "Write a deterministic sample file.",
    "services": "Start, stop or show the embedded PostgreSQL.",
    "users": "Add, list or disable the users of the API.",
    "doctor": "Check the configuration and everything that a run needs.",
}


class LazyGroup(click.Group):
    """Imports a command's module when it is called: `--help` must not load Dagster (2 s)."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        """The command itself, its module imported."""
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f"txn_platform.cli.{cmd_name}"), cmd_name)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        formatter: click.HelpFormatter,
    ) -> None:
        """The list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `txn-platform run`: it generates 10,000 transactions and takes them all "
    "the way to checked marts. Exit status: 0 all well, 1 a run or a blocking check failed, "
    "2 bad input or configuration.",
)
@global_options
@click.version_option(package_name="txn-platform")
def cli() -> None:
    """From transaction files to validated, hashed and checked sales marts."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its status. Errors go to stderr, without a traceback."""
    options = CliOptions()
    try:
        status = cli.main(args=arguments, standalone_mode=False, obj=options)
    except click.exceptions.Exit as request:
        status = request.exit_code
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; run the command again to complete it.", err=True)
        status = 1
    except PlatformError as error:
        if options.debug:
            raise
        click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(str(error), err=True)
        status = error.exit_status
    except Exception as error:
        # The text of an unforeseen error may quote a value of the data, so it isn't shown.
        if options.debug:
            raise
        click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(f"unexpected {type(error).__name__}; --debug shows where.", err=True)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)
