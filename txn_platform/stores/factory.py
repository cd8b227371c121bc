"""The adapters of each profile. Only the ones in use are imported."""
# ruff: noqa: PLC0415 - the local profile must not pay for Google's libraries, nor gcp for DuckDB

from pathlib import Path

from txn_platform.settings import Settings
from txn_platform.stores.exports import Exports
from txn_platform.stores.ports import Lake, OperationalDatabase, Warehouse
from txn_platform.stores.published import PublishedMarts


def warehouse_file(settings: Settings) -> Path:
    """The DuckDB file of the local profile; dbt writes into it as well."""
    return settings.home / "warehouse" / "warehouse.duckdb"


def published_file(settings: Settings) -> Path:
    """The read-only copy of the marts that readers open."""
    return settings.home / "warehouse" / "published.duckdb"


def open_lake(settings: Settings) -> Lake:
    """The data lake: a folder of the state directory, or the bucket."""
    section = settings.config.data_lake
    if settings.profile == "gcp":
        from google.cloud import storage  # pyright: ignore[reportMissingTypeStubs]

        from txn_platform.stores.lake_gcs import GcsLake

        client = storage.Client(project=settings.config.data_warehouse.project_id)
        return GcsLake(client, section.gcs_bucket, section.path)
    from txn_platform.stores.lake_local import LocalLake

    return LocalLake(settings.home / "lake", section.path)


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse: a DuckDB file, or BigQuery."""
    section = settings.config.data_warehouse
    mart_dataset = settings.config.data_mart.dataset
    if settings.profile == "gcp":
        from google.cloud import bigquery

        from txn_platform.stores.warehouse_bigquery import BigQueryWarehouse

        return BigQueryWarehouse(
            bigquery.Client(project=section.project_id),
            project=section.project_id,
            dataset=section.dataset,
            table=section.table,
            mart_dataset=mart_dataset,
        )
    from txn_platform.stores.warehouse_duckdb import DuckDBWarehouse

    return DuckDBWarehouse(
        warehouse_file(settings),
        published_file(settings),
        dataset=section.dataset,
        table=section.table,
        mart_dataset=mart_dataset,
    )


def open_operational(settings: Settings, url: str) -> OperationalDatabase:
    """The operational database at the given address, credentials included."""
    from txn_platform.stores.postgres import PostgresDatabase

    return PostgresDatabase(url, batch_size=settings.config.ingestion.batch_size)


def open_published(settings: Settings) -> PublishedMarts:
    """What readers see of the marts: the published DuckDB file, or BigQuery's published tables."""
    mart_dataset = settings.config.data_mart.dataset
    if settings.profile == "gcp":
        from google.cloud import bigquery

        from txn_platform.stores.published_bigquery import BigQueryPublishedMarts

        project = settings.config.data_warehouse.project_id
        return BigQueryPublishedMarts(
            bigquery.Client(project=project),
            project=project,
            mart_dataset=mart_dataset,
            maximum_bytes_billed=settings.config.api.maximum_bytes_billed,
        )
    from txn_platform.stores.published_duckdb import DuckDBPublishedMarts

    return DuckDBPublishedMarts(published_file(settings), mart_dataset)


def open_exports(settings: Settings) -> Exports:
    """Where the exported files go."""
    if settings.profile == "gcp":
        from google.cloud import storage  # pyright: ignore[reportMissingTypeStubs]

        from txn_platform.stores.exports_gcs import GcsExports

        client = storage.Client(project=settings.config.data_warehouse.project_id)
        return GcsExports(client, settings.config.data_lake.gcs_bucket)
    from txn_platform.stores.exports import LocalExports

    return LocalExports(settings.home / "exports")
