import errno
import hashlib
import io
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from txn_platform.errors import InputFileError, StoreError
from txn_platform.ingest.batch import ACCEPTED_SCHEMA
from txn_platform.ingest.landing import batch_id_of, stage, validate
from txn_platform.ingest.rules import IngestRules
from txn_platform.ingest.source import Limits
from txn_platform.settings import PROJECT_ROOT
from txn_platform_tests.ingest.support import (
    GOOD,
    HEADER,
    RULES,
    STRICT,
    accepted_rows,
    csv_bytes,
    reasons,
    rejected_rows,
    stage_bytes,
)

DATA = PROJECT_ROOT / "data"


def test_the_small_sample_gives_four_accepted_rows_and_one_reject(tmp_path: Path) -> None:
    started = datetime.now(UTC)
    with (DATA / "transactions.csv").open("rb") as file:
        batch = stage(file, name="transactions.csv", rules=RULES, folder=tmp_path)
    manifest = batch.manifest
    with (DATA / "transactions.csv").open("rb") as file:
        assert manifest.batch_id == batch_id_of(file, name="transactions.csv")
    assert manifest.name == "transactions.csv"
    assert manifest.bytes == (DATA / "transactions.csv").stat().st_size
    assert (manifest.rows, manifest.accepted, manifest.rejected, manifest.eligible) == (5, 4, 1, 3)
    assert manifest.reasons == {"missing_product": 1}
    assert manifest.dates == {date(2023, 10, day): 1 for day in (1, 2, 3, 5)}
    assert started <= manifest.landed_at <= datetime.now(UTC)
    assert set(batch.accepted) == set(manifest.dates)
    assert set(accepted_rows(batch)["batch_id"]) == {manifest.batch_id}
    assert rejected_rows(batch)["line"].to_list() == [5]


@pytest.mark.parametrize("name", ["sales.csv", "invalid.csv", "malformed.csv", "empty.csv"])
def test_the_samples_of_the_other_data_set_are_refused(tmp_path: Path, name: str) -> None:
    with (DATA / name).open("rb") as file, pytest.raises(InputFileError, match=f"{name}: missing"):
        stage(file, name=name, rules=RULES, folder=tmp_path)


@pytest.mark.parametrize("data", [b"", b"\n\r\n", HEADER.encode(), csv_bytes(), csv_bytes("", "")])
def test_a_file_without_rows_is_an_empty_batch(tmp_path: Path, data: bytes) -> None:
    batch = stage_bytes(data, tmp_path)
    assert (batch.manifest.rows, batch.manifest.reasons, batch.accepted) == (0, {}, {})
    assert batch.manifest.batch_id == hashlib.sha256(data).hexdigest()
    assert rejected_rows(batch).columns[:2] == ["line", "reason"]
    assert len(rejected_rows(batch)) == 0


def test_the_staged_files_have_the_schema_of_the_lake(tmp_path: Path) -> None:
    batch = stage_bytes(csv_bytes(GOOD), tmp_path)
    assert pq.read_schema(batch.accepted[date(2023, 10, 1)]).equals(ACCEPTED_SCHEMA)
    assert sorted(tmp_path.iterdir()) == sorted([*batch.accepted.values(), batch.rejected])


