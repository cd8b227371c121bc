"""The operational view: pages of `pg_sales`, encoded by PostgreSQL itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed

from api.database import ApiDatabase
from api.marts.cache import ResultCache
from api.marts.filters import OperationalFilters
from api.problems import StoreAwayError
from api.statements import statement
from txn_platform.stores.published import MartPage, Materialization

_SORTED_BY: Mapping[str, SQL] = {
    # By code points wherever it runs; a server's own collation would differ from the warehouse.
    "product": SQL('product COLLATE "C"'),
    "sale_month": SQL("date_trunc('month', sale_date)"),
    "total_amount": SQL("total_amount"),
    "avg_price": SQL("avg_price"),
    "total_quantity": SQL("total_quantity"),
    "transaction_count": SQL("1::bigint"),
    "transaction_id": SQL("transaction_id"),
    "sale_date": SQL("sale_date"),
}


async def read_page(
    database: ApiDatabase, results: ResultCache, filters: OperationalFilters
) -> MartPage:
    """A page of `pg_sales` with the materialization that it is of.

    Args:
        database: Where to read.
        results: Remembers how many rows a selection has.
        filters: What to read.

    Raises:
        StoreAwayError: when PostgreSQL does not answer, not in time, or not with this mart.
    """
    text, values = page_query(filters, results.total(filters.selection))
    async with database.reading() as connection:
        cursor = connection.cursor(row_factory=dict_row, binary=True)
        try:
            await cursor.execute(text, values, prepare=False)
        except psycopg.ProgrammingError:
            # The mart, or the right to read it, is missing.
            raise StoreAwayError("postgres") from None
        row = await cursor.fetchone()
    if row is None:
        raise StoreAwayError("postgres")
    shown = Materialization(row["materialization_id"], row["materialized_at"].astimezone(UTC))
    results.remember_total(filters.selection, shown.materialization_id, row["total"])
    return MartPage(row["json_rows"], row["row_count"], row["total"], shown)


def page_query(
    filters: OperationalFilters, known: tuple[str, int] | None = None
) -> tuple[Composed, dict[str, object]]:
    """The statement that reads a page, and its parameters.

    Args:
        filters: What to read.
        known: How many rows are selected, and of which materialization that is true.
    """
    start, end = filters.window()
    prefix = filters.product_prefix
    values: dict[str, object] = {
        "first_product": prefix or None,
        # The prefix with its last character, an ASCII one, replaced by the next.
        "after_products": prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else None,
        "start": start,
        "end": end,
        "min_amount": filters.min_amount,
        "max_quantity": filters.max_quantity,
        "min_avg_price": filters.min_avg_price,
        "max_avg_price": filters.max_avg_price,
        "limit": filters.limit,
        "skipped_rows": filters.offset,
        "unfiltered": not filters.selection,
        "known_id": known[0] if known else None,
        "known_total": known[1] if known else None,
    }
    text = SQL(statement("api.marts", "pg_trends"))
    return text.format(sort_columns=_order(filters.sort_keys())), values


def _order(sort_keys: Sequence[tuple[str, bool]]) -> Composed:
    """What no driver can bind; made of the fragments above only."""
    keys = [
        SQL("{} {}").format(_SORTED_BY[column], SQL("DESC" if descending else "ASC"))
        for column, descending in (*sort_keys, ("sale_date", False), ("transaction_id", False))
    ]
    return SQL(", ").join(keys)
