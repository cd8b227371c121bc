"""Errors that a person reads: what was wrong, where, and what to do next.

Only these reach the command line as a message without a traceback; anything
else is a defect. `transient` decides whether a retry can help.
"""

from typing import ClassVar


class PlatformError(Exception):
    """A failure with a next step.

    Attributes:
        message: What was wrong and where, without any identifier from the data.
        remedy: What the reader can do about it; empty when there is nothing to do.
        transient: True when the same call may succeed later.
    """

    exit_status: ClassVar[int] = 1
    transient: ClassVar[bool] = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class ConfigurationError(PlatformError):
    """A configuration file, environment variable or option that can't be used."""

    exit_status = 2


class InputFileError(PlatformError):
    """An input file that is refused as a whole; nothing of it was loaded."""

    exit_status = 2


class ServiceError(PlatformError):
    """A local service (the embedded PostgreSQL) that can't start, run or stop."""


class StoreError(PlatformError):
    """A lake, warehouse or database operation that failed for good."""


class TransientStoreError(StoreError):
    """A store operation that failed in a way that a retry may cure (timeout, lost connection)."""

    transient = True


class TransformError(PlatformError):
    """A dbt invocation that failed: a model, a test, or the project itself."""
