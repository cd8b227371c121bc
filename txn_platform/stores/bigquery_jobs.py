"""BigQuery jobs: parameterised statements and loads, bounded in time, cost and retries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from uuid import uuid4

import pyarrow as pa
from google.api_core.exceptions import Conflict
from google.api_core.retry import Retry
from google.cloud import bigquery

from txn_platform.stores.google_errors import is_transient
from txn_platform.stores.statements import statement

Parameters = Sequence[bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter]

CALL_SECONDS = 60.0
CALL_RETRY = Retry(predicate=is_transient, initial=1.0, maximum=20.0, timeout=120.0)
"""For one HTTP request; exponential with jitter, as `_JOB_RETRY`."""

# For a failed job, which is submitted again: safe, since every statement here is idempotent.
# Above all for transactions that BigQuery cancels because another one changes the same table.
_JOB_RETRY = Retry(predicate=is_transient, initial=2.0, maximum=60.0, timeout=600.0)
_JOB_SECONDS = 1800.0
_PREFIX = "txn_platform_"


class QueryResult(NamedTuple):
    """Rows of a statement (of a script: of its last one), and what it read."""

    rows: pa.Table
    bytes_processed: int


@dataclass(frozen=True)
class BigQueryJobs:
    """Runs jobs in one location.

    Attributes:
        client: With credentials that may run jobs in its project.
        location: Of the datasets involved; BigQuery finds it out where it is not given.
        maximum_bytes_billed: For one query or script; a costlier one is refused.
        labels: For every job, to tell the costs apart.
    """

    client: bigquery.Client
    location: str | None
    maximum_bytes_billed: int
    labels: Mapping[str, str]

    def query(self, name: str, parameters: Parameters = (), **identifiers: str) -> QueryResult:
        """Run the statement or script `name`, with values bound as `parameters`.

        BigQuery itself stops the job when its time is up, so nothing runs on after this
        process was killed.
        """
        job = self._run(name, self._config(name, parameters), identifiers)
        result = job.result(retry=CALL_RETRY, timeout=_JOB_SECONDS)
        # Results are a few hundred rows: not worth the Storage API's own client and permission.
        rows: pa.Table = cast(Any, result).to_arrow(create_bqstorage_client=False)
        # Of a script this is the sum over its statements, which run as child jobs.
        return QueryResult(rows, job.total_bytes_processed or 0)

    def replace_table(
        self, table: str, name: str, parameters: Parameters = (), **identifiers: str
    ) -> None:
        """Make `table` hold the result of the statement `name`, all at once.

        Readers of the table see what it held before until the job has succeeded.
        """
        config = self._config(name, parameters)
        config.destination = table
        config.create_disposition = bigquery.CreateDisposition.CREATE_IF_NEEDED
        config.write_disposition = bigquery.WriteDisposition.WRITE_TRUNCATE
        self._run(name, config, identifiers).result(retry=CALL_RETRY, timeout=_JOB_SECONDS)

    def load_parquet(self, uris: Sequence[str], table: bigquery.Table) -> int:
        """Append Parquet objects to a table and return how many rows they held.

        A load is atomic, but one whose end could not be observed may be repeated: the rows may
        then be there twice, and readers of the table must cope with that.
        """
        return _JOB_RETRY(self._load_once)(uris, table)

    def _load_once(self, uris: Sequence[str], table: bigquery.Table) -> int:
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            # Not inferred: that depends on the file that comes last in the alphabet.
            schema=cast(Any, table).schema,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            labels=self._labels("load_parquet"),
            job_timeout_ms=int(_JOB_SECONDS * 1000),
        )
        job_id = f"{_PREFIX}load_parquet_{uuid4()}"
        try:
            job = self.client.load_table_from_uri(
                uris,
                table,
                job_id=job_id,
                location=self.location,
                job_config=config,
                retry=CALL_RETRY,
                timeout=CALL_SECONDS,
            )
        except Conflict:  # it had been accepted, only the answer was lost
            job = self.client.get_job(
                job_id, location=self.location, retry=CALL_RETRY, timeout=CALL_SECONDS
            )
        job.result(retry=CALL_RETRY, timeout=_JOB_SECONDS)
        return cast(Any, job).output_rows or 0

    def _config(self, name: str, parameters: Parameters) -> bigquery.QueryJobConfig:
        return bigquery.QueryJobConfig(
            query_parameters=parameters,
            maximum_bytes_billed=self.maximum_bytes_billed,
            labels=self._labels(name),
            job_timeout_ms=int(_JOB_SECONDS * 1000),
        )

    def _run(
        self, name: str, config: bigquery.QueryJobConfig, identifiers: Mapping[str, str]
    ) -> bigquery.QueryJob:
        return self.client.query(
            statement("bigquery", name, **identifiers),
            job_config=config,
            job_id_prefix=f"{_PREFIX}{name}_",
            location=self.location,
            retry=CALL_RETRY,
            timeout=CALL_SECONDS,
            job_retry=_JOB_RETRY,
        )

    def _labels(self, operation: str) -> dict[str, str]:
        return {**self.labels, "operation": operation}
