"""Physical lines: the coarse cut of a chunk of bytes, without a loop over its lines."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Positions = npt.NDArray[np.int64]

LF, CR = 10, 13


@dataclass(frozen=True)
class Lines:
    """Physical lines of a buffer, which end in LF, CRLF or a lone CR.

    In nothing else: `str.splitlines` would end them at NEL, U+2028, VT or FF too.

    Attributes:
        starts: First byte of each line.
        ends: Byte after its content.
        stops: Byte after its terminator, which is where the next line starts.
    """

    starts: Positions
    ends: Positions
    stops: Positions

    def __len__(self) -> int:
        return len(self.stops)

    def __getitem__(self, indexes: slice) -> Self:
        return type(self)(self.starts[indexes], self.ends[indexes], self.stops[indexes])

    @property
    def size(self) -> int:
        """Bytes of the buffer up to the end of the last line."""
        return int(self.stops[-1]) if len(self.stops) else 0


def split_lines(buffer: bytes, *, final: bool) -> Lines:
    """The complete lines of `buffer`, which begins with one.

    Args:
        buffer: Any bytes.
        final: Nothing follows: what comes after the last terminator is a line too, and a CR at
            the very end is not the first half of a CRLF.
    """
    data = np.frombuffer(buffer, np.uint8)
    breaks = data == LF
    if b"\r" in buffer:
        returns = data == CR
        returns[:-1] &= ~breaks[1:]
        returns[-1] &= final
        breaks |= returns
    stops = np.flatnonzero(breaks) + 1
    if final and buffer and not breaks[-1]:
        stops = np.append(stops, len(buffer))
    starts = np.concatenate([np.zeros(1, np.int64), stops[:-1]])[: len(stops)]
    return Lines(starts, stops - _terminator_lengths(data, starts, stops), stops)


def decodable(buffer: bytes) -> tuple[bytes, Positions]:
    """`buffer` as valid UTF-8 of the same length, and where it is not what it was.

    Bytes that are not UTF-8 become question marks. The positions also hold those of NULs, which
    stay: both make a record undecodable.
    """
    if buffer.isascii() and b"\0" not in buffer:
        return buffer, np.empty(0, np.int64)
    clean = buffer.decode("utf-8", "surrogateescape").encode("utf-8", "replace")
    data = np.frombuffer(clean, np.uint8)
    return clean, np.flatnonzero((data != np.frombuffer(buffer, np.uint8)) | (data == 0))


def text_slices(text: bytes, starts: Positions, ends: Positions) -> pl.Series:
    """`byte_slices` of valid UTF-8, as a String column."""
    return _slices(text, starts, ends, pa.large_string())


def byte_slices(buffer: bytes, starts: Positions, ends: Positions) -> pl.Series:
    """The ascending, disjoint slices of `buffer` as a Binary column that shares its memory.

    Args:
        buffer: Any bytes.
        starts: First byte of each slice.
        ends: Byte after it.
    """
    return _slices(buffer, starts, ends, pa.large_binary())


def _slices(buffer: bytes, starts: Positions, ends: Positions, kind: pa.DataType) -> pl.Series:
    # Arrow's offsets leave no gaps, so what lies between two slices is a value of its own.
    offsets = np.stack([starts, ends], axis=1).ravel()
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(buffer)]
    array = pa.Array.from_buffers(kind, max(len(offsets) - 1, 0), buffers)
    return pl.Series(array).gather_every(2)


def _terminator_lengths(
    data: npt.NDArray[np.uint8], starts: Positions, stops: Positions
) -> Positions:
    """2 for CRLF, 1 for LF or CR, 0 for the end of the file."""
    last = data[stops - 1]
    by_lf = last == LF
    before = data[np.maximum(stops - 2, starts)]
    return (by_lf | (last == CR)).astype(np.int64) + (by_lf & (before == CR))
