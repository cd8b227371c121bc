"""The waits after failed sign-ins."""

import pytest

from api.auth.lockout import MEMORY_SECONDS, OF_ALL_CLIENTS, OF_ONE_CLIENT, BackOff


@pytest.mark.parametrize(
    ("failures", "wait"),
    [(0, 0), (4, 0), (5, 2), (6, 4), (7, 8), (12, 256), (13, 512), (14, 900), (1_000_000, 900)],
)
def test_the_wait_for_one_client_doubles_up_to_a_quarter_of_an_hour(
    failures: int, wait: int
) -> None:
    assert OF_ONE_CLIENT.wait_seconds(failures, 0) == wait


@pytest.mark.parametrize(("failures", "wait"), [(49, 0), (50, 2), (54, 32), (55, 60), (10**6, 60)])
def test_the_wait_for_all_clients_begins_late_and_stays_short(failures: int, wait: int) -> None:
    assert OF_ALL_CLIENTS.wait_seconds(failures, 0) == wait


def test_what_is_left_of_a_wait_is_rounded_up() -> None:
    back_off = BackOff(tolerated=1, longest=60)
    assert back_off.wait_seconds(2, 0.5) == 4
    assert back_off.wait_seconds(2, 3.999) == 1
    assert back_off.wait_seconds(2, 4) == 0
    assert back_off.wait_seconds(2, 1e9) == 0


def test_no_wait_outlives_the_memory_of_its_failure() -> None:
    for back_off in (OF_ONE_CLIENT, OF_ALL_CLIENTS):
        assert back_off.longest < MEMORY_SECONDS
        assert back_off.wait_seconds(10**6, MEMORY_SECONDS) == 0
