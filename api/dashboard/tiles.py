"""Key figures of a month against those of the month before."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from api.dashboard.figures import cents, count, money, percentage, signed

Direction = Literal["up", "down", "same"]


@dataclass(frozen=True, slots=True)
class Figures:
    """The measures of a mart's row, whatever the row is about.

    Attributes:
        avg_price: Mean price of its transactions.
        total_quantity: Pieces sold.
    """

    total_amount: Decimal
    avg_price: Decimal
    total_quantity: int
    transaction_count: int


@dataclass(frozen=True, slots=True)
class Change:
    """The difference to the month before.

    Attributes:
        difference: With its sign.
        percentage: With its sign; None when the month before had none.
        words: The same without signs, for example `more than Sep 2023`.
    """

    direction: Direction
    difference: str
    percentage: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure.

    Attributes:
        unit: What is counted; empty for amounts, whose currency the data does not name.
        change: None where there is no month before to compare with.
    """

    label: str
    value: str
    unit: str
    change: Change | None


@dataclass(frozen=True, slots=True)
class _Measure:
    label: str
    unit: str
    more: str
    less: str


_MEASURES = (
    ("total_amount", _Measure("Total sales", "", "more than", "less than")),
    ("transaction_count", _Measure("Transactions", "transactions", "more than", "fewer than")),
    ("total_quantity", _Measure("Pieces sold", "pieces", "more than", "fewer than")),
    ("avg_price", _Measure("Average price", "", "higher than", "lower than")),
)


def tiles(figures: Figures, previous: Figures | None, previous_label: str) -> Sequence[Tile]:
    """The key figures of a month.

    Args:
        figures: Of the month.
        previous: Of the calendar month before; None where that had no sales.
        previous_label: What the month before is called.
    """
    return tuple(
        _tile(measure, getattr(figures, name), getattr(previous, name, None), previous_label)
        for name, measure in _MEASURES
    )


def _tile(
    measure: _Measure, now: Decimal | int, before: Decimal | int | None, previous_label: str
) -> Tile:
    value = money(now) if isinstance(now, Decimal) else count(now)
    change = None if before is None else _change(measure, now, before, previous_label)
    return Tile(measure.label, value, measure.unit, change)


def _change(
    measure: _Measure, now: Decimal | int, before: Decimal | int, previous_label: str
) -> Change:
    difference = _rounded(now) - _rounded(before)
    if difference == 0:
        return Change("same", signed(difference), None, f"the same as {previous_label}")
    words = measure.more if difference > 0 else measure.less
    return Change(
        "up" if difference > 0 else "down",
        signed(difference),
        percentage(difference, before),
        f"{words} {previous_label}",
    )


def _rounded(number: Decimal | int) -> Decimal | int:
    """As shown, so that a reader who subtracts gets the same."""
    return cents(number) if isinstance(number, Decimal) else number
