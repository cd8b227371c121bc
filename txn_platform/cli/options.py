"""The options that every command takes, before or behind its name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from txn_platform.settings import Settings, load_settings

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class CliOptions:
    """Values of the global options; a later one wins."""

    config: Path | None = None
    home: Path | None = None
    debug: bool = False

    def settings(self) -> Settings:
        """The settings that these options select."""
        return load_settings(config=self.config, home=self.home)


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value is not None and value is not False and parameter.name:
        setattr(context.ensure_object(CliOptions), parameter.name, value)


def global_options(command: Command) -> Command:
    """Add --config, --home and --debug to a command."""
    options: list[tuple[str, dict[str, Any]]] = [
        ("--debug", {"is_flag": True, "help": "Show the traceback of an error."}),
        (
            "--home",
            {
                "type": click.Path(path_type=Path, file_okay=False),
                "metavar": "DIR",
                "help": "State directory (or TXN_HOME; default .txn).",
            },
        ),
        (
            "--config",
            {
                "type": click.Path(path_type=Path, dir_okay=False),
                "metavar": "FILE",
                "help": "Configuration (or TXN_CONFIG; default data/pipeline_config.yaml).",
            },
        ),
    ]
    for name, attributes in options:
        option = click.option(name, expose_value=False, callback=_remember, **attributes)
        command = option(command)
    return command


pass_options = click.make_pass_decorator(CliOptions, ensure=True)
