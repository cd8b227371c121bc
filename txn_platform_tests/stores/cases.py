"""What a contract suite needs to know of an adapter under test."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pyarrow as pa

from txn_platform.stores.ports import (
    Lake,
    LakeFile,
    LoadReport,
    OperationalDatabase,
    Warehouse,
    WarehouseTable,
)
from txn_platform.windows import DateWindow
from txn_platform_tests.stores.batches import contents

EVER = DateWindow(date(2000, 1, 1), date(2100, 1, 1))
MANY = 1_000_000


@dataclass(frozen=True)
class LakeCase:
    """A lake under test.

    Attributes:
        reopen: Another handle of the same lake, as another process would have.
        objects: Addresses of everything that the lake holds, relative to its root.
    """

    lake: Lake
    reopen: Callable[[], Lake]
    objects: Callable[[], set[str]]


@dataclass(frozen=True)
class RawTable:
    """The raw table of a warehouse or an operational database, with a lake to load from.

    Attributes:
        reopen: Another handle of the same table, as another process would have.
    """

    lake: Lake
    replace: Callable[[Sequence[LakeFile], DateWindow], LoadReport]
    preview: Callable[[DateWindow, int], pa.Table]
    row_count: Callable[[], int]
    unhashed_ids: Callable[[DateWindow], Mapping[date, int]]
    reopen: Callable[[], "RawTable"]

    def load(self, window: DateWindow) -> LoadReport:
        """Replace the window by what the lake holds of it."""
        return self.replace(self.lake.files(window), window)

    def contents(self) -> set[tuple[object, ...]]:
        """All rows; none may be there twice."""
        return contents(self.preview(EVER, MANY))


@dataclass(frozen=True)
class WarehouseCase:
    """A warehouse under test, with a lake that it can load from.

    Attributes:
        reopen: Another handle of the same warehouse, as another process would have.
        build_marts: Build `fact_sales` and its summaries from all raw rows, as dbt would.
        published: The rows of a published summary, with the materialization that they show.
    """

    warehouse: Warehouse
    lake: Lake
    reopen: Callable[[], Warehouse]
    build_marts: Callable[[], None]
    published: Callable[[WarehouseTable], list[dict[str, Any]]]

    @property
    def raw(self) -> RawTable:
        return self._raw(self.warehouse)

    def _raw(self, warehouse: Warehouse) -> RawTable:
        return RawTable(
            lake=self.lake,
            replace=warehouse.replace_partitions,
            preview=partial(warehouse.preview, "raw_transactions"),
            row_count=partial(warehouse.row_count, "raw_transactions"),
            unhashed_ids=partial(warehouse.unhashed_ids, "raw_transactions"),
            reopen=lambda: self._raw(self.reopen()),
        )


@dataclass(frozen=True)
class OperationalCase:
    """An operational database under test, with a lake; attributes as for `WarehouseCase`.

    Attributes:
        told: The rows of a table in which the platform tells about itself.
    """

    database: OperationalDatabase
    lake: Lake
    reopen: Callable[[], OperationalDatabase]
    build_marts: Callable[[], None]
    told: Callable[[str], set[tuple[Any, ...]]]

    @property
    def raw(self) -> RawTable:
        return self._raw(self.database)

    def _raw(self, database: OperationalDatabase) -> RawTable:
        return RawTable(
            lake=self.lake,
            replace=partial(database.replace_partitions, self.lake),
            preview=partial(database.preview, "transactions"),
            row_count=partial(database.row_count, "transactions"),
            unhashed_ids=partial(database.unhashed_ids, "transactions"),
            reopen=lambda: self._raw(self.reopen()),
        )
