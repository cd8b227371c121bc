"""Google's exceptions as store errors with a remedy.

Only HTTP status, Google's reason code and names of resources go into a message: Google's own
text may quote a value from the data.
"""

import re
from collections.abc import Generator, Mapping
from concurrent.futures import TimeoutError as JobTimeoutError
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, cast

from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    DataCorruption,
)
from requests import RequestException

from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.stores.published import QueryTooExpensiveError

Remedies = Mapping[Any, str]
"""The next step by HTTP status or by Google's reason code, which goes first."""

TOO_EXPENSIVE = "bytesBilledLimitExceeded"
"""Google's reason for refusing a query that would be billed for more than is allowed."""

_QUOTA = {"quotaExceeded": "Wait, or raise the quota of the Google Cloud project."}
_UNANSWERED = (RetryError, RequestException, ConnectionError, JobTimeoutError, DataCorruption)
_TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504})
# "stopped" is how a job ends that ran into its own time limit.
_TRANSIENT_REASONS = frozenset(
    {
        "backendError",
        "internalError",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
        "rateLimitExceeded",
        "stopped",
    }
)
# Both "Transaction is aborted due to concurrent update against table ..." and "Could not
# serialize access to table ... due to concurrent update" come as 400 invalidQuery.
_CONCURRENT_UPDATE = "due to concurrent update"
_BYTES_NEEDED = re.compile(r"(\d+) or higher required")


@contextmanager
def google_errors(action: str, where: str, remedies: Remedies) -> Generator[None]:
    """Turn what Google's clients raise into store errors.

    Args:
        action: What was being done, as in "can't <action>".
        where: The bucket, table or dataset concerned.
        remedies: For errors that no retry cures.

    Raises:
        TransientStoreError: where the same call may succeed later.
        QueryTooExpensiveError: where a query would be billed for more than is allowed.
        StoreError: where the same call won't succeed.
    """
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, *_UNANSWERED) as error:
        # `from None`: the chain is logged too, and Google's text with it.
        raise _translated(error, f"{where}: can't {action}", {**_QUOTA, **remedies}) from None


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, GoogleAuthError):
        return bool(cast(Any, error).retryable)
    if not isinstance(error, GoogleAPICallError):
        return isinstance(error, _UNANSWERED)
    if _reason(error) == TOO_EXPENSIVE:
        return False  # although it comes as a 500
    return (
        error.code in _TRANSIENT_STATUS
        or _reason(error) in _TRANSIENT_REASONS
        or _CONCURRENT_UPDATE in str(cast(Any, error).message)
    )


def _translated(
    error: BaseException, problem: str, remedies: Mapping[int | str, str]
) -> StoreError:
    problem = f"{problem}: {_summary(error)}"
    if is_transient(error):
        return TransientStoreError(problem, remedy="Run again in a few minutes.")
    if not isinstance(error, GoogleAPICallError):
        return StoreError(problem, remedy=remedies.get(HTTPStatus.UNAUTHORIZED, ""))
    reason, status = _reason(error), int(error.code or 0)
    remedy = remedies.get(reason) or remedies.get(status, "")
    if reason == TOO_EXPENSIVE:
        if needed := _BYTES_NEEDED.search(str(error)):
            problem += f": it would be billed for {int(needed[1]):,} bytes"
        return QueryTooExpensiveError(problem, remedy=remedy)
    return StoreError(problem, remedy=remedy)


def _summary(error: BaseException) -> str:
    """What happened, in words that hold no data: status, reason and job."""
    if isinstance(error, RetryError):
        return f"{_summary(cast(Any, error).cause)}, also when tried again"
    if not isinstance(error, GoogleAPICallError):
        return f"no usable answer ({type(error).__name__})"
    job = getattr(error, "query_job", None)
    details = [_reason(error), f"job {job.job_id}" if job else ""]
    return f"HTTP {int(error.code or 0)} {', '.join(filter(None, details))}".rstrip()


def _reason(error: GoogleAPICallError) -> str:
    """Google's reason code, for example `notFound`; empty where there is none."""
    try:
        return str(cast(Any, error).errors[0]["reason"])
    except (IndexError, KeyError, TypeError):
        return ""
