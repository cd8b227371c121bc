"""The stores as Dagster resources: opened by the step that needs them, closed after it."""

from collections.abc import Iterator

import dagster as dg

from txn_platform.connections import postgres_url
from txn_platform.settings import Settings
from txn_platform.stores.factory import open_exports, open_lake, open_operational, open_warehouse
from txn_platform.stores.ports import OperationalDatabase


def build_resources(settings: Settings) -> dict[str, object]:
    """One resource for each port, plus the address of PostgreSQL for dbt.

    In the local profile the address is a lease on the embedded server: it runs for as long as
    any step of any run holds one.
    """

    @dg.resource(description="Address of the operational PostgreSQL, credentials included.")
    def address(_context: dg.InitResourceContext) -> Iterator[str]:
        with postgres_url(settings) as url:
            yield url

    @dg.resource(
        required_resource_keys={"postgres_url"}, description="Operational database (PostgreSQL)."
    )
    def operational(context: dg.InitResourceContext) -> OperationalDatabase:
        return open_operational(settings, context.resources.postgres_url)

    return {
        "lake": dg.ResourceDefinition(lambda _: open_lake(settings)),
        "warehouse": dg.ResourceDefinition(lambda _: open_warehouse(settings)),
        "postgres_url": address,
        "operational": operational,
        "exports": dg.ResourceDefinition(lambda _: open_exports(settings)),
    }
