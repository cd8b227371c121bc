"""One month of sales as the dashboard shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from api.dashboard.figures import following_month, month_label, preceding_month
from api.dashboard.names import ProductNames
from api.dashboard.reading import MonthOfSales, figures_of, product_names, rows_of
from api.dashboard.tiles import Figures, Tile, tiles
from txn_platform.stores.published import Materialization

TOP_PRODUCTS = 20
"""Products in the table; the CSV file has them all."""
LISTED_PRODUCTS = 200
"""Products that the form offers, the best-selling ones of the month."""


@dataclass(frozen=True, slots=True)
class Product:
    """Sales of one product; `name` is what the user may see of it."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class SalesView:
    """A month, all of it of one materialization.

    Attributes:
        month: First day of the month shown.
        product: What the user may see of the chosen product; None for all products.
        months: Figures of the months in which the chosen product sold, in order.
        days: The same by day of the month shown.
        products: The best-selling ones of the month, or the chosen one.
        product_count: How many products sold in the month, whichever is chosen.
        month_choices: Months with sales, and the one shown; in order.
        product_choices: Products that the form offers, by name.
        earlier: The nearest choice before the month shown.
        later: The nearest choice after it.
        tiles: Key figures; None for a month without sales.
        previous_label: What the calendar month before is called.
        complete: False when the month had not ended at the materialization.
    """

    materialization: Materialization
    month: date
    product: str | None
    months: Mapping[date, Figures]
    days: Mapping[date, Figures]
    products: Sequence[Product]
    product_count: int
    month_choices: Sequence[date]
    product_choices: Sequence[str]
    earlier: date | None
    later: date | None
    tiles: Sequence[Tile] | None
    previous_label: str
    complete: bool


def sales_view(sales: MonthOfSales, names: ProductNames) -> SalesView | None:
    """What a user sees of a month; None when the mart holds no rows at all."""
    month = sales.month
    if month is None:
        return None
    choices = sorted({*sales.every_month, month})
    figures = sales.months.get(month)
    previous = preceding_month(month)
    return SalesView(
        materialization=sales.materialization,
        month=month,
        product=None if sales.product is None else names.shown(sales.product),
        months=sales.months,
        days=sales.days,
        products=_products(sales, names),
        product_count=sales.sold.num_rows,
        month_choices=choices,
        product_choices=_product_choices(sales, names),
        earlier=max((each for each in choices if each < month), default=None),
        later=min((each for each in choices if each > month), default=None),
        tiles=figures and tiles(figures, sales.months.get(previous), month_label(previous)),
        previous_label=month_label(previous),
        complete=sales.materialization.materialized_at.date() >= following_month(month),
    )


def chosen_rows(sales: MonthOfSales) -> pa.Table:
    """The products that the page is about: all of the month, or the chosen one."""
    if sales.product is None:
        return sales.sold
    products = product_names(sales.sold)
    if sales.product not in products:
        return sales.sold.slice(0, 0)
    return sales.sold.slice(products.index(sales.product), 1)


def _products(sales: MonthOfSales, names: ProductNames) -> Sequence[Product]:
    rows = rows_of(chosen_rows(sales).slice(0, TOP_PRODUCTS))
    return [Product(names.shown(row["product"]), figures_of(row)) for row in rows]


def _product_choices(sales: MonthOfSales, names: ProductNames) -> Sequence[str]:
    offered = {*product_names(sales.sold.slice(0, LISTED_PRODUCTS))}
    if sales.product is not None:
        offered.add(sales.product)
    return sorted(map(names.shown, offered))
