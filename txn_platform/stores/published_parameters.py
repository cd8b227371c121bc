"""What a reader asks of the summary, as parameters and sort keys of a BigQuery query."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import get_args

from google.cloud import bigquery

from txn_platform.stores.published import SortKey, SummaryColumn, SummaryFilter

Parameter = bigquery.ScalarQueryParameter

_COLUMNS: tuple[SummaryColumn, ...] = get_args(SummaryColumn)
_DEFAULT_ORDER = (SortKey("sale_month"), SortKey("product"))
_HIGHEST_INT64 = 2**63 - 1
_HIGHEST_NUMERIC = Decimal("99999999999999999999999999999.999999999")
_NUMERIC_STEP = Decimal("1e-9")
_LAST_CHARACTER = "\U0010ffff"
_SURROGATES = range(0xD800, 0xE000)


def conditions(filters: SummaryFilter) -> list[Parameter]:
    """Text and months as ranges, which BigQuery can prune by; what is None is not asked for."""
    prefix = filters.product_prefix or ""
    return [
        Parameter("prefix", "STRING", prefix),
        Parameter("prefix_end", "STRING", _end_of_prefix(prefix)),
        # Only a month that is both the latest and the earliest matches all of them.
        Parameter("first_month", "DATE", max(filters.months, default=date.min)),
        Parameter("last_month", "DATE", min(filters.months, default=date.max)),
        Parameter("min_amount", "NUMERIC", _numeric(filters.min_amount, ROUND_CEILING)),
        Parameter("max_quantity", "INT64", _int64(filters.max_quantity)),
        Parameter("min_avg_price", "NUMERIC", _numeric(filters.min_avg_price, ROUND_CEILING)),
        Parameter("max_avg_price", "NUMERIC", _numeric(filters.max_avg_price, ROUND_FLOOR)),
    ]


def page_bounds(limit: int, offset: int) -> list[Parameter]:
    """Which rows are on the page; where it ends is an INT64, too."""
    return [
        Parameter("limit", "INT64", limit),
        Parameter("offset", "INT64", min(offset, _HIGHEST_INT64 - limit)),
    ]


def complete_order(sort: Sequence[SortKey]) -> list[SortKey]:
    """Every column once, in the default order behind what is asked for."""
    keys: dict[SummaryColumn, SortKey] = {}
    for key in (*sort, *_DEFAULT_ORDER, *map(SortKey, _COLUMNS)):
        keys.setdefault(key.column, key)
    return list(keys.values())


def _end_of_prefix(prefix: str) -> str | None:
    """The least text above all that begin with `prefix`; None where there is none above."""
    stem = prefix.rstrip(_LAST_CHARACTER)
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    if following in _SURROGATES:  # no characters, and no UTF-8 for them
        following = _SURROGATES.stop
    return stem[:-1] + chr(following)


def _numeric(bound: Decimal | None, rounding: str) -> str | None:
    """The NUMERIC that parts amounts, all of which are NUMERIC, just as the bound does."""
    if bound is None:
        return None
    # Not `-`, which rounds to the 28 digits of the default context.
    within = min(max(bound, _HIGHEST_NUMERIC.copy_negate()), _HIGHEST_NUMERIC)
    return f"{within.quantize(_NUMERIC_STEP, rounding, Context(prec=38)):f}"


def _int64(bound: int | None) -> int | None:
    return None if bound is None else min(max(bound, -_HIGHEST_INT64), _HIGHEST_INT64)
