"""Rules and files that the ingest tests share."""

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from txn_platform.ingest.batch import StagedBatch
from txn_platform.ingest.landing import stage
from txn_platform.ingest.rules import IngestRules
from txn_platform.ingest.source import DEFAULT_LIMITS, Limits

HEADER = "transaction_id,product,price,quantity,date"
GOOD = "T1,Halal Laptop,999.99,2,2023-10-01"

RULES = IngestRules(
    required_fields=("transaction_id", "product", "price", "quantity", "date"),
    pii_fields=("transaction_id",),
    min_price=Decimal("10.0"),
    max_quantity=100,
    product_prefix="Halal",
    max_decimals=2,
    trust_input=True,
    earliest=date(2023, 10, 1),
    end=None,
    today=date(2024, 6, 30),
)
STRICT = replace(RULES, trust_input=False)


def csv_bytes(*lines: str, header: str = HEADER, end: str = "\n") -> bytes:
    return "".join(line + end for line in (header, *lines)).encode()


def stage_bytes(
    data: bytes, folder: Path, rules: IngestRules = RULES, limits: Limits = DEFAULT_LIMITS
) -> StagedBatch:
    return stage(io.BytesIO(data), name="sales.csv", rules=rules, folder=folder, limits=limits)


def accepted_rows(batch: StagedBatch) -> pl.DataFrame:
    """All accepted rows by date, as they lie in the staged files."""
    frames = [pl.read_parquet(path) for path in batch.accepted.values()]
    return pl.concat(frames) if frames else pl.DataFrame()


def rejected_rows(batch: StagedBatch) -> pl.DataFrame:
    return pl.read_parquet(batch.rejected)


def reasons(data: bytes, folder: Path, rules: IngestRules = RULES) -> list[tuple[int, str]]:
    """Line and reason of each rejected record."""
    rejected = rejected_rows(stage_bytes(data, folder, rules))
    return list(rejected.select("line", "reason").iter_rows())
