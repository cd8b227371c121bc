"""How the platform's errors end a Dagster step."""

import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from txn_platform.errors import PlatformError
from txn_platform.settings import Settings


@contextmanager
def failures_explained() -> Generator[None]:
    """Let Dagster retry what a retry may cure, and nothing else.

    The cause is dropped on purpose: a driver's own message can quote a value, and what is
    chained here is written to the event log.
    """
    try:
        yield
    except PlatformError as error:
        if error.transient:
            raise type(error)(error.message, remedy=error.remedy) from None
        raise dg.Failure(description=str(error), allow_retries=False) from None
    except (dg.Failure, dg.RetryRequested):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its text stays out
        # A defect. Its own text may quote a value, so the event log gets its kind and its place.
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise dg.Failure(
            f"unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}",
            allow_retries=False,
        ) from None


def retry_policy(settings: Settings) -> dg.RetryPolicy | None:
    """Retries with exponential backoff and jitter, so that retrying steps spread out."""
    orchestration = settings.config.orchestration
    if orchestration.retries == 0:
        return None
    return dg.RetryPolicy(
        max_retries=orchestration.retries,
        delay=orchestration.retry_delay,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )
