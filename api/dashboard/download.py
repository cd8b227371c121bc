"""A month's products as a CSV file."""

import csv
import io
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from api.dashboard.figures import cents, month_value, product_token
from api.dashboard.names import ProductNames
from api.dashboard.reading import figures_of, read_month, rows_of
from api.dashboard.sales import chosen_rows
from api.dashboard.selection import Selection
from txn_platform.stores.published import Materialization, PublishedMarts

COLUMNS = (
    "product",
    "sale_month",
    "total_amount",
    "avg_price",
    "total_quantity",
    "transaction_count",
)

# A spreadsheet takes a cell that begins so for a formula and runs it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class SalesFile:
    """A file and what it is about.

    Attributes:
        name: With the month, and the token of a chosen product.
        rows: Lines below the header.
    """

    name: str
    content: bytes
    rows: int
    materialization: Materialization


def read_file(marts: PublishedMarts, selection: Selection, names: ProductNames) -> SalesFile | None:
    """Read the products that a selection is about; None when the mart holds no rows at all.

    Raises:
        ProblemError: 422 when no product is called as selected.
        StoreError: when the store is away or nothing is published.
    """
    sales = read_month(marts, selection, names)
    if sales.month is None:
        return None
    rows = chosen_rows(sales)
    product = "" if sales.product is None else f"-{product_token(sales.product)}"
    return SalesFile(
        name=f"sales-{month_value(sales.month)}{product}.csv",
        content=products_csv(rows, sales.month, names),
        rows=rows.num_rows,
        materialization=sales.materialization,
    )


def products_csv(rows: pa.Table, month: date, names: ProductNames) -> bytes:
    """Products of a month as RFC 4180 in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows_of(rows):
        figures = figures_of(row)
        writer.writerow(
            (
                harmless(names.shown(row["product"])),
                month.isoformat(),
                cents(figures.total_amount),
                cents(figures.avg_price),
                figures.total_quantity,
                figures.transaction_count,
            )
        )
    return text.getvalue().encode()


def harmless(cell: str) -> str:
    """The text with a leading apostrophe where a spreadsheet would run it as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
