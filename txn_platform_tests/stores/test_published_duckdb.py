"""What the published DuckDB file promises beyond the contract of all published marts."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier, Event

import duckdb
import pyarrow as pa
import pytest

from txn_platform.errors import StoreError
from txn_platform.stores.published import MartPage, SortKey, SummaryFilter
from txn_platform_tests.stores.published_cases import (
    AT,
    MONTHS,
    PublishedCase,
    Sales,
    by_day,
    published_duckdb,
    some_sales,
)

EVERYTHING = SummaryFilter()
READERS = 4


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Iterator[PublishedCase]:
    with published_duckdb(request) as case:
        yield case


@pytest.fixture
def published(tmp_path: Path) -> Path:
    return tmp_path / "warehouse" / "published.duckdb"


def tagged(version: int, products: int = 20) -> list[Sales]:
    """Sales that all tell the version: as amount, price, quantity and count."""
    return [
        Sales(f"Halal {n:05d}", month, Decimal(version), Decimal(version), version, version)
        for month in MONTHS
        for n in range(products)
    ]


def publish(case: PublishedCase, version: int, products: int = 20) -> None:
    sales = tagged(version, products)
    case.publish(sales, by_day(sales[:5]), str(version), AT + timedelta(minutes=version))


def versions_of(page: MartPage) -> set[str]:
    """The versions that the rows and the materialization tell."""
    rows = json.loads(page.rows)
    shown = {int(row[name]) for row in rows for name in ("total_amount", "total_quantity")}
    minutes = (page.materialization.materialized_at - AT) // timedelta(minutes=1)
    return {*map(str, shown), page.materialization.materialization_id, str(minutes)}


def test_pages_read_while_the_file_is_swapped_are_of_one_materialization_each(
    case: PublishedCase,
) -> None:
    publish(case, 1)
    done, started = Event(), Barrier(READERS + 1)

    def read() -> list[MartPage]:
        pages: list[MartPage] = []
        started.wait()
        while not done.is_set():
            pages.append(case.marts.summary(EVERYTHING, [], 100, 0))
            pages.append(case.marts.summary(EVERYTHING, [SortKey("product")], 7, 3))
        return pages

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read) for _ in range(READERS)]
        started.wait()
        for version in range(2, 5):
            publish(case, version)
        last = case.marts.summary(EVERYTHING, [], 100, 0)
        done.set()
        seen = [[versions_of(page) for page in reader.result()] for reader in readers]
    assert versions_of(last) == {"4"}
    for pages in seen:
        assert all(len(versions) == 1 for versions in pages)
        order = [int(version) for versions in pages for version in versions]
        assert order == sorted(order)
        assert len(set(order)) > 1


def test_readers_who_find_a_new_file_together_load_it_once(
    case: PublishedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(case, 1)
    opened: list[object] = []
    connect = duckdb.connect

    def counting(*arguments: object, **options: object) -> object:
        opened.append(arguments)
        return connect(*arguments, **options)  # pyright: ignore[reportArgumentType]

    together = Barrier(READERS)

    def read() -> MartPage:
        together.wait()
        return case.marts.summary(EVERYTHING, [], 10, 0)

    monkeypatch.setattr(duckdb, "connect", counting)
    with ThreadPoolExecutor(READERS) as pool:
        pages = [reader.result() for reader in [pool.submit(read) for _ in range(READERS)]]
    assert len(opened) == 1
    assert all(page == pages[0] for page in pages)


def test_a_file_that_did_not_change_is_not_opened_again(
    case: PublishedCase, published: Path
) -> None:
    publish(case, 1)
    first = case.marts.summary(EVERYTHING, [], 10, 0)
    found = published.stat()
    size = found.st_size
    with published.open("r+b") as file:
        file.write(b"\0" * size)
    os.utime(published, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert case.marts.summary(EVERYTHING, [], 10, 0) == first


def test_a_read_blocks_only_while_the_file_is_another_one_than_before(
    case: PublishedCase, published: Path
) -> None:
    assert case.marts.blocking
    publish(case, 1)
    assert case.marts.blocking
    case.marts.months(None)
    assert not case.marts.blocking
    publish(case, 2)
    assert case.marts.blocking
    case.marts.months(None)
    published.unlink()
    assert case.marts.blocking


def test_a_read_of_very_many_rows_blocks(
    case: PublishedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(case, 1)
    case.marts.months(None)
    monkeypatch.setattr("txn_platform.stores.published_duckdb._FEW_ROWS", 10)
    assert case.marts.blocking


def test_the_new_file_is_read_although_something_in_the_process_has_the_old_one_open(
    case: PublishedCase, published: Path
) -> None:
    publish(case, 1)
    with duckdb.connect(published, read_only=True) as held:
        count = "SELECT min(total_quantity) FROM transactions_mart.summary_sales"
        assert held.execute(count).fetchall() == [(1,)]
        publish(case, 2)
        assert versions_of(case.marts.summary(EVERYTHING, [], 10, 0)) == {"2"}
        assert held.execute(count).fetchall() == [(1,)]


def test_memory_of_materializations_before_is_released(case: PublishedCase) -> None:
    def size_after(version: int) -> int:
        publish(case, version, products=1000)
        case.marts.months(None)
        return pa.total_allocated_bytes()

    first = size_after(1)
    assert first > 300_000
    later = [size_after(version) for version in range(2, 5)]
    assert max(later) < 1.2 * first
    case.marts.close()
    assert pa.total_allocated_bytes() < 0.2 * first


def test_a_file_that_was_removed_is_an_error_until_the_next_one(
    case: PublishedCase, published: Path
) -> None:
    publish(case, 1)
    case.marts.months(None)
    published.unlink()
    with pytest.raises(StoreError, match="no marts have been published"):
        case.marts.months(None)
    publish(case, 2)
    assert versions_of(case.marts.summary(EVERYTHING, [], 10, 0)) == {"2"}


@pytest.mark.parametrize("content", [b"", b"not a database " * 1000])
def test_a_file_that_can_not_be_read_is_an_error_until_the_next_one(
    case: PublishedCase, published: Path, content: bytes
) -> None:
    publish(case, 1)
    case.marts.months(None)
    published.with_suffix(".new").write_bytes(content)
    published.with_suffix(".new").replace(published)
    for _ in range(2):
        with pytest.raises(StoreError, match=str(published)):
            case.marts.months(None)
    publish(case, 2)
    assert versions_of(case.marts.summary(EVERYTHING, [], 10, 0)) == {"2"}


def test_a_file_without_the_marts_is_an_error(case: PublishedCase, published: Path) -> None:
    with duckdb.connect(published) as connection:
        connection.execute("CREATE SCHEMA transactions_mart")
    with pytest.raises(StoreError, match="can't read the published marts"):
        case.marts.months(None)


def test_reading_leaves_nothing_beside_the_file_and_does_not_change_it(
    case: PublishedCase, published: Path
) -> None:
    case.publish_sales(some_sales())
    before = published.read_bytes(), published.stat().st_mtime_ns
    names = {path.name for path in published.parent.iterdir()}
    case.marts.products(MONTHS[0])
    assert (published.read_bytes(), published.stat().st_mtime_ns) == before
    assert {path.name for path in published.parent.iterdir()} == names
