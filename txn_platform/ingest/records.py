"""From the bytes of a file to its header and its records, chunk by chunk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from txn_platform.ingest.cutting import Cut, cut_records, read_spanned
from txn_platform.ingest.formats import Reason
from txn_platform.ingest.hashing import digests
from txn_platform.ingest.header import MAX_HEADER_BYTES, Header, not_a_csv
from txn_platform.ingest.lines import Lines, Positions, byte_slices, decodable, split_lines
from txn_platform.ingest.oversize import OversizeRecord
from txn_platform.ingest.source import DEFAULT_LIMITS, Window

# Fields that are cut at a time; lines of nothing but commas, or shorter than the header, would
# otherwise take sixty times their size and more.
_CELLS = 2**21

_BOM = b"\xef\xbb\xbf"
UNREADABLE_SCHEMA = pl.Schema(
    {
        "line": pl.Int64,
        "reason": pl.String,
        "byte_offset": pl.Int64,
        "byte_length": pl.Int64,
        "record_hash": pl.String,
    }
)


@dataclass(frozen=True)
class Records:
    """Consecutive records of a file; blank lines are none.

    Attributes:
        fields: Records with as many fields as the header: `line`, on which the record begins,
            then its fields as text, in columns called by their position, from "0" on.
        unreadable: The others: line, reason, byte_offset in the file, byte_length without the
            line terminator, and record_hash of those bytes. Nothing of them is in clear.
    """

    fields: pl.DataFrame
    unreadable: pl.DataFrame


class RecordReader:
    """Reads the header on construction, and the records when iterated over, once.

    Memory is bounded by the size of a chunk and of the largest record that is held.

    Args:
        chunks: The file's bytes.
        name: What errors call the file.
        key: Key for the hash of an unreadable record.
        max_record_bytes: Size from which a record is rejected unread.

    Raises:
        InputFileError: the file is refused for its header.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        name: str,
        key: bytes | None,
        max_record_bytes: int = DEFAULT_LIMITS.record_bytes,
    ) -> None:
        self._window = Window(chunks)
        self._max_record_bytes = max_record_bytes
        self._name = name
        self._key = key
        self.header = self._read_header()

    def __iter__(self) -> Iterator[Records]:
        window = self._window
        while self.header.names:
            yield from self._take_records()
            if window.final:
                return
            # Two more: a CRLF at its end would not belong to the record.
            if len(window.buffer) > self._max_record_bytes + 2:
                yield self._skip_oversize()
            else:
                window.grow()

    def _read_header(self) -> Header:
        window = self._window
        while len(window.buffer) < len(_BOM) and not window.final:
            window.grow()
        if window.buffer.startswith(_BOM):
            window.advance(len(_BOM), 0)
        while not (window.final and not window.buffer):
            fields = self._first_record()
            if fields is not None:
                return Header.parse(fields, name=self._name)
            if len(window.buffer) >= MAX_HEADER_BYTES:
                raise not_a_csv(self._name)
            window.grow()
        return Header(())

    def _first_record(self) -> list[str] | None:
        """The fields of the first record, which leaves the window; None: not all of it is there.

        Blank lines before it leave the window too.
        """
        head = self._window.buffer[:MAX_HEADER_BYTES]
        final = self._window.final and len(head) == len(self._window.buffer)
        lines = split_lines(head, final=final)
        filled = np.flatnonzero(lines.ends > lines.starts)[:1].tolist()
        if not filled:
            self._window.advance(lines.size, len(lines))
            return None
        text, undecodable = decodable(head[: lines.size])
        for record in read_spanned(text, lines, filled, final=final)[0]:
            start, stop = int(lines.starts[record.first]), int(lines.stops[record.last])
            if ((undecodable >= start) & (undecodable < stop)).any():
                raise not_a_csv(self._name)
            self._window.advance(stop, record.last + 1)
            return record.fields
        return None

    def _take_records(self) -> Iterator[Records]:
        """The complete records in the window, which leave it, some lines at a time."""
        window, width = self._window, self.header.width
        lines = split_lines(window.buffer, final=window.final)
        buffer = window.buffer[: lines.size]
        text, undecodable = decodable(buffer)
        at, size = 0, _CELLS // width
        while at < len(lines):
            some = lines[at : at + size]
            at_end = at + size >= len(lines)
            cut, complete = cut_records(text, some, width, final=at_end and window.final)
            if complete:
                yield self._sift(cut, buffer, some, undecodable, line=window.line + at)
                at, size = at + complete, _CELLS // width
            elif at_end:
                break
            else:  # a record of more lines than that
                size *= 2
        window.advance(int(lines.stops[at - 1]) if at else 0, at)

    def _sift(
        self, cut: Cut, buffer: bytes, lines: Lines, undecodable: Positions, *, line: int
    ) -> Records:
        """Set apart the records whose fields can't be read or matched to the columns.

        Args:
            cut: The records in `lines`.
            buffer: What the lines are positions in.
            lines: The lines.
            undecodable: Positions of bytes that are not text.
            line: Number of the first line.
        """

        def spoiled(starts: Positions, ends: Positions) -> npt.NDArray[np.bool_]:
            return np.searchsorted(undecodable, ends) > np.searchsorted(undecodable, starts)

        starts, ends = _spans(cut.fields, lines)
        readable = pl.Series(~spoiled(starts, ends) & (ends - starts <= self._max_record_bytes))
        dropped = cut.fields.filter(~readable).select("first", "last")
        others = pl.concat([dropped, cut.ragged]).sort("first")
        starts, ends = _spans(others, lines)
        reasons = np.where(
            spoiled(starts, ends), Reason.INVALID_ENCODING.value, Reason.WRONG_FIELD_COUNT.value
        )
        unreadable = pl.DataFrame(
            {
                "line": others["first"] + line,
                "reason": reasons,
                "byte_offset": starts + self._window.offset,
                "byte_length": ends - starts,
                "record_hash": byte_slices(buffer, starts, ends),
            }
        ).with_columns(digests(pl.col("record_hash"), self._key))
        fields = cut.fields.filter(readable).drop("last").rename({"first": "line"})
        return Records(fields.with_columns(pl.col("line") + line), unreadable)

    def _skip_oversize(self) -> Records:
        """Follow the record with which the window starts to its end, without holding it."""
        window, record = self._window, OversizeRecord(self._key)
        line, offset = window.line, window.offset
        while True:
            # A CR at the end may be half of a CRLF: it waits for the byte after it.
            held_back = window.buffer.endswith(b"\r") and not window.final
            block = window.buffer[:-1] if held_back else window.buffer
            end = record.feed(block)
            ended = end < len(block)
            stop = end + (2 if block[end : end + 2] == b"\r\n" else int(ended))
            window.advance(stop, len(split_lines(block[:stop], final=ended)))
            if ended or window.final:
                return _unreadable_record(record, line=line, offset=offset, width=self.header.width)
            window.grow()


def _spans(records: pl.DataFrame, lines: Lines) -> tuple[Positions, Positions]:
    """First byte of each record, and the byte after it."""
    return lines.starts[records["first"].to_numpy()], lines.ends[records["last"].to_numpy()]


def _unreadable_record(record: OversizeRecord, *, line: int, offset: int, width: int) -> Records:
    unreadable = (line, record.reason().value, offset, record.length, record.hexdigest())
    fields = pl.Schema({"line": pl.Int64} | {str(column): pl.String for column in range(width)})
    return Records(
        pl.DataFrame(schema=fields), pl.DataFrame([unreadable], UNREADABLE_SCHEMA, orient="row")
    )
