"""Pages of the monthly summary from the published marts of the warehouse."""

from collections.abc import Awaitable
from functools import partial
from http import HTTPStatus

from anyio import CapacityLimiter, to_thread

from api.marts.filters import TrendFilters
from api.observability.logs import logger
from api.problems import ProblemError, StoreAwayError
from txn_platform.errors import StoreError
from txn_platform.stores.published import MartPage, PublishedMarts, QueryTooExpensiveError

MAX_QUERIES = 16
"""Threads that wait for the warehouse at a time; further requests wait for one of them."""

_EXPENSIVE_RETRY_SECONDS = 3600

_threads = CapacityLimiter(MAX_QUERIES)


def read_page(marts: PublishedMarts, filters: TrendFilters) -> MartPage | Awaitable[MartPage]:
    """A page of the published monthly summary, at once where reading it doesn't block.

    Raises:
        ProblemError: 503 when the warehouse does not answer, or refuses for the costs.
    """
    read = partial(_read, marts, filters)
    # Rows held in memory are there before a thread would be.
    return to_thread.run_sync(read, limiter=_threads) if marts.blocking else read()


def _read(marts: PublishedMarts, filters: TrendFilters) -> MartPage:
    try:
        return marts.summary(
            filters.summary_filter(), filters.sort_keys(), filters.limit, filters.offset
        )
    except QueryTooExpensiveError:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The warehouse would bill more for this than is allowed. An operator can raise "
            "api.maximum_bytes_billed.",
            headers={"Retry-After": str(_EXPENSIVE_RETRY_SECONDS)},
        ) from None
    except StoreError as error:
        logger().warning("warehouse can't be read", reason=type(error).__name__)
        raise StoreAwayError("warehouse") from None
