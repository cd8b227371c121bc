"""Read what a selection shows from the published marts, all of one materialization."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, cast

import pyarrow as pa

from api.dashboard.names import AmbiguousProductError, ProductNames
from api.dashboard.selection import Selection
from api.dashboard.tiles import Figures
from api.problems import InvalidParameter, invalid
from txn_platform.errors import TransientStoreError
from txn_platform.stores.published import Materialization, PublishedMarts, Reading

SEARCHED_MONTHS = 12
"""How many of the latest months are searched for a product that the chosen one lacks."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class MonthOfSales:
    """The rows of a mart about one month, under the products' own names.

    Attributes:
        month: First day of the month; None when the mart holds no rows at all.
        product: The chosen product; None for all.
        every_month: Figures of all products by month, in order.
        months: The same of the chosen product.
        sold: All products of the month as `PublishedMarts.products` returns them.
        days: Figures of the chosen product by day, in order.
    """

    materialization: Materialization
    month: date | None
    product: str | None
    every_month: Mapping[date, Figures]
    months: Mapping[date, Figures]
    sold: pa.Table
    days: Mapping[date, Figures]


class _SwappedError(Exception):
    """The mart was materialized anew between two reads."""


class _Reads:
    """Reads of a mart that all show the materialization of the first."""

    def __init__(self, marts: PublishedMarts) -> None:
        self._marts = marts
        every_month = marts.months(None)
        self.materialization = every_month.materialization
        self.every_month = _by_date(every_month.rows, "sale_month")

    def months(self, product: str) -> Mapping[date, Figures]:
        return _by_date(self._same(self._marts.months(product)), "sale_month")

    def days(self, month: date, product: str | None) -> Mapping[date, Figures]:
        return _by_date(self._same(self._marts.days(month, product)), "sale_date")

    def products(self, month: date) -> pa.Table:
        return self._same(self._marts.products(month))

    def _same(self, reading: Reading) -> pa.Table:
        if reading.materialization != self.materialization:
            raise _SwappedError
        return reading.rows


def read_month(marts: PublishedMarts, selection: Selection, names: ProductNames) -> MonthOfSales:
    """Read what a selection shows. Blocks on the store.

    Raises:
        ProblemError: 422 when no product is called as selected.
        StoreError: when the store is away or nothing is published.
    """
    for _ in range(_ATTEMPTS):
        try:
            return _read(_Reads(marts), selection, names)
        except _SwappedError:
            continue
    raise TransientStoreError(
        "the marts were materialized anew during each read", remedy="Try again in a moment."
    )


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as dictionaries."""
    return table.to_pylist()


def figures_of(row: Mapping[str, Any]) -> Figures:
    """The measures of a row."""
    return Figures(
        row["total_amount"], row["avg_price"], row["total_quantity"], row["transaction_count"]
    )


def product_names(sold: pa.Table) -> list[str]:
    """The products of a month, the highest amount first."""
    return cast("list[str]", sold.column("product").to_pylist())


def _read(reads: _Reads, selection: Selection, names: ProductNames) -> MonthOfSales:
    if not reads.every_month:
        return MonthOfSales(reads.materialization, None, None, {}, {}, pa.table({}), {})
    month = selection.month or max(reads.every_month)
    sold = reads.products(month)
    product = None
    if selection.product is not None:
        product = _find(selection.product, names, _catalogues(reads, month, sold))
    return MonthOfSales(
        materialization=reads.materialization,
        month=month,
        product=product,
        every_month=reads.every_month,
        months=reads.every_month if product is None else reads.months(product),
        sold=sold,
        days=reads.days(month, product),
    )


def _catalogues(reads: _Reads, month: date, sold: pa.Table) -> Iterator[list[str]]:
    """The products of the chosen month, then of the latest others."""
    yield product_names(sold)
    others = (other for other in reversed(list(reads.every_month)) if other != month)
    for other in islice(others, SEARCHED_MONTHS):
        yield product_names(reads.products(other))


def _find(wanted: str, names: ProductNames, catalogues: Iterator[list[str]]) -> str:
    try:
        for products in catalogues:
            if found := names.find(wanted, products):
                return found
    except AmbiguousProductError:
        raise _unknown("the code of several products, so it can't be chosen") from None
    raise _unknown("not a product that was sold; accepted: one from the list")


def _unknown(reason: str) -> Exception:
    return invalid(InvalidParameter("product", "query", reason))


def _by_date(rows: pa.Table, column: str) -> Mapping[date, Figures]:
    return {row[column]: figures_of(row) for row in rows_of(rows)}
