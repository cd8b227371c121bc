import csv
import hashlib
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.ingest.oversize import OversizeRecord

PIECES = [b'"', b'"', b'""', b",", b',"', b'",', b"\n", b"\r\n", b"\r", b"a"]


def _first_record(data: bytes) -> bytes:
    """What Python's csv module reads first, without its line terminator."""
    lines = list(io.StringIO(data.decode(), newline=""))
    reader = csv.reader(lines)
    next(reader)
    text = "".join(lines[: reader.line_num])
    return re.sub(r"(\r\n|\n|\r)\Z", "", text).encode()


@given(st.lists(st.sampled_from(PIECES)).map(b"".join), st.lists(st.integers(0, 60), max_size=4))
def test_the_record_ends_where_the_csv_module_ends_it(tail: bytes, cuts: list[int]) -> None:
    data = b"a" + tail
    record, expected, at = OversizeRecord(None), _first_record(data), 0
    # A CRLF is never cut in two: the reader holds a CR back until it knows what follows.
    ends = sorted({cut for cut in cuts if data[cut - 1 : cut] != b"\r"} | {len(data)})
    for end in ends:
        block = data[at:end]
        taken = record.feed(block)
        at += taken
        if taken < len(block):
            break
    assert record.length == len(expected)
    assert record.hexdigest() == hashlib.sha256(expected).hexdigest()


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        ([b'"a', b"b\n"], "wrong_field_count"),
        (["é".encode()[:1], "é".encode()[1:], b"\n"], "wrong_field_count"),
        (["é".encode()[:1], b"\n"], "invalid_encoding"),
        (["é".encode()[:1]], "invalid_encoding"),
        ([b"a\0", b"b\n"], "invalid_encoding"),
        ([b"\xff", b"b\n"], "invalid_encoding"),
    ],
)
def test_the_encoding_is_judged_over_all_of_the_record(blocks: list[bytes], reason: str) -> None:
    record = OversizeRecord(None)
    for block in blocks:
        record.feed(block)
    assert record.reason() == reason
