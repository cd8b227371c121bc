"""Bounded retries of store operations that a retry may cure."""

import logging

from tenacity import (
    RetryCallState,
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from txn_platform.errors import StoreError, TransientStoreError

ATTEMPTS = 4
_log = logging.getLogger(__name__)


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    reason = error.message if isinstance(error, StoreError) else type(error).__name__
    delay = state.next_action.sleep if state.next_action else 0.0
    _log.warning(
        "%s failed and is tried again in %.1f s (attempt %d of %d): %s",
        getattr(state.fn, "__qualname__", state.fn),
        delay,
        state.attempt_number,
        ATTEMPTS,
        reason,
    )


retry_transient = retry(
    retry=retry_if_exception_type(TransientStoreError),
    stop=stop_after_attempt(ATTEMPTS),
    # Full jitter: processes that lost the same server do not come back in step. The waits are
    # at most 0.5, 1 and 2 s; longer outages are the orchestrator's retries.
    wait=wait_random_exponential(multiplier=0.5, max=10),
    before_sleep=_log_retry,
    reraise=True,
)
"""Decorator: call again on `TransientStoreError`, which the last attempt raises as it is."""
