"""The engine against the plain reading of `reference`, row for row, on files of every kind."""

import io
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.errors import InputFileError
from txn_platform.ingest.landing import validate
from txn_platform.ingest.rules import IngestRules
from txn_platform.ingest.source import Limits
from txn_platform_tests.ingest import reference
from txn_platform_tests.ingest.support import (
    HEADER,
    RULES,
    STRICT,
    accepted_rows,
    rejected_rows,
    stage_bytes,
)

VALUES = {
    "transaction_id": ["T1", "T2", " T1", "T1\u3000", "", "é", "x" * 128, "x" * 129, 'T"3',
                       "\x1cT1"],
    "product": ["Halal Laptop", "Halal", "halal", "", "é" * 256, "é" * 257, 'Halal "X"', "Monitor"],
    "price": ["10", "10.00", "9.99", "10.005", "+10.500", "-5", "0", "1e3", "1_000", "NaN", "٣"],
    "quantity": ["1", "100", "101", "+5", "-1", "007", "5.0", "1_0", "2147483648", "", "٣"],
    "date": [
        "2023-10-01", "2024-06-30", "2024-07-01", "2023-09-30", "2024-02-30", "2024-02-29",
        "0000-01-01", "2023-1-1", "2024-01-01 ", "2024-01-01T00:00:00", "1696118400",
        "\x852024-01-01",
    ],
    "note": ["", "n", "a,b", "a\nb", "a\r\nb", "a\rb", "\n", 'say "x"', "\u2028", "\x0b"],
}  # fmt: skip
COLUMNS = list(VALUES)
JUNK = [
    b"\xff",
    b"\xe2\x28",
    b"\0",
    b"\xed\xa0\x80",
    b'"',
    b'""',
    b"\n",
    b"\r",
    b"\r\n",
    b",",
    b'",',
    b"\xc2\x85",
]

RULE_SETS = [
    RULES,
    STRICT,
    replace(STRICT, max_decimals=0, product_prefix="", required_fields=("date", "price")),
    replace(RULES, end=date(2024, 1, 1), pii_fields=("transaction_id", "note"), pii_hash_key=b"k"),
]


def _rendered(value: str, quoted: bool) -> str:
    needs = any(character in value for character in ',"\r\n')
    return '"' + value.replace('"', '""') + '"' if quoted or needs else value


@st.composite
def records(draw: st.DrawFn, columns: list[str]) -> bytes:
    """A line that is mostly a good row, sometimes with odd values, sometimes damaged."""
    values = {column: VALUES[column][0] for column in columns}
    values["transaction_id"] = f"T{draw(st.integers(0, 30))}"
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 3]))):
        column = draw(st.sampled_from(columns))
        values[column] = draw(st.sampled_from(VALUES[column]))
    quoted = draw(st.booleans())
    line = ",".join(_rendered(value, quoted) for value in values.values()).encode()
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(line)))
        line = line[:at] + draw(st.sampled_from(JUNK)) + line[at:]
    return line


@st.composite
def files(draw: st.DrawFn) -> bytes:
    columns = draw(st.permutations(COLUMNS if draw(st.booleans()) else COLUMNS[:5]))
    lines = [",".join(columns).encode(), *draw(st.lists(records(columns), max_size=12))]
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"]))
    bom = draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\n"]))
    return bom + end.join(lines) + draw(st.sampled_from([b"", end]))


PIECES = [b'"', b'"', b",", b"\n", b"\r", b"a", b"\xff", b"\0", b"\xc3\xa9"]
ROWS = [
    b"\nT1,Halal,10,1,2023-10-01\n",
    b'\n"T2","Halal","10","1","2023-10-01"\r\n',
    b"T3,Halal,10,1,",
]
structural = st.lists(st.sampled_from(PIECES + ROWS), max_size=40).map(b"".join)


def _assert_agrees(data: bytes, rules: IngestRules, limits: Limits) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            expected = reference.read(data, rules, max_record_bytes=limits.record_bytes)
        except reference.RefusedError:
            with pytest.raises(InputFileError):
                stage_bytes(data, Path(folder), rules, limits)
            return
        batch = stage_bytes(data, Path(folder), rules, limits)
        accepted, rejected = accepted_rows(batch), rejected_rows(batch)
    expected.accepted.sort(key=lambda row: row[4])
    assert list(accepted.drop("batch_id", strict=False).iter_rows()) == expected.accepted
    assert _rejects(rejected) == expected.rejected
    manifest = batch.manifest
    assert manifest.eligible == expected.eligible
    assert manifest.rows == manifest.accepted + manifest.rejected
    assert manifest.accepted == len(expected.accepted) == sum(manifest.dates.values())
    assert manifest.reasons == Counter(reject.reason for reject in expected.rejected)
    report = validate(io.BytesIO(data), rules=rules, limits=limits)
    assert (report.accepted, report.reasons) == (manifest.accepted, manifest.reasons)


def _rejects(frame: pl.DataFrame) -> list[reference.Reject]:
    rejects: list[reference.Reject] = []
    for line, reason, *fields, offset, length, digest in frame.iter_rows():
        if digest is None:
            rejects.append(reference.Reject(line, reason, tuple(fields), None))
        else:
            assert fields == [None] * len(fields)
            rejects.append(reference.Reject(line, reason, None, (offset, length, digest)))
    return rejects


chunks = st.integers(20, 200) | st.just(2**20)
records_limit = st.just(2**20) | st.integers(30, 120)


@given(data=files(), rules=st.sampled_from(RULE_SETS), chunk=chunks, record=records_limit)
def test_generated_files_are_read_as_the_reference_reads_them(
    data: bytes, rules: IngestRules, chunk: int, record: int
) -> None:
    _assert_agrees(data, rules, Limits(chunk_bytes=chunk, record_bytes=record))


@given(tail=structural, chunk=chunks, record=records_limit)
def test_any_sequence_of_quotes_separators_and_bad_bytes_is_read_as_the_reference_reads_it(
    tail: bytes, chunk: int, record: int
) -> None:
    data = HEADER.encode() + b"\n" + tail
    _assert_agrees(data, RULES, Limits(chunk_bytes=chunk, record_bytes=record))


@given(data=st.binary(max_size=200), chunk=chunks)
def test_random_bytes_are_refused_or_accounted_for(data: bytes, chunk: int) -> None:
    limits = Limits(chunk_bytes=chunk)
    try:
        report = validate(io.BytesIO(data), rules=RULES, limits=limits)
    except InputFileError:
        return
    assert report.rows == report.accepted + report.rejected


@given(data=st.binary(max_size=200))
def test_random_bytes_after_a_header_are_read_as_the_reference_reads_them(data: bytes) -> None:
    _assert_agrees(HEADER.encode() + b"\n" + data, RULES, Limits(chunk_bytes=2**20))
