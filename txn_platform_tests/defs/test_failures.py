"""How errors end a step."""

from decimal import Decimal, InvalidOperation

import dagster as dg
import pytest

from txn_platform.config import OrchestrationSection, PipelineConfig
from txn_platform.defs.failures import failures_explained, retry_policy
from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.settings import load_settings


def test_a_lasting_error_ends_the_run_with_its_remedy_and_is_not_retried() -> None:
    with pytest.raises(dg.Failure) as failure, failures_explained():
        raise StoreError("the disk is full", remedy="Free some space.")
    assert failure.value.description == "the disk is full\n  Free some space."
    assert failure.value.allow_retries is False


def test_a_transient_error_stays_retryable() -> None:
    with pytest.raises(TransientStoreError), failures_explained():
        raise TransientStoreError("the connection was lost")


def fail_with_a_value(error: type[StoreError]) -> None:
    try:
        Decimal("RAWID-1")
    except InvalidOperation as cause:
        raise error("a column can't be converted") from cause


@pytest.mark.parametrize("error", [StoreError, TransientStoreError])
def test_the_cause_with_its_values_is_not_chained(error: type[StoreError]) -> None:
    with pytest.raises((dg.Failure, StoreError)) as failure, failures_explained():
        fail_with_a_value(error)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


def test_steps_retry_as_configured_with_growing_delays() -> None:
    settings = load_settings(environ={})
    policy = retry_policy(settings)
    assert policy is not None
    assert (policy.max_retries, policy.delay) == (3, 300)
    assert policy.backoff is dg.Backoff.EXPONENTIAL

    never = PipelineConfig(orchestration=OrchestrationSection(retries=0))
    assert retry_policy(settings.model_copy(update={"config": never})) is None
