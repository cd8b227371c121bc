"""Everything that a request may need, opened once when the application starts."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, cast

from anyio import to_thread
from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from api.auth.service import AuthService
from api.database import ApiDatabase
from api.limits.limiter import RateLimiter
from api.marts.cache import ResultCache
from api.meta.dependencies import Dependencies
from api.watch import Watch
from txn_platform.connections import api_postgres_url
from txn_platform.errors import StoreError
from txn_platform.settings import Settings
from txn_platform.stores.factory import open_lake, open_published
from txn_platform.stores.ports import Lake
from txn_platform.stores.published import PublishedMarts

FIRST_POLL_SECONDS = 2.0
"""For PostgreSQL to answer before the first request; without it the API starts all the same."""


@dataclass(frozen=True)
class Services:
    """The stores and the parts built on them.

    Attributes:
        database: PostgreSQL under the API's role.
        marts: The published marts of the warehouse.
        watch: What the pipeline last materialized.
        results: Encoded answers.
        dependencies: Which stores answer.
    """

    settings: Settings
    database: ApiDatabase
    marts: PublishedMarts
    watch: Watch
    results: ResultCache
    auth: AuthService
    limiter: RateLimiter
    lake: Lake
    dependencies: Dependencies


def services(request: HTTPConnection) -> Services:
    """The services of the application that got the request."""
    return cast("Services", request.app.state.services)


async def _services(request: Request) -> Services:
    """As a coroutine: FastAPI would run a plain function in a thread, for each request."""
    return services(request)


ServicesDep = Annotated[Services, Depends(_services)]


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncGenerator[Services]:
    """Open everything; close it in reverse order.

    Raises:
        PlatformError: for a configuration that can't be used or a local service that can't start.
    """
    async with AsyncExitStack() as stack:
        address = api_postgres_url(settings)
        url = await to_thread.run_sync(stack.enter_context, address)
        database = ApiDatabase(url, settings.config.api.statement_timeout_seconds)
        await database.open()
        stack.push_async_callback(database.close)
        auth = AuthService(settings, database, url)
        await auth.prepare()
        watch = Watch(database)
        watch.on_poll(auth.refresh_revocations)
        watch.start()
        stack.push_async_callback(watch.stop)
        await watch.wait_for_first(FIRST_POLL_SECONDS)
        marts = open_published(settings)
        stack.callback(marts.close)
        if settings.profile == "local":
            # The first read imports what it needs for a second: nobody's request waits for that.
            await to_thread.run_sync(_read_once, marts)
        lake = open_lake(settings)
        yield Services(
            settings=settings,
            database=database,
            marts=marts,
            watch=watch,
            results=ResultCache(settings.config.api.cache_bytes),
            auth=auth,
            limiter=RateLimiter(database, settings.config.api.rate_limits),
            lake=lake,
            dependencies=Dependencies(watch, marts, lake),
        )


def _read_once(marts: PublishedMarts) -> None:
    with suppress(StoreError):
        marts.months(None)
