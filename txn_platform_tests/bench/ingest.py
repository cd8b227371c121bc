"""Ingest benchmark: the engine beside a plain loop over `csv` and pydantic, on one file.

Each contender runs in a process of its own and leaves the same accepted and rejected counts.
"""

import argparse
import csv
import hashlib
import resource
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from txn_platform.config import CONTRACT_COLUMNS
from txn_platform.ingest.contract import Transaction, parse_row
from txn_platform.ingest.formats import Reason
from txn_platform.ingest.landing import stage
from txn_platform.ingest.rules import IngestRules
from txn_platform.samples import generate
from txn_platform.settings import load_settings

BYTES_OF_MAXRSS = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Result:
    accepted: int
    rejected: int
    seconds: float
    peak_bytes: int


def with_engine(path: Path, rules: IngestRules, folder: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        manifest = stage(file, name=path.name, rules=rules, folder=folder).manifest
    return manifest.accepted, manifest.rejected


def with_loop(path: Path, rules: IngestRules, folder: Path) -> tuple[int, int]:
    accepted: list[Transaction] = []
    rejected: list[Reason] = []
    seen: set[str] = set()
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        for record in csv.DictReader(file):
            outcome = judge(record, rules, seen)
            if isinstance(outcome, Reason):
                rejected.append(outcome)
            else:
                accepted.append(outcome)
    rows = [
        {
            **row.model_dump(),
            "transaction_id": hashlib.sha256(row.transaction_id.encode()).hexdigest(),
        }
        for row in accepted
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "accepted.parquet")
    pq.write_table(pa.table({"reason": list(rejected)}), folder / "rejected.parquet")
    return len(accepted), len(rejected)


def judge(
    record: Mapping[str | None, str | list[str] | None], rules: IngestRules, seen: set[str]
) -> Transaction | Reason:
    fields = {name: value.strip() for name, value in record.items() if isinstance(value, str)}
    if not "".join(fields.values()).isprintable():
        return Reason.INVALID_ENCODING
    if len(fields) != len(record):
        return Reason.WRONG_FIELD_COUNT
    row = parse_row({column: fields[column] for column in CONTRACT_COLUMNS}, rules)
    if isinstance(row, Transaction):
        if row.transaction_id in seen:
            return Reason.DUPLICATE_TRANSACTION_ID
        seen.add(row.transaction_id)
    return row


Contender = Callable[[Path, IngestRules, Path], tuple[int, int]]
CONTENDERS: dict[str, Contender] = {"engine": with_engine, "csv + pydantic": with_loop}


def measure(contender: str, path: Path, rules: IngestRules, folder: Path) -> Result:
    folder.mkdir()
    started = time.perf_counter()
    accepted, rejected = CONTENDERS[contender](path, rules, folder)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_OF_MAXRSS
    return Result(accepted, rejected, seconds, peak)


def run(rows: int, folder: Path) -> dict[str, Result]:
    """The results by contender, on a sample of `rows` rows."""
    path = generate(folder / "sample.csv", rows=rows).path
    rules = IngestRules.from_settings(load_settings(environ={}), today=datetime.now(UTC).date())
    results: dict[str, Result] = {}
    for number, contender in enumerate(CONTENDERS):
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
            work = process.submit(measure, contender, path, rules, folder / str(number))
            results[contender] = work.result()
    return results


def report(rows: int, results: Mapping[str, Result]) -> Table:
    engine = results["engine"]
    table = Table("", "seconds", "rows/s", "peak MB", "times the engine", title=f"{rows:,} rows")
    for column in table.columns[1:]:
        column.justify = "right"
    for contender, result in results.items():
        table.add_row(
            contender,
            f"{result.seconds:.2f}",
            f"{rows / result.seconds:,.0f}",
            f"{result.peak_bytes / 1e6:,.0f}",
            f"{result.seconds / engine.seconds:.1f}",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    rows: int = parser.parse_args().rows
    with TemporaryDirectory() as folder:
        results = run(rows, Path(folder))
    Console().print(report(rows, results))
    if len({(result.accepted, result.rejected) for result in results.values()}) != 1:
        sys.exit("The contenders disagree on what is accepted.")
