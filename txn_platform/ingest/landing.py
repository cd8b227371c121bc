"""Whole files: staged as a batch for the lake, or validated without leaving anything behind."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from txn_platform.errors import InputFileError, StoreError
from txn_platform.ingest.batch import Manifest, StagedBatch
from txn_platform.ingest.formats import Reason
from txn_platform.ingest.header import MAX_HEADER_BYTES, Header
from txn_platform.ingest.records import RecordReader
from txn_platform.ingest.rejects import Keep, keep_in_csv, keep_in_parquet
from txn_platform.ingest.rules import IngestRules
from txn_platform.ingest.screening import Screen, Screened
from txn_platform.ingest.source import DEFAULT_LIMITS, Intake, Limits, Source
from txn_platform.ingest.spool import DateSpool

Progress = Callable[[int], None]
"""Is told, after each chunk, how many bytes of the file have been dealt with."""


@dataclass(frozen=True)
class ValidationReport:
    """The account of a file that was only looked at; `rows == accepted + rejected`.

    Attributes:
        rows, accepted, rejected: Records.
        eligible: Accepted rows that belong in the marts.
        reasons: Rejected records by reason.
    """

    rows: int
    accepted: int
    rejected: int
    eligible: int
    reasons: dict[str, int]


@dataclass
class _Tally:
    accepted: int = 0
    rejected: int = 0
    eligible: int = 0
    by_reason: Counter[str] = field(default_factory=Counter[str])

    def add(self, screened: Screened) -> None:
        self.accepted += len(screened.accepted)
        self.rejected += len(screened.rejected)
        self.eligible += screened.eligible
        self.by_reason.update(dict(screened.rejected["reason"].value_counts().iter_rows()))

    def report(self) -> ValidationReport:
        return ValidationReport(
            rows=self.accepted + self.rejected,
            accepted=self.accepted,
            rejected=self.rejected,
            eligible=self.eligible,
            reasons={reason.value: n for reason in Reason if (n := self.by_reason[reason])},
        )


def stage(
    source: Source,
    *,
    name: str,
    rules: IngestRules,
    folder: Path,
    on_progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> StagedBatch:
    """Validate and hash a file in one pass, and write what the lake will hold of it.

    The same bytes and rules give the same files. Nothing unhashed reaches the disk.

    Args:
        source: The file, or the blocks of an upload.
        name: The file's name, for the manifest and for errors.
        rules: What decides about a row.
        folder: An empty local folder; after an error its contents mean nothing.
        on_progress: Told how far the landing is.
        limits: How much of the file is held at a time.

    Raises:
        InputFileError: the file is refused for its header, or can't be read.
        StoreError: the folder can't be written to, or its disk is full.
    """
    started = time.perf_counter()
    intake = Intake(source, name=name, chunk_bytes=limits.chunk_bytes, on_progress=on_progress)
    reader = _reader(intake, name, rules, limits)
    spool = DateSpool(folder)
    rejected = folder / "rejected.parquet"
    tally = _Tally()
    with _staging_errors(name, folder):
        with keep_in_parquet(rejected, reader.header) as keep:
            for screened in map(Screen(reader.header, rules), reader):
                tally.add(screened)
                spool.add(screened.accepted)
                keep(screened.rejected)
        accepted = spool.assemble(intake.sha256, folder)
    manifest = Manifest(
        batch_id=intake.sha256,
        name=name,
        bytes=intake.bytes_read,
        landed_at=datetime.now(UTC),
        **asdict(tally.report()),
        dates=spool.counts,
        unknown_columns=reader.header.unknown,
        hashing=rules.hashing,
        seconds=round(time.perf_counter() - started, 3),
    )
    return StagedBatch(manifest, accepted, rejected)


def validate(
    source: Source,
    *,
    rules: IngestRules,
    rejects_csv: Path | None = None,
    on_progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> ValidationReport:
    """Validate a file as `stage` would, and keep nothing of it but, if asked, its rejects.

    Args:
        source: The file.
        rules: What decides about a row.
        rejects_csv: Where to write the rejected records, masked; the file appears once complete.
        on_progress: Told how far the validation is.
        limits: How much of the file is held at a time.

    Raises:
        InputFileError: the file is refused for its header, or can't be read.
        ConfigurationError: `rejects_csv` can't be written.
    """
    name = Path(str(getattr(source, "name", "input"))).name
    intake = Intake(source, name=name, chunk_bytes=limits.chunk_bytes, on_progress=on_progress)
    reader = _reader(intake, name, rules, limits)
    tally = _Tally()
    with _keeping(rejects_csv, reader.header) as keep:
        for screened in map(Screen(reader.header, rules), reader):
            tally.add(screened)
            keep(screened.rejected)
    return tally.report()


def check_header(source: Source, *, name: str) -> None:
    """Read a file's header record, and refuse the file where `stage` would.

    Raises:
        InputFileError: the file is refused for its header, or can't be read.
    """
    intake = Intake(source, name=name, chunk_bytes=MAX_HEADER_BYTES)
    RecordReader(intake, name=name, key=None)


def batch_id_of(source: BufferedReader, *, name: str) -> str:
    """The id of the batch that landing the file gives: the SHA-256 of its bytes.

    Raises:
        InputFileError: the file can't be read.
    """
    try:
        return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise InputFileError(f"{name}: can't be read: {error.strerror}") from error


def _reader(intake: Intake, name: str, rules: IngestRules, limits: Limits) -> RecordReader:
    return RecordReader(
        intake, name=name, key=rules.pii_hash_key, max_record_bytes=limits.record_bytes
    )


def _keeping(path: Path | None, header: Header) -> AbstractContextManager[Keep]:
    return nullcontext(lambda _: None) if path is None else keep_in_csv(path, header)


@contextmanager
def _staging_errors(name: str, folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{name}: can't be staged in {folder}: {error.strerror or type(error).__name__}",
            remedy="Free space there, or make the folder writable, and land the file again.",
        ) from error
