"""Which of Google's errors are worth another try, and what their reader is told."""

from concurrent.futures import TimeoutError as JobTimeoutError

import pytest
import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError, from_http_status
from google.auth.exceptions import DefaultCredentialsError, TransportError

from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.stores.google_errors import TOO_EXPENSIVE, google_errors

REMEDIES = {401: "log in", 403: "grant a role", 404: "create it", TOO_EXPENSIVE: "raise the limit"}
SECRET = "T0001"


def answer(status: int, reason: str, message: str = SECRET) -> GoogleAPICallError:
    return from_http_status(status, message, errors=[{"reason": reason, "message": message}])


def translated(error: BaseException) -> StoreError:
    with pytest.raises(StoreError) as caught, google_errors("read", "gs://lake", REMEDIES):
        raise error
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        *(answer(status, "backendError") for status in (429, 500, 502, 503, 504)),
        answer(403, "rateLimitExceeded"),
        answer(400, "jobRateLimitExceeded"),
        answer(400, "stopped"),
        answer(400, "invalidQuery", "Transaction is aborted due to concurrent update against x"),
        answer(400, "invalidQuery", "Could not serialize access to x due to concurrent update"),
        RetryError("too long", cause=answer(503, "backendError")),
        requests.ConnectionError(SECRET),
        requests.Timeout(SECRET),
        ConnectionResetError(SECRET),
        JobTimeoutError(),
        TransportError(SECRET, retryable=True),
    ],
    ids=repr,
)
def test_what_may_pass_is_transient(error: Exception) -> None:
    assert isinstance(translated(error), TransientStoreError)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (answer(401, "authError"), "log in"),
        (answer(403, "accessDenied"), "grant a role"),
        (answer(403, "quotaExceeded"), "Wait, or raise the quota of the Google Cloud project."),
        (answer(404, "notFound"), "create it"),
        (answer(400, "invalidQuery"), ""),
        (DefaultCredentialsError(SECRET), "log in"),
    ],
    ids=repr,
)
def test_what_stays_wrong_is_an_error_with_a_remedy(error: Exception, remedy: str) -> None:
    problem = translated(error)
    assert not problem.transient
    assert problem.remedy == remedy


def test_a_refusal_for_cost_is_final_although_it_comes_as_a_500() -> None:
    message = "Query exceeded limit for bytes billed: 1000000. 10485760 or higher required."
    problem = translated(answer(500, "bytesBilledLimitExceeded", message))
    assert not problem.transient
    assert "10,485,760 bytes" in problem.message
    assert problem.remedy == "raise the limit"


def test_the_message_names_place_status_and_reason_but_nothing_that_google_quotes() -> None:
    problem = translated(answer(400, "invalidQuery", f"Bad value {SECRET}"))
    assert problem.message == "gs://lake: can't read: HTTP 400 invalidQuery"
    assert problem.__suppress_context__


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), google_errors("read", "gs://lake", REMEDIES):
        raise ZeroDivisionError
