"""The monthly summary in memory: filtered, sorted and cut into pages without a database.

A DuckDB query over a few hundred rows takes a millisecond, most of it planning; a page from here
takes a tenth of that.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from txn_platform.stores.published import SortKey, SummaryColumn, SummaryFilter
from txn_platform.stores.published_rows import json_array, json_objects

Positions = npt.NDArray[np.intp]
Ranks = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class EncodedPage:
    """A JSON array, how many rows it has, and how many all pages have."""

    rows: bytes
    count: int
    total: int


class RankRange(NamedTuple):
    """The ranks from `first` on that are below `end`."""

    first: int
    end: int


@dataclass(frozen=True)
class RankedColumn:
    """A column as the ranks of its values: to compare any two is to compare small integers.

    Attributes:
        values: Each value once, ascending; text by its bytes, which is the order of code points.
        ranks: The position in `values` of each row's value.
    """

    values: Any
    ranks: Ranks

    @classmethod
    def of(cls, column: "pa.ChunkedArray[Any]") -> Self:
        """Rank a column without nulls."""
        compute = cast(Any, pc)
        distinct = compute.unique(column)
        values = distinct.take(compute.array_sort_indices(distinct))
        return cls(values, compute.index_in(column, value_set=values).to_numpy())

    def between(self, lowest: object | None, highest: object | None) -> RankRange:
        """The values from `lowest` to `highest`, both included; None leaves that side open."""
        first = 0 if lowest is None else bisect_left(self.values, cast(Any, lowest), key=_python)
        if highest is None:
            return RankRange(first, len(self.values))
        return RankRange(first, bisect_right(self.values, cast(Any, highest), key=_python))

    def beginning_with(self, prefix: str) -> RankRange:
        """The texts that begin so."""
        first = bisect_left(self.values, prefix, key=_python)
        end = bisect_right(self.values, prefix, key=lambda text: _python(text)[: len(prefix)])
        return RankRange(first, end)

    def inside(self, wanted: RankRange) -> npt.NDArray[np.bool_]:
        """Which rows have a value in the range."""
        return (self.ranks >= wanted.first) & (self.ranks < wanted.end)

    def take(self, positions: Positions) -> "pa.Array[Any]":
        """The values of some rows."""
        return self.values.take(pa.array(self.ranks[positions]))


class SummaryIndex:
    """All rows of `summary_sales`, ready to answer; immutable.

    Args:
        rows: Ordered by sale_month, product; without nulls.
    """

    def __init__(self, rows: pa.Table) -> None:
        self._columns = {
            cast(SummaryColumn, name): RankedColumn.of(rows[name]) for name in rows.column_names
        }
        self._objects = json_objects(rows)

    def __len__(self) -> int:
        return len(self._objects)

    def page(
        self, filters: SummaryFilter, sort: Sequence[SortKey], limit: int, offset: int
    ) -> EncodedPage:
        """As `PublishedMarts.summary`."""
        matches = [self._columns[column].inside(ranks) for column, ranks in self._wanted(filters)]
        if matches or sort:
            positions = self._matching(matches)
            total = len(positions)
            chosen = self._first(positions, sort, offset + limit)[offset:]
            objects = self._objects.take(cast(Any, pa).array(chosen))
        else:
            total = len(self)
            objects = self._objects.slice(offset, limit)
        return EncodedPage(json_array(objects), len(objects), total)

    def rows_with(self, column: SummaryColumn, value: object) -> pa.Table:
        """The rows with that value in one column, ordered by sale_month, product."""
        ranked = self._columns[column]
        positions = self._matching([ranked.inside(ranked.between(value, value))])
        columns: dict[str, Any] = {
            name: ranked.take(positions) for name, ranked in self._columns.items()
        }
        return pa.table(columns)

    def _wanted(self, filters: SummaryFilter) -> Iterator[tuple[SummaryColumn, RankRange]]:
        """What the filter asks of the columns."""
        if filters.product_prefix:
            yield "product", self._columns["product"].beginning_with(filters.product_prefix)
        bounds: tuple[tuple[SummaryColumn, object, object], ...] = (
            # Only a month that is both the latest and the earliest matches all of them.
            ("sale_month", max(filters.months, default=None), min(filters.months, default=None)),
            ("total_amount", filters.min_amount, None),
            ("avg_price", filters.min_avg_price, filters.max_avg_price),
            ("total_quantity", None, filters.max_quantity),
        )
        for column, lowest, highest in bounds:
            if lowest is not None or highest is not None:
                yield column, self._columns[column].between(lowest, highest)

    def _matching(self, matches: Sequence[npt.NDArray[np.bool_]]) -> Positions:
        """Positions of the rows that match in every column, ascending."""
        return np.flatnonzero(reduce(np.logical_and, matches)) if matches else np.arange(len(self))

    def _first(self, positions: Positions, sort: Sequence[SortKey], count: int) -> Positions:
        """The first rows in the order of `sort`; ties stay in the order of the rows."""
        if not sort:
            return positions[:count]
        leading = self._sortable(sort[0], positions)
        if 0 < count < len(positions):
            # Of 12,000 rows, sorting the candidates takes 0.1 ms, sorting all of them 0.6 ms.
            candidates = leading <= np.partition(leading, count - 1)[count - 1]
            positions, leading = positions[candidates], leading[candidates]
        keys = [leading, *(self._sortable(key, positions) for key in sort[1:])]
        return positions[np.lexsort(keys[::-1])[:count]]

    def _sortable(self, key: SortKey, positions: Positions) -> Ranks:
        ranks = self._columns[key.column].ranks[positions]
        return -ranks if key.descending else ranks


def _python(value: Any) -> Any:  # noqa: ANN401 - a scalar of any type
    return value.as_py()
