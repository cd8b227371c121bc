"""Views of the marts, kept for as long as their materialization is the latest."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from anyio import CapacityLimiter, to_thread
from cachetools import LRUCache

from api.dashboard.names import ProductNames
from api.dashboard.reading import read_month
from api.dashboard.sales import SalesView, sales_view
from api.dashboard.selection import Selection
from api.observability.logs import logger
from api.watch import Watch
from txn_platform.errors import StoreError
from txn_platform.stores.published import PublishedMarts

MART = "summary_sales"

_MOST_VIEWS = 64

Absence = Literal["unpublished", "away", "empty"]
"""Why there is nothing to see: never materialized, store away, or a mart without rows."""

_Key = tuple[date | None, str | None, bool]


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to see.

    Attributes:
        view: None when there is nothing; then `absence` says why.
        source: Read now (`miss`), kept from the latest materialization (`hit`), or kept from what
            was the latest when the store was last read (`stale`).
    """

    view: SalesView | None
    absence: Absence | None = None
    source: Literal["hit", "miss", "stale"] = "miss"


class SalesViews:
    """Views by month, product and the way in which products are named.

    Args:
        limiter: Of the threads that read.
    """

    def __init__(self, limiter: CapacityLimiter) -> None:
        self._views: LRUCache[_Key, SalesView] = LRUCache(_MOST_VIEWS)
        self._limiter = limiter

    async def show(
        self, marts: PublishedMarts, watch: Watch, selection: Selection, names: ProductNames
    ) -> Shown:
        """What a selection shows, from the store only when that has something new.

        Raises:
            ProblemError: 422 when no product is called as selected.
        """
        key = (selection.month, selection.product, names.clear)
        kept = self._views.get(key)
        if kept and kept.materialization.materialization_id == _latest(watch):
            return Shown(kept, source="hit")
        try:
            # In a thread even where reading is quick: there may be thousands of products to sort.
            view = await to_thread.run_sync(_read, marts, selection, names, limiter=self._limiter)
        except StoreError as error:
            logger().warning("marts not read", error=type(error).__name__)
            return Shown(kept, source="stale") if kept else Shown(None, _absence(watch))
        if view is None:
            return Shown(None, "empty")
        self._views[key] = view
        return Shown(view)


def _read(marts: PublishedMarts, selection: Selection, names: ProductNames) -> SalesView | None:
    return sales_view(read_month(marts, selection, names), names)


def _latest(watch: Watch) -> str | None:
    version = watch.status.versions.get(MART)
    return version and version.materialization_id


def _absence(watch: Watch) -> Absence:
    """A store that fails while PostgreSQL knows of no materialization has nothing to show."""
    known = watch.last_seen is None or MART in watch.status.versions
    return "away" if known else "unpublished"
