"""What every operational database promises beyond loading the raw table."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from txn_platform.errors import StoreError
from txn_platform.stores.ports import DayTotals
from txn_platform.stores.status import AssetRecord, CheckRecord, Publication
from txn_platform.windows import DateWindow
from txn_platform_tests.stores.batches import ALL_DAYS, DAYS, Row, land
from txn_platform_tests.stores.cases import EVER, OperationalCase

PUBLICATION = Publication(
    materialization_id="first",
    materialized_at=datetime(2026, 11, 21, tzinfo=UTC),
    summary_rows=3,
    landed_rows={"accepted": 4, "missing_product": 1},
)


def materialized(asset: str, run_id: str, minutes: int = 0) -> AssetRecord:
    return AssetRecord(asset, run_id, PUBLICATION.materialized_at + timedelta(minutes=minutes))


def checked(run_id: str, *, passed: bool, minutes: int = 0) -> CheckRecord:
    return CheckRecord(
        asset="fact_sales",
        name="pii_hashed",
        passed=passed,
        severity="ERROR",
        blocking=True,
        run_id=run_id,
        evaluated_at=PUBLICATION.materialized_at + timedelta(minutes=minutes),
    )


def test_the_schema_can_be_ensured_again_and_by_several_at_once(
    operational_case: OperationalCase,
) -> None:
    handles = [operational_case.reopen() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda handle: handle.ensure_schema(), handles))
    assert operational_case.database.row_count("transactions") == 0


def test_the_ledger_tells_which_batches_each_day_was_made_of(
    operational_case: OperationalCase,
) -> None:
    database = operational_case.database
    assert database.finished_batches() == {}
    first = land(operational_case.lake, "a.csv", Row("1"), Row("2", DAYS[1])).batch_id
    second = land(operational_case.lake, "b.csv", Row("3")).batch_id
    operational_case.raw.load(ALL_DAYS)
    database.finish("", PUBLICATION)
    assert database.finished_batches() == {DAYS[0]: {first, second}, DAYS[1]: {first}}
    files = [f for f in operational_case.lake.files(ALL_DAYS) if f.batch_id == second]
    operational_case.raw.replace(files, DateWindow.of_day(DAYS[0]))
    database.finish("", PUBLICATION)
    assert database.finished_batches() == {DAYS[0]: {second}, DAYS[1]: {first}}
    operational_case.raw.replace([], EVER)
    assert database.finished_batches() == {}


def test_a_load_that_fails_leaves_the_ledger_as_it_was(operational_case: OperationalCase) -> None:
    land(operational_case.lake, "a.csv", Row("1"))
    operational_case.raw.load(ALL_DAYS)
    operational_case.database.finish("", PUBLICATION)
    before = operational_case.database.finished_batches()
    assert before
    land(operational_case.lake, "b.csv", Row("2"))
    first, last = operational_case.lake.files(ALL_DAYS)
    with pytest.raises(StoreError):
        operational_case.raw.replace([first, replace(last, uri=f"{last.uri}.gone")], ALL_DAYS)
    assert operational_case.database.finished_batches() == before


def test_a_mart_that_is_not_built_reads_as_empty(operational_case: OperationalCase) -> None:
    database = operational_case.database
    assert database.row_count("pg_sales") == 0
    assert database.daily_totals(ALL_DAYS) == []
    assert database.unhashed_ids("pg_sales", ALL_DAYS) == {}
    assert database.preview("pg_sales", ALL_DAYS, 5).num_rows == 0


def test_the_mart_is_counted_totalled_checked_and_previewed(
    operational_case: OperationalCase,
) -> None:
    price = Decimal("0.10")
    land(
        operational_case.lake,
        "a.csv",
        *(Row(str(n), price=price, quantity=1) for n in range(10)),
        Row("T9", DAYS[1], clear=True),
        Row("x", DAYS[4]),
    )
    operational_case.raw.load(ALL_DAYS)
    operational_case.build_marts()
    database = operational_case.database
    assert database.row_count("pg_sales") == 12
    assert database.daily_totals(DateWindow(DAYS[0], DAYS[2])) == [
        DayTotals(DAYS[0], rows=10, quantity=10, amount=Decimal(1)),
        DayTotals(DAYS[1], rows=1, quantity=2, amount=Decimal(25)),
    ]
    assert database.unhashed_ids("pg_sales", ALL_DAYS) == {DAYS[1]: 1}
    assert database.preview("pg_sales", ALL_DAYS, 3)["sale_date"].to_pylist() == [DAYS[0]] * 3


def test_a_load_is_unfinished_until_it_is_finished_under_its_own_id(
    operational_case: OperationalCase,
) -> None:
    database, lake = operational_case.database, operational_case.lake
    manifest = land(lake, "one", Row("a"), Row("b", day=DAYS[1]))
    database.replace_partitions(lake, lake.files(ALL_DAYS), ALL_DAYS, "first")
    assert database.finished_batches() == {}

    second_day = DateWindow.of_day(DAYS[1])
    database.replace_partitions(lake, lake.files(second_day), second_day, "second")
    database.finish("first", PUBLICATION)
    assert database.finished_batches() == {DAYS[0]: {manifest.batch_id}}

    database.finish("second", PUBLICATION)
    assert database.finished_batches() == {day: {manifest.batch_id} for day in DAYS[:2]}


def test_a_publication_replaces_what_readers_were_told_before(
    operational_case: OperationalCase,
) -> None:
    operational_case.database.finish("", PUBLICATION)
    later = PUBLICATION.materialized_at + timedelta(hours=1)
    landed = {"accepted": 9, "invalid_date": 2}
    second = Publication("second", later, summary_rows=4, landed_rows=landed)
    operational_case.database.finish("", second)
    assert operational_case.told("mart_versions") == {("summary_sales", "second", later, 4)}
    assert operational_case.told("landed_rows") == set(landed.items())


def test_publications_at_once_leave_what_one_of_them_told(
    operational_case: OperationalCase,
) -> None:
    publications = [
        replace(
            PUBLICATION, materialization_id=str(n), landed_rows={"accepted": n, f"reason_{n}": n}
        )
        for n in range(8)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: operational_case.database.finish("", each), publications))
    ((_, last, _, _),) = operational_case.told("mart_versions")
    assert operational_case.told("landed_rows") == {
        ("accepted", int(last)),
        (f"reason_{last}", int(last)),
    }


def test_a_load_is_not_finished_when_its_publication_can_not_be_recorded(
    operational_case: OperationalCase,
) -> None:
    database = operational_case.database
    land(operational_case.lake, "a.csv", Row("1"))
    operational_case.raw.load(ALL_DAYS)
    impossible = replace(PUBLICATION, landed_rows={"accepted": 2**63})
    with pytest.raises(StoreError):
        database.finish("", impossible)
    assert database.finished_batches() == {}
    assert operational_case.told("mart_versions") == set()


def test_results_of_runs_are_kept_by_asset_and_check(operational_case: OperationalCase) -> None:
    operational_case.database.record_results(
        [materialized("fact_sales", "run-1"), materialized("pg_sales", "run-1")],
        [checked("run-1", passed=True)],
    )
    operational_case.database.record_results([materialized("fact_sales", "run-2", minutes=1)], [])
    operational_case.database.record_results([], [checked("run-2", passed=False, minutes=1)])
    at = PUBLICATION.materialized_at
    later = at + timedelta(minutes=1)
    assert operational_case.told("asset_materializations") == {
        ("fact_sales", "run-2", later),
        ("pg_sales", "run-1", at),
    }
    assert operational_case.told("check_results") == {
        ("fact_sales", "pii_hashed", False, "ERROR", True, "run-2", later)
    }


def test_an_older_result_never_replaces_a_newer_one(operational_case: OperationalCase) -> None:
    for minutes in (5, 0, 4):
        operational_case.database.record_results(
            [materialized("fact_sales", f"run-{minutes}", minutes)],
            [checked(f"run-{minutes}", passed=minutes == 5, minutes=minutes)],
        )
    (asset,) = operational_case.told("asset_materializations")
    (check,) = operational_case.told("check_results")
    assert asset[1] == "run-5"
    assert (check[2], check[5]) == (True, "run-5")