def test_unknown_columns_are_left_out_and_listed(tmp_path: Path) -> None:
    batch = stage_bytes(csv_bytes(GOOD + ",a,b", header=HEADER + ", Price,note"), tmp_path)
    assert batch.manifest.unknown_columns == ("Price", "note")
    assert accepted_rows(batch).columns == ACCEPTED_SCHEMA.names


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_same_bytes_give_the_same_files_however_they_arrive(tmp_path: Path) -> None:
    data = csv_bytes(
        *(f"T{n},Halal,{n},1,2023-10-{n % 20 + 1:02d}" for n in range(3000)), "T1", "x"
    )
    blocks = [data[at : at + 777] for at in range(0, len(data), 777)]
    limits = Limits(chunk_bytes=10_000)
    found = []
    for number, source in enumerate([io.BytesIO(data), blocks, iter(blocks)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        stage(source, name="sales.csv", rules=RULES, folder=folder, limits=limits)
        found.append(_digests(folder))
    assert found[0] == found[1] == found[2]


def test_an_upload_is_read_once_and_never_rewound(tmp_path: Path) -> None:
    class Upload(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self._data = io.BytesIO(data)

        def read(self, size: int = -1) -> bytes:
            assert size > 0
            return self._data.read(min(size, 3))

        def seekable(self) -> bool:
            return False

    batch = stage(Upload(csv_bytes(GOOD)), name="x", rules=RULES, folder=tmp_path)
    assert batch.manifest.accepted == 1


def test_progress_ends_with_the_size_of_the_file(tmp_path: Path) -> None:
    data, told = csv_bytes(*[GOOD] * 50), list[int]()
    stage(
        io.BytesIO(data), name="x", rules=RULES, folder=tmp_path, on_progress=told.append,
        limits=Limits(chunk_bytes=500),
    )  # fmt: skip
    assert told == sorted(told)
    assert len(told) > 3
    assert told[-1] == len(data)


def test_no_identifier_of_the_file_reaches_the_disk(tmp_path: Path) -> None:
    ids = [f"CLEAR{n:04d}" for n in range(200)]
    lines = [f"{i},Halal,{'x' if n % 3 else '10'},1,2023-10-01" for n, i in enumerate(ids)]
    damaged = ["CLEAR9998", 'CLEAR9999,Halal,"1,\nCLEAR9997,Halal,2,2', "CLEAR\xff,a,b,c,d"]
    data = csv_bytes(*lines, *damaged) + b"CLEAR\xff,1\n"
    limits = Limits(chunk_bytes=1000)
    batch = stage(io.BytesIO(data), name="x", rules=RULES, folder=tmp_path, limits=limits)
    validate(io.BytesIO(data), rules=RULES, rejects_csv=tmp_path / "r.csv", limits=limits)
    assert batch.manifest.rejected > 100
    for path in tmp_path.iterdir():
        assert b"CLEAR" not in path.read_bytes()
    frames = [rejected_rows(batch), accepted_rows(batch)]
    assert not any(
        "CLEAR" in str(value) for frame in frames for row in frame.rows() for value in row
    )


def test_a_folder_that_is_not_there_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be staged") as caught:
        stage_bytes(csv_bytes(GOOD), tmp_path / "missing")
    assert caught.value.remedy


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "rejected.parquet").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="No space left on device"):
        stage_bytes(csv_bytes(*["T1"] * 10), tmp_path)


class BrokenDisk(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_file_that_cannot_be_read_has_no_batch_id() -> None:
    with pytest.raises(InputFileError, match="can't be read: Input/output error"):
        batch_id_of(io.BufferedReader(BrokenDisk()), name="sales.csv")


@pytest.mark.parametrize("rules", [RULES, STRICT, replace(RULES, end=date(2023, 10, 1))])
def test_validating_says_what_staging_would_do(tmp_path: Path, rules: IngestRules) -> None:
    data = csv_bytes(GOOD, GOOD, "T2,Other,10,1,2023-10-01", "T3,Halal,1e3,1,2023-10-01")
    report = validate(io.BytesIO(data), rules=rules)
    manifest = stage_bytes(data, tmp_path, rules).manifest
    assert asdict(report).items() <= manifest.model_dump().items()


def test_reasons_are_listed_in_the_order_in_which_they_apply(tmp_path: Path) -> None:
    data = csv_bytes(GOOD, GOOD, GOOD.replace("999.99", "x"), ",Halal,1,1,2023-10-01", "x")
    found = list(stage_bytes(data, tmp_path).manifest.reasons)
    assert found == [
        "wrong_field_count",
        "missing_transaction_id",
        "invalid_price",
        "duplicate_transaction_id",
    ]


NASTY = {
    "a 10 MB field": (f'T2,"Halal {"x" * 10**7}",10,1,2023-10-01', [(3, "value_too_long")]),
    "a 10 MB field without quotes": (f"T2,{'x' * 10**7},10,1,2023-10-01", [(3, "value_too_long")]),
    "a quote that never closes": ('T2,"Halal,10,1,2023-10-01\n' + GOOD, [(3, "wrong_field_count")]),
    "a lone quote": ('"', [(3, "wrong_field_count")]),
    "a NUL": ("T2,Ha\0lal,10,1,2023-10-01", [(3, "invalid_encoding")]),
    "a short line": ("T2,Halal,10", [(3, "wrong_field_count")]),
    "a long line": ("T3,Halal,10,1,2023-10-01,,", [(3, "wrong_field_count")]),
    "a line of spaces": ("   ", [(3, "wrong_field_count")]),
    "the header again": (HEADER, [(3, "invalid_price")]),
    "a BOM in the middle": ("\ufeffT1,Halal,10,1,2023-10-01", []),
    "a vertical tab and a next line in a value": ("T2,Halal\x0b\x85x,10,1,2023-10-01", []),
    "quotes of another kind": ("“T2”,'Halal',10,1,2023-10-01", []),
    "only commas": (",,,,", [(3, "missing_transaction_id")]),
    "text after a closing quote": ('"T"2,"Ha"lal,10,1,2023-10-01', []),
}  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("case", NASTY)
def test_a_nasty_line_is_judged_alone(tmp_path: Path, case: str, end: str) -> None:
    line, expected = NASTY[case]
    data = csv_bytes(GOOD, line.replace("\n", end), end=end)
    assert reasons(data, tmp_path) == expected


def test_latin_1_rejects_the_rows_that_need_it_and_no_other(tmp_path: Path) -> None:
    data = csv_bytes(GOOD) + "T2,Café,10,1,2023-10-01\nT3,Halal,10,1,2023-10-01\n".encode("latin-1")
    assert reasons(data, tmp_path) == [(3, "invalid_encoding")]


def test_a_record_over_the_limit_is_rejected_and_the_next_one_read(tmp_path: Path) -> None:
    big = 'T2,"' + 'x""\n' * 20_000 + '",10,1,2023-10-01'
    data = csv_bytes(GOOD, big, "T3,Halal,10,1,2023-10-01", "T4")
    limits = Limits(chunk_bytes=1000, record_bytes=5000)
    batch = stage_bytes(data, tmp_path, limits=limits)
    assert batch.manifest.accepted == 2
    rejected = rejected_rows(batch).select("line", "reason", "byte_length", "record_hash").rows()
    assert rejected == [
        (3, "wrong_field_count", len(big), hashlib.sha256(big.encode()).hexdigest()),
        (20_005, "wrong_field_count", 2, hashlib.sha256(b"T4").hexdigest()),
    ]


def test_a_record_of_half_a_million_lines_is_one_record(tmp_path: Path) -> None:
    data = csv_bytes(GOOD, 'T2,"' + "\n" * 500_000 + '",10,1,2023-10-01', "T3")
    assert reasons(data, tmp_path) == [(3, "missing_product"), (500_004, "wrong_field_count")]


MEMORY_SCRIPT = """
    import io, resource, sys
    from txn_platform.ingest.landing import validate
    from txn_platform.ingest.source import Limits
    from txn_platform_tests.ingest.support import RULES, csv_bytes, GOOD

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def file(megabytes):
        yield csv_bytes(GOOD)
        yield {first!r}
        yield from [({line!r} * 2**20)[: 2**20]] * megabytes

    limits = Limits(chunk_bytes=2**20, record_bytes=2 * 2**20)
    validate(file(6), rules=RULES, limits=limits)
    before = peak()
    report = validate(file(60), rules=RULES, limits=limits)
    print(report.rows == report.accepted + report.rejected, peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
@pytest.mark.parametrize(
    ("first", "line"),
    [
        (b'T2,"', b"a quote that never closes\n"),
        (b"T2,", b"one line without an end, "),
        (b"", b"not a row at all; \n"),
        (b"", b"\n"),
    ],
)
def test_memory_does_not_grow_with_the_file(first: bytes, line: bytes) -> None:
    script = textwrap.dedent(MEMORY_SCRIPT).format(first=first, line=line)
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        cwd=PROJECT_ROOT, env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
    ).stdout  # fmt: skip
    accounted, growth = output.split()
    assert accounted == "True"
    assert int(growth) < 30 * 2**20


def test_staging_stops_at_the_first_byte_that_is_not_there(tmp_path: Path) -> None:
    def cut_off() -> Iterator[bytes]:
        yield csv_bytes(GOOD)
        raise OSError(104, "Connection reset by peer")

    with pytest.raises(InputFileError, match="Connection reset by peer"):
        stage(cut_off(), name="x.csv", rules=RULES, folder=tmp_path)


def test_eligible_rows_are_counted_under_the_rules_of_the_landing(tmp_path: Path) -> None:
    batch = stage_bytes(csv_bytes(GOOD, "T2,Other,1.005,500,2023-10-01"), tmp_path)
    assert (batch.manifest.accepted, batch.manifest.eligible) == (2, 1)
    assert accepted_rows(batch)["price"].cast(pl.String).to_list() == ["999.990000", "1.005000"]
