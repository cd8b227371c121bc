from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.windows import DateWindow, coalesced, contiguous_windows

START, END = date(2023, 10, 1), date(2023, 10, 4)


def test_a_window_holds_its_start_but_not_its_end() -> None:
    window = DateWindow(START, END)
    assert START in window
    assert END not in window
    assert date(2023, 9, 30) not in window


def test_the_last_day_is_the_one_before_the_end() -> None:
    assert DateWindow(START, END).last == date(2023, 10, 3)


def test_the_days_come_in_order() -> None:
    assert list(DateWindow(START, END).days()) == [
        date(2023, 10, 1),
        date(2023, 10, 2),
        date(2023, 10, 3),
    ]


def test_the_window_of_a_day_holds_that_day_alone() -> None:
    assert list(DateWindow.of_day(START).days()) == [START]


@pytest.mark.parametrize("end", [START, date(2023, 9, 30)])
def test_an_empty_window_is_refused(end: date) -> None:
    with pytest.raises(ValueError, match="is not after its start 2023-10-01"):
        DateWindow(START, end)


def test_no_days_need_no_window() -> None:
    assert contiguous_windows([]) == []


def test_days_with_a_gap_need_two_windows_whatever_their_order() -> None:
    days = [date(2023, 10, 5), date(2023, 10, 2), date(2023, 10, 1), date(2023, 10, 2)]
    assert contiguous_windows(days) == [
        DateWindow(date(2023, 10, 1), date(2023, 10, 3)),
        DateWindow.of_day(date(2023, 10, 5)),
    ]


@given(st.sets(st.dates(START, START + timedelta(days=40))))
def test_contiguous_windows_hold_exactly_the_days_and_never_touch(days: set[date]) -> None:
    windows = contiguous_windows(days)
    assert [day for window in windows for day in window.days()] == sorted(days)
    assert all(a.end < b.start for a, b in pairwise(windows))


@given(st.sets(st.dates(START, START + timedelta(days=60))), st.integers(1, 6))
def test_coalesced_windows_cover_the_days_and_fill_the_least_gaps(
    days: set[date], most: int
) -> None:
    exact = contiguous_windows(days)
    windows = coalesced(exact, most)
    assert len(windows) == min(len(exact), most)
    assert all(any(day in window for window in windows) for day in days)
    assert all(a.end < b.start for a, b in pairwise(windows))
    left = {b.start - a.end for a, b in pairwise(windows)}
    ends = {window.end for window in windows}
    filled = {b.start - a.end for a, b in pairwise(exact) if a.end not in ends}
    assert not left or not filled or max(filled) <= min(left)
