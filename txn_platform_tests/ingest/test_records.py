import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.ingest.records import RecordReader
from txn_platform_tests.ingest.support import GOOD, HEADER

PIECES = [
    b'"',
    b'"',
    b",",
    b"\n",
    b"\r\n",
    b"\r",
    b"a",
    b"\xff",
    b"\0",
    b"\xc3\xa9",
    GOOD.encode() + b"\n",
]


def _read(
    chunks: list[bytes], limit: int
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    reader = RecordReader(chunks, name="x", key=None, max_record_bytes=limit)
    parts = list(reader)
    fields = pl.concat([part.fields for part in parts])
    unreadable = pl.concat([part.unreadable for part in parts])
    return fields.rows(), unreadable.rows()


@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=25),
    cuts=st.lists(st.integers(0, 150), max_size=12),
    limit=st.integers(8, 60) | st.just(2**20),
)
def test_the_records_do_not_depend_on_where_chunks_end(
    pieces: list[bytes], cuts: list[int], limit: int
) -> None:
    data = HEADER.encode() + b"\n" + b"".join(pieces) + b"x"
    ends = sorted({*cuts, len(data)})
    chunks = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert _read([chunk for chunk in chunks if chunk], limit) == _read([data], limit)


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_one_byte_at_a_time_gives_the_lines_and_offsets_of_the_whole(
    bom: bytes, end: bytes
) -> None:
    rows = [
        b"",
        HEADER.encode(),
        GOOD.encode(),
        b"",
        b'T2,"a' + end + b'b",1,2,3',
        b"short",
        b"\xff",
    ]
    data = bom + end.join(rows)
    fields, unreadable = _read([data[at : at + 1] for at in range(len(data))], 2**20)
    assert [row[0] for row in fields] == [3, 5]
    assert [row[:4] for row in unreadable] == [
        (7, "wrong_field_count", data.index(b"short"), 5),
        (8, "invalid_encoding", len(data) - 1, 1),
    ]


def test_a_record_at_the_limit_is_read_and_one_beyond_it_is_not() -> None:
    limit = len(GOOD)
    for end in (b"", b"\n", b"\r\n"):
        fields, unreadable = _read([HEADER.encode() + b"\n" + GOOD.encode() + end], limit)
        assert (len(fields), len(unreadable)) == (1, 0)
        fields, unreadable = _read([HEADER.encode() + b"\n" + GOOD.encode() + b"5" + end], limit)
        assert len(fields) == 0
        assert unreadable[0][:4] == (2, "wrong_field_count", len(HEADER) + 1, limit + 1)
