"""Half-open windows of calendar dates, the unit in which partitions are replaced."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Self

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class DateWindow:
    """All dates d with `start <= d < end`.

    Raises:
        ValueError: when `end` is not after `start`; an empty window has no meaning here.
    """

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(
                f"window ends on {self.end}, which is not after its start {self.start}"
            )

    @classmethod
    def of_day(cls, day: date) -> Self:
        """The window that holds one day."""
        return cls(day, day + ONE_DAY)

    @property
    def last(self) -> date:
        """The last date inside the window."""
        return self.end - ONE_DAY

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def days(self) -> Iterator[date]:
        """Every date of the window, in order."""
        day = self.start
        while day < self.end:
            yield day
            day += ONE_DAY


def contiguous_windows(days: Iterable[date]) -> list[DateWindow]:
    """The fewest windows that hold exactly `days`, in order; duplicates count once."""
    windows: list[DateWindow] = []
    for day in sorted(set(days)):
        if windows and windows[-1].end == day:
            windows[-1] = DateWindow(windows[-1].start, day + ONE_DAY)
        else:
            windows.append(DateWindow.of_day(day))
    return windows


def coalesced(windows: Sequence[DateWindow], most: int) -> list[DateWindow]:
    """At most `most` windows that cover the given ones (ordered, apart), the least gaps filled."""
    gaps = sorted(
        range(1, len(windows)), key=lambda index: windows[index].start - windows[index - 1].end
    )
    kept = sorted(gaps[len(gaps) - (most - 1) :]) if len(windows) > most else range(1, len(windows))
    bounds = [0, *kept, len(windows)]
    return [
        DateWindow(windows[first].start, windows[end - 1].end)
        for first, end in pairwise(bounds)
        if end > first
    ]
