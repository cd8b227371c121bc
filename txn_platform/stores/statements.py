"""SQL files of the adapters, with identifiers filled in.

Values never go through here: they are bound as parameters by each adapter's driver. What a
placeholder `{name}` stands for is a table, column or dataset name, which no driver can bind.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Literal

SqlDialect = Literal["duckdb", "bigquery", "postgres"]

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_QUOTES: dict[SqlDialect, str] = {"duckdb": '"', "bigquery": "`", "postgres": '"'}

DATE_COLUMNS = {
    "raw_transactions": "date",
    "transactions": "date",
    "fact_sales": "sale_date",
    "pg_sales": "sale_date",
    "summary_sales": "sale_month",
    "summary_sales_daily": "sale_date",
}
"""The column that places a row of each table in time."""

KEY_COLUMNS = {
    "raw_transactions": "transaction_id",
    "transactions": "transaction_id",
    "fact_sales": "transaction_id",
    "pg_sales": "transaction_id",
    "summary_sales": "product",
    "summary_sales_daily": "product",
}
"""The column that tells rows of the same date apart."""


def statement(dialect: SqlDialect, name: str, **identifiers: str) -> str:
    """The statement `sql/<dialect>/<name>.sql` with its `{placeholder}`s filled in.

    Args:
        dialect: Folder of the file, and the way in which identifiers are quoted.
        name: File name without its suffix.
        identifiers: Names to quote; dots separate the parts of a path (`dataset.table`).

    Raises:
        ValueError: for a name that is not a plain identifier.
    """
    quoted = {key: quote(dialect, value) for key, value in identifiers.items()}
    return _text(dialect, name).format(**quoted)


def quote(dialect: SqlDialect, path: str) -> str:
    """A dotted path with each part quoted, for example `"mart"."fact_sales"`.

    Raises:
        ValueError: when a part is not a plain identifier.
    """
    parts = path.split(".")
    if not all(_IDENTIFIER.fullmatch(part) for part in parts):
        raise ValueError(f"not a plain SQL identifier: {path!r}")
    mark = _QUOTES[dialect]
    return ".".join(f"{mark}{part}{mark}" for part in parts)


@cache
def _text(dialect: SqlDialect, name: str) -> str:
    folder = files("txn_platform.stores") / "sql" / dialect
    return (folder / f"{name}.sql").read_text(encoding="utf-8")
