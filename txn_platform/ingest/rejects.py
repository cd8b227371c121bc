"""Where rejected records are kept: a Parquet file of the lake, or a CSV file for a person."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from txn_platform.errors import ConfigurationError
from txn_platform.ingest.header import RECORD_COLUMNS, REJECT_COLUMNS, Header
from txn_platform.ingest.screening import rejects_schema

Keep = Callable[[pl.DataFrame], None]
"""Takes rejected records in `rejects_schema`."""


@contextmanager
def keep_in_parquet(path: Path, header: Header) -> Generator[Keep]:
    """Keep rejects in a new Parquet file, which is there also when none come."""
    schema = pa.schema(
        [
            pa.field(
                name,
                pa.int64() if kind == pl.Int64 else pa.string(),
                nullable=name not in REJECT_COLUMNS,
            )
            for name, kind in rejects_schema(header).items()
        ]
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def keep(rejected: pl.DataFrame) -> None:
            if len(rejected):
                writer.write_table(rejected.to_arrow().cast(schema))

        yield keep


@contextmanager
def keep_in_csv(path: Path, header: Header) -> Generator[Keep]:
    """Keep rejects in a CSV file that appears, complete, at the end of the block.

    Columns: line, reason, then the file's own; those are empty where a record's fields can't be
    told.

    Raises:
        ConfigurationError: the file can't be written.
    """
    columns = [name for name in rejects_schema(header) if name not in RECORD_COLUMNS]
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            pl.DataFrame(schema=columns).write_csv(file)
            yield lambda rejected: rejected.select(columns).write_csv(file, include_header=False)
        partial.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the rejects can't be written: {error.strerror or type(error).__name__}",
            remedy="Name a file in a folder that exists and can be written to.",
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()
