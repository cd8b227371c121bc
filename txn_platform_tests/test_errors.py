import pytest

from txn_platform.errors import (
    ConfigurationError,
    InputFileError,
    PlatformError,
    ServiceError,
    StoreError,
    TransformError,
    TransientStoreError,
)


def test_an_error_reads_as_what_was_wrong_and_what_to_do_next() -> None:
    error = StoreError("the lake can't be written", remedy="Free some space.")
    assert str(error) == "the lake can't be written\n  Free some space."


def test_an_error_without_a_remedy_is_one_line() -> None:
    assert str(ServiceError("the server is gone")) == "the server is gone"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (ConfigurationError, 2),
        (InputFileError, 2),
        (ServiceError, 1),
        (StoreError, 1),
        (TransientStoreError, 1),
        (TransformError, 1),
    ],
)
def test_bad_input_and_configuration_exit_with_2_and_all_else_with_1(
    kind: type[PlatformError], status: int
) -> None:
    assert kind.exit_status == status


def test_only_a_transient_store_error_is_worth_a_retry() -> None:
    kinds = [ConfigurationError, InputFileError, ServiceError, StoreError, TransformError]
    assert TransientStoreError.transient
    assert not any(kind.transient for kind in kinds)
