"""The `txn-platform` command."""

from txn_platform.cli.main import main

__all__ = ["main"]
