"""Lines to fields, exactly as Python's `csv` module reads them, without a loop over the lines.

Most lines are records by themselves and are cut in columns: at their commas where they hold no
quote, else by a pattern of well-formed fields. Only what is left (a quoted field that spans
lines, text after a closing quote) goes through `csv` itself.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from txn_platform.ingest.lines import Lines, text_slices

# The module knows no limit by reader. Records are limited in bytes, by `oversize`.
csv.field_size_limit(2**31 - 1)

# A quoted field is a chain of "…" pieces: after each closing quote the next byte says whether
# the field goes on. That makes the pattern one-pass, twice as fast as spelling out `""`.
_FIELD = r'(?:"[^"]*")+|[^",][^,]*|'
_WELL_FORMED = rf"^(?:{_FIELD})(?:,(?:{_FIELD}))*$"

# With more groups the pattern is no longer one-pass, and slower than `csv` from 20 on.
_MAX_GROUPS = 16

_SPAN_SCHEMA = pl.Schema({"first": pl.Int64, "last": pl.Int64})


@dataclass(frozen=True)
class Cut:
    """Records cut from lines; `first` and `last` are the indexes of a record's lines.

    Attributes:
        fields: Records of the expected width: first, last, and the fields as text in columns
            "0", "1", ….
        ragged: Records of another width: first, last.
    """

    fields: pl.DataFrame
    ragged: pl.DataFrame


@dataclass(frozen=True)
class SpannedRecord:
    """A record that `csv` has read, and the indexes of its lines."""

    first: int
    last: int
    fields: list[str]


class _Incomplete(Exception):  # noqa: N818 - a signal, not an error
    """The record goes on after the last line."""


def cut_records(text: bytes, lines: Lines, width: int, *, final: bool) -> tuple[Cut, int]:
    """The complete records in `lines`.

    Args:
        text: Valid UTF-8 that holds the lines.
        lines: Complete lines; a record starts with the first.
        width: Fields of a well-formed record.
        final: The file ends with the lines, and with it a quote that is still open.

    Returns:
        The records in file order, and the number of lines that they make up together with the
        blank lines between them.
    """
    content = text_slices(text, lines.starts, lines.ends)
    frame = pl.DataFrame({"first": np.arange(len(lines)), "text": content}).filter(
        pl.col("text") != ""
    )
    quoted = frame["text"].str.contains('"', literal=True).alias("quoted")
    if not quoted.any():
        return _cut_plain(frame, width), len(lines)
    odd = pl.lit(value=True) if width > _MAX_GROUPS else ~pl.col("text").str.contains(_WELL_FORMED)
    marked = frame.with_columns(quoted)
    starting = marked.filter(pl.col("quoted") & odd)["first"].to_list()
    spanned, complete = read_spanned(text, lines, starting, final=final)
    free = _outside(spanned, complete, len(lines))
    single = marked.filter(pl.Series(free[marked["first"].to_numpy()]))
    cuts = [
        _cut_plain(single.filter(~pl.col("quoted")), width),
        _cut_quoted(single.filter("quoted"), width),
        _cut_spanned(spanned, width),
    ]
    return _in_file_order(cuts), complete


def read_spanned(
    text: bytes, lines: Lines, starting: Iterable[int], *, final: bool
) -> tuple[list[SpannedRecord], int]:
    """The records that start in the given lines, read by the `csv` module.

    A line that an earlier of the records has swallowed starts none.

    Returns:
        The records, and the number of lines before the first that is not complete.
    """
    starts, stops = lines.starts.tolist(), lines.stops.tolist()
    at = 0

    def lines_from_there() -> Iterator[str]:
        nonlocal at
        while at < len(starts):
            at += 1
            yield text[starts[at - 1] : stops[at - 1]].decode()
        if not final:
            raise _Incomplete

    # One reader for all: making one takes four times as long as reading a record.
    reader = csv.reader(lines_from_there())
    records: list[SpannedRecord] = []
    for first in starting:
        if first < at:
            continue
        at = first
        try:
            fields = next(reader)
        except _Incomplete:
            return records, first
        records.append(SpannedRecord(first, at - 1, fields))
    return records, len(lines)


def _outside(spanned: list[SpannedRecord], complete: int, count: int) -> npt.NDArray[np.bool_]:
    """Which of `count` lines are before `complete` and in none of the records."""
    free = np.arange(count) < complete
    for record in spanned:
        free[record.first : record.last + 1] = False
    return free


def _in_file_order(cuts: list[Cut]) -> Cut:
    return Cut(
        pl.concat([cut.fields for cut in cuts]).sort("first"),
        pl.concat([cut.ragged for cut in cuts]).sort("first"),
    )


def _cut_plain(frame: pl.DataFrame, width: int) -> Cut:
    """Lines without a quote: a comma is a separator, wherever it is."""
    text = pl.col("text")
    fits = text.str.count_matches(",", literal=True) == width - 1
    return _cut_lines(frame, fits, text.str.split_exact(",", width - 1), width)


def _cut_quoted(frame: pl.DataFrame, width: int) -> Cut:
    """Lines of well-formed fields, some of them quoted."""
    pattern = "^" + ",".join([f"({_FIELD})"] * width) + "$"
    text = pl.col("text")
    cut = _cut_lines(frame, text.str.contains(pattern), text.str.extract_groups(pattern), width)
    return Cut(cut.fields.with_columns(_unquoted(pl.col(_columns(width)))), cut.ragged)


def _cut_lines(frame: pl.DataFrame, fits: pl.Expr, fields: pl.Expr, width: int) -> Cut:
    """Lines that are a record each: those that `fits` picks have `fields`, a struct."""
    spans = [pl.col("first"), pl.col("first").alias("last")]
    marked = frame.with_columns(fits=fits)
    whole = marked.filter(pl.col("fits")).select(
        *spans, fields.struct.rename_fields(_columns(width)).alias("fields")
    )
    return Cut(whole.unnest("fields"), marked.filter(~pl.col("fits")).select(spans))


def _unquoted(field: pl.Expr) -> pl.Expr:
    """What a well-formed field means. A quote inside an unquoted one is an ordinary character."""
    inside = field.str.strip_prefix('"').str.strip_suffix('"')
    return (
        pl.when(field.str.starts_with('"'))
        .then(inside.str.replace_all('""', '"', literal=True))
        .otherwise(field)
    )


def _cut_spanned(records: list[SpannedRecord], width: int) -> Cut:
    whole = [(r.first, r.last, *r.fields) for r in records if len(r.fields) == width]
    ragged = [(r.first, r.last) for r in records if len(r.fields) != width]
    schema = _SPAN_SCHEMA | dict.fromkeys(_columns(width), pl.String())
    return Cut(
        pl.DataFrame(whole, schema, orient="row"), pl.DataFrame(ragged, _SPAN_SCHEMA, orient="row")
    )


def _columns(width: int) -> list[str]:
    return [str(position) for position in range(width)]
