import logging

import pytest

from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.stores.retrying import ATTEMPTS, retry_transient

pytestmark = pytest.mark.usefixtures("no_retry_waits")


class Flaky:
    """Fails a number of times, then succeeds."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.calls, self._failures, self._error = 0, failures, error

    @retry_transient
    def call(self) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return "done"


def test_a_transient_failure_is_tried_again_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    flaky = Flaky(2, TransientStoreError("the server went away", remedy="start it"))
    with caplog.at_level(logging.WARNING):
        assert flaky.call() == "done"
    assert flaky.calls == 3
    first, second = caplog.messages
    assert first.startswith("Flaky.call failed and is tried again in ")
    assert first.endswith("(attempt 1 of 4): the server went away")
    assert "(attempt 2 of 4)" in second


def test_the_last_failure_is_raised_as_it_is() -> None:
    error = TransientStoreError("the server went away")
    flaky = Flaky(99, error)
    with pytest.raises(TransientStoreError) as caught:
        flaky.call()
    assert caught.value is error
    assert flaky.calls == ATTEMPTS


@pytest.mark.parametrize("error", [StoreError("disk full"), ValueError("a defect")])
def test_anything_else_is_not_tried_again(error: Exception) -> None:
    flaky = Flaky(1, error)
    with pytest.raises(type(error)):
        flaky.call()
    assert flaky.calls == 1
