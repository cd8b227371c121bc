"""The monthly summary as JSON and CSV, money exact and with two decimals."""

from decimal import Context, Decimal

import orjson
import polars as pl
import polars.selectors as cs
import pyarrow as pa

CENT = Decimal("0.01")
WIDE = Context(prec=60)
"""Python's default of 28 digits is too few for a decimal(38, 9)."""


def summary_json(rows: pa.Table) -> bytes:
    """A JSON array of objects; amounts are JSON numbers, written digit for digit.

    A float would turn 0.10 into 0.1 and lose cents above 2**53, so each amount is embedded as
    the text of its decimal.
    """
    objects = [
        {name: _json_value(value) for name, value in row.items()} for row in rows.to_pylist()
    ]
    return orjson.dumps(objects, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def summary_csv(rows: pa.Table) -> bytes:
    """The same rows as CSV with a header, LF line ends, fields quoted where they must be."""
    return (
        pl.DataFrame(rows).with_columns(cs.decimal().cast(pl.Decimal(38, 2))).write_csv().encode()
    )


def _json_value(value: object) -> object:
    return (
        orjson.Fragment(f"{value.quantize(CENT, context=WIDE)}")
        if isinstance(value, Decimal)
        else value
    )
