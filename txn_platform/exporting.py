"""The monthly summary as JSON and CSV, money exact and with two decimals."""

from decimal import Decimal
from typing import Any, cast

import orjson
import pyarrow as pa

from txn_platform.stores.published_rows import in_cents


def summary_json(rows: pa.Table) -> bytes:
    """A JSON array of objects; amounts are JSON numbers, written digit for digit.

    A float would turn 0.10 into 0.1 and lose cents above 2**53, so each amount is embedded as
    the text of its decimal.
    """
    objects = [
        {name: _json_value(value) for name, value in row.items()}
        for row in in_cents(rows).to_pylist()
    ]
    return orjson.dumps(objects, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def summary_csv(rows: pa.Table) -> bytes:
    """The same rows as CSV with a header, LF line ends, fields quoted where they must be."""
    frame = cast(Any, in_cents(rows)).to_pandas()
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _json_value(value: object) -> object:
    return orjson.Fragment(str(value)) if isinstance(value, Decimal) else value
