"""What landing a file leaves behind: a staged batch, and the manifest that seals it."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

ACCEPTED_SCHEMA = pa.schema(
    [
        pa.field("transaction_id", pa.string(), nullable=False),
        pa.field("product", pa.string(), nullable=False),
        pa.field("price", pa.decimal128(18, 6), nullable=False),
        pa.field("quantity", pa.int64(), nullable=False),
        pa.field("date", pa.date32(), nullable=False),
        pa.field("batch_id", pa.string(), nullable=False),
    ]
)
"""Columns of an accepted row, in the order of every raw table: the BigQuery emulator (and
nothing else) matches Parquet columns by position."""


class Manifest(BaseModel):
    """The account of one landed batch. Its existence means that the batch is complete.

    Attributes:
        batch_id: SHA-256 of the file's bytes, lower-case hex.
        name: The file's name, without its folder.
        bytes: Size of the file.
        landed_at: UTC time at which the batch was sealed; the later batch wins where two hold
            the same transaction of the same date.
        rows, accepted, rejected: Records; `rows == accepted + rejected`, always.
        eligible: Accepted rows that also pass the business tier, under the rules of the landing.
        reasons: Rejected records by reason.
        dates: Accepted rows by sale date.
        unknown_columns: Columns of the file that the contract does not have; ignored.
        hashing: How identifiers were hashed; a keyed hash is told from others by a short tag.
        seconds: Wall time of validating, hashing and writing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_id: str
    name: str
    bytes: int
    landed_at: datetime
    rows: int
    accepted: int
    rejected: int
    eligible: int
    reasons: dict[str, int]
    dates: dict[date, int]
    unknown_columns: tuple[str, ...]
    hashing: str = "sha256"
    seconds: float


@dataclass(frozen=True)
class StagedBatch:
    """Files of a batch that wait in a staging folder for the lake to publish them.

    Attributes:
        manifest: The account that the lake writes last.
        accepted: One Parquet file for each sale date, in `ACCEPTED_SCHEMA`.
        rejected: Parquet file of the rejected records; present also when there are none.
    """

    manifest: Manifest
    accepted: dict[date, Path]
    rejected: Path
