"""Rows of the published marts in the forms in which readers get them."""

from datetime import date, timedelta
from typing import Any, cast

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from txn_platform.windows import DateWindow

CENTS = pa.decimal128(38, 2)
_TEXT = pa.large_string()  # the other kind of text ends at 2 GiB a column
_LAST_MONTH = date.max.replace(day=1)


def in_cents(rows: pa.Table) -> pa.Table:
    """Amounts with two decimals; half a cent, which only finer prices can give, rounds up."""
    columns = [
        pc.round(column, ndigits=2, round_mode="half_towards_infinity").cast(CENTS)
        if pa.types.is_decimal(column.type)
        else column
        for column in rows.columns
    ]
    return pa.Table.from_arrays(columns, names=rows.column_names)


def json_objects(rows: pa.Table) -> pa.LargeStringArray:
    """Each row as a JSON object and a comma: what lies side by side is the inside of an array.

    Amounts are the digits of their decimals: a float would lose cents above 2**53.
    """
    pieces: list[Any] = []
    opening = "{"
    for name, column in zip(rows.column_names, in_cents(rows).columns, strict=True):
        pieces += [pa.scalar(f'{opening}"{name}":', _TEXT), _json_values(column)]
        opening = ","
    pieces += [pa.scalar("},", _TEXT), pa.scalar("", _TEXT)]
    return cast(Any, pc).binary_join_element_wise(*pieces).combine_chunks()


def json_array(objects: pa.LargeStringArray) -> bytes:
    """What `json_objects` made of some rows, as one JSON array."""
    if not len(objects):
        return b"[]"
    _, offsets, text = cast(Any, objects).buffers()
    ends = memoryview(offsets).cast("q")
    first, last = ends[objects.offset], ends[objects.offset + len(objects)]
    return b"".join((b"[", memoryview(text)[first : last - 1], b"]"))


def month_window(month: date) -> DateWindow:
    """The days of the month of that first day; of the last month of all, those before its last."""
    if month == _LAST_MONTH:
        return DateWindow(month, date.max)
    return DateWindow(month, (month + timedelta(days=31)).replace(day=1))


def _json_values(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    if pa.types.is_decimal(column.type) or pa.types.is_integer(column.type):
        return column.cast(_TEXT)
    # Each distinct text or date is quoted and escaped once.
    encoded = cast(Any, column).combine_chunks().dictionary_encode()
    texts = [orjson.dumps(value).decode() for value in encoded.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(texts, _TEXT).take(encoded.indices)])
