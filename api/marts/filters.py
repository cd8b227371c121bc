"""The query parameters of the sales routes."""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal, cast, get_args
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.marts.parameters import (
    Amount,
    Day,
    Limit,
    Month,
    Offset,
    ProductPrefix,
    Quantity,
    Sorting,
    sort_keys,
)
from txn_platform.stores.published import SortKey, SummaryColumn, SummaryFilter

OperationalColumn = Literal[SummaryColumn, "transaction_id", "sale_date"]

SUMMARY_COLUMNS: tuple[SummaryColumn, ...] = get_args(SummaryColumn)
OPERATIONAL_COLUMNS: tuple[OperationalColumn, ...] = (
    *SUMMARY_COLUMNS,
    "transaction_id",
    "sale_date",
)

_PAGE = frozenset({"limit", "offset", "sort"})

_ABSENT = SkipJsonSchema[None]
"""Not given. OpenAPI says so by `required: false`; a null can't be written in a query."""


class SalesFilters(BaseModel):
    """What both sales routes filter by, and the page. All filters apply together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product_prefix: Annotated[
        ProductPrefix | _ABSENT,
        Field(
            description="What the product begins with: letters, digits and spaces, "
            "case-sensitive. Empty for any product.",
            examples=["Halal Lap"],
        ),
    ] = None
    sale_month: Annotated[
        Month | _ABSENT,
        Field(
            description="A month, or any date in it: selects the whole month.",
            examples=["2023-10"],
        ),
    ] = None
    month: Annotated[
        Month | _ABSENT,
        Field(
            description="Another name for `sale_month`. Given both, both apply.",
            examples=["2023-10-01"],
        ),
    ] = None
    min_amount: Annotated[
        Amount | _ABSENT,
        Field(description="Lowest `total_amount`, inclusive.", examples=["1000.50"]),
    ] = None
    max_quantity: Annotated[
        Quantity | _ABSENT,
        Field(description="Highest `total_quantity` in pieces, inclusive.", examples=[5000]),
    ] = None
    min_avg_price: Annotated[
        Amount | _ABSENT,
        Field(description="Lowest `avg_price`, inclusive.", examples=["10"]),
    ] = None
    max_avg_price: Annotated[
        Amount | _ABSENT,
        Field(description="Highest `avg_price`, inclusive.", examples=["999.99"]),
    ] = None
    limit: Annotated[Limit, Field(description="Most rows on the page.")] = 100
    offset: Annotated[
        Offset,
        Field(description="Rows to leave out before the page; beyond the end it is empty."),
    ] = 0
    # Each route has its own columns to sort by.
    sort: SkipJsonSchema[str | None] = None

    @property
    def months(self) -> tuple[date, ...]:
        """First days of the months that were asked for."""
        return tuple(month for month in (self.sale_month, self.month) if month is not None)

    @cached_property
    def selection(self) -> str:
        """What is selected, as a query string: equal ones have equal totals."""
        given = ((name, getattr(self, name)) for name in type(self).model_fields)
        texts = [
            (name, _text(name, value))
            for name, value in given
            if value not in {None, ""} and name not in _PAGE
        ]
        return urlencode(texts, quote_via=quote)

    @cached_property
    def canonical(self) -> str:
        """The one query string, but for `offset`, of all that mean the same."""
        sort = f"sort={self.sort}" if self.sort else ""
        return "&".join(part for part in (self.selection, sort, f"limit={self.limit}") if part)


class TrendFilters(SalesFilters):
    """Filters of the monthly summary."""

    sort: Annotated[
        Annotated[str, Sorting(SUMMARY_COLUMNS)] | _ABSENT,
        Field(
            description="Up to four columns, separated by commas, `-` in front for descending; "
            "ties by `sale_month`, then `product`.",
            examples=["-total_amount,product"],
        ),
    ] = None

    def summary_filter(self) -> SummaryFilter:
        """As the published marts take it."""
        return SummaryFilter(
            product_prefix=self.product_prefix or None,
            months=self.months,
            min_amount=self.min_amount,
            max_quantity=self.max_quantity,
            min_avg_price=self.min_avg_price,
            max_avg_price=self.max_avg_price,
        )

    def sort_keys(self) -> list[SortKey]:
        """As the published marts take it."""
        return [
            SortKey(cast("SummaryColumn", column), descending)
            for column, descending in _keys(self.sort)
        ]


class OperationalFilters(SalesFilters):
    """Filters of the operational view."""

    date_from: Annotated[
        Day | _ABSENT,
        Field(description="First sale date, inclusive.", examples=["2023-10-01"]),
    ] = None
    date_to: Annotated[
        Day | _ABSENT,
        Field(description="Last sale date, inclusive.", examples=["2023-10-07"]),
    ] = None
    sort: Annotated[
        Annotated[str, Sorting(OPERATIONAL_COLUMNS)] | _ABSENT,
        Field(
            description="Up to four columns, separated by commas, `-` in front for descending; "
            "ties by `sale_date`, then `transaction_id`.",
            examples=["-sale_date,product"],
        ),
    ] = None

    def window(self) -> tuple[date | None, date | None]:
        """Start and end of the half-open window of sale dates; None leaves a side open.

        Filters that contradict each other give an end that isn't after the start.
        """
        starts = [*self.months, self.date_from]
        ends = [*(_next_month(month) for month in self.months), _next_day(self.date_to)]
        return (
            max((start for start in starts if start is not None), default=None),
            min((end for end in ends if end is not None), default=None),
        )

    def sort_keys(self) -> list[tuple[str, bool]]:
        """Columns to sort by, and whether each is descending."""
        return _keys(self.sort)


def _keys(sort: str | None) -> list[tuple[str, bool]]:
    return sort_keys(sort) if sort else []


def _next_day(day: date | None) -> date | None:
    """The next day; None where there is none, which leaves a window open."""
    return None if day is None or day == date.max else day + timedelta(days=1)


def _next_month(month: date) -> date | None:
    return _next_day(month.replace(day=monthrange(month.year, month.month)[1]))


def _text(name: str, value: object) -> str:
    if name in {"sale_month", "month"} and isinstance(value, date):
        return value.isoformat()[:7]
    # A decimal as it was written but for needless zeros; never with an exponent.
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
