"""The marts as readers see them: what was checked and published last, never a run half done.

Two adapters: a DuckDB file that is swapped as a whole, and BigQuery tables that are replaced as a
whole. Nothing here computes what a mart should hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

import pyarrow as pa

from txn_platform.errors import StoreError

SummaryColumn = Literal[
    "product", "sale_month", "total_amount", "avg_price", "total_quantity", "transaction_count"
]
"""The columns of `summary_sales`; readers sort by any of them."""


@dataclass(frozen=True, slots=True)
class Materialization:
    """What a mart was last made of.

    Attributes:
        materialization_id: Changes exactly when the mart's rows may have changed.
        materialized_at: When that was, in UTC.
    """

    materialization_id: str
    materialized_at: datetime


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column to sort by; text by code points."""

    column: SummaryColumn
    descending: bool = False


@dataclass(frozen=True, slots=True)
class SummaryFilter:
    """Which rows of `summary_sales` to read; bounds are inclusive and compared exactly.

    Attributes:
        product_prefix: What the product begins with, literally and case-sensitively.
        months: First days of months; a row must match all, so two different ones match none.
        min_amount: Lowest `total_amount`.
        max_quantity: Highest `total_quantity`.
        min_avg_price, max_avg_price: Lowest and highest `avg_price`.
    """

    product_prefix: str | None = None
    months: tuple[date, ...] = ()
    min_amount: Decimal | None = None
    max_quantity: int | None = None
    min_avg_price: Decimal | None = None
    max_avg_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class MartPage:
    """One page of a mart, all of one materialization.

    Attributes:
        rows: A JSON array of objects with the columns of the mart, months as YYYY-MM-DD, amounts
            as exact JSON numbers with at most two decimals.
        count: Rows on this page.
        total: Rows on all pages.
        bytes_processed: What the warehouse read; 0 where nothing is billed.
    """

    rows: bytes
    count: int
    total: int
    materialization: Materialization
    bytes_processed: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows of a published mart, all of one materialization.

    Attributes:
        rows: Amounts are decimals with two places.
        bytes_processed: What the warehouse read; 0 where nothing is billed.
    """

    rows: pa.Table
    materialization: Materialization
    bytes_processed: int


class QueryTooExpensiveError(StoreError):
    """A query that was refused because it would be billed for more than is allowed."""


class PublishedMarts(Protocol):
    """The published marts, for many readers at once; every method may block on the store.

    All but `close` raise StoreError while nothing is published or the store can't be read, and
    TransientStoreError where the same call may succeed later.
    """

    @property
    def blocking(self) -> bool:
        """Whether a summary read now would wait for a disk, a network or much computing.

        Else it is done in well under a millisecond, sooner than a thread would have begun.
        """
        ...

    def summary(
        self, filters: SummaryFilter, sort: Sequence[SortKey], limit: int, offset: int
    ) -> MartPage:
        """A page of the monthly summary by product.

        Args:
            filters: Which rows.
            sort: In which order, the most significant key first; ties, and rows in no order, by
                sale_month and product.
            limit: Most rows on the page.
            offset: Rows to leave out before it; beyond the end the page is empty.

        Raises:
            QueryTooExpensiveError: when reading would be billed for more than is allowed.
        """
        ...

    def months(self, product: str | None) -> Reading:
        """Sales by month, of one product or of all together, in the order of the months.

        Returns:
            sale_month, total_amount, avg_price, total_quantity, transaction_count. Over all
            products avg_price is the mean of the products' rounded averages, weighted by their
            transactions: less than a cent off the mean of all prices.
        """
        ...

    def products(self, month: date) -> Reading:
        """Sales by product in the month of that first day, the highest total_amount first.

        Returns:
            product, total_amount, avg_price, total_quantity, transaction_count; ties by product.
        """
        ...

    def days(self, month: date, product: str | None) -> Reading:
        """Sales by day in the month of that first day, of one product or of all together.

        Returns:
            sale_date, total_amount, avg_price, total_quantity, transaction_count, in the order of
            the days; days without sales are absent, avg_price as in `months`.
        """
        ...

    def close(self) -> None:
        """Let go of memory and connections."""
        ...
