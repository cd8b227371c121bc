"""The monthly summary as JSON and CSV, money exact and with two decimals."""

from decimal import Decimal
from typing import Any, cast

import orjson
import pyarrow as pa
import pyarrow.compute as pc

CENTS = pa.decimal128(38, 2)


def summary_json(rows: pa.Table) -> bytes:
    """A JSON array of objects; amounts are JSON numbers, written digit for digit.

    A float would turn 0.10 into 0.1 and lose cents above 2**53, so each amount is embedded as
    the text of its decimal.
    """
    objects = [
        {name: _json_value(value) for name, value in row.items()}
        for row in _in_cents(rows).to_pylist()
    ]
    return orjson.dumps(objects, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def summary_csv(rows: pa.Table) -> bytes:
    """The same rows as CSV with a header, LF line ends, fields quoted where they must be."""
    frame = cast(Any, _in_cents(rows)).to_pandas()
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _in_cents(rows: pa.Table) -> pa.Table:
    """Amounts with two decimals; half a cent, which only finer prices can give, rounds up."""
    columns = [
        pc.round(column, ndigits=2, round_mode="half_towards_infinity").cast(CENTS)
        if pa.types.is_decimal(column.type)
        else column
        for column in rows.columns
    ]
    return pa.Table.from_arrays(columns, names=rows.column_names)


def _json_value(value: object) -> object:
    return orjson.Fragment(str(value)) if isinstance(value, Decimal) else value
