"""What the lake accounts for."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from txn_platform.errors import StoreError
from txn_platform.ingest.rules import IngestRules
from txn_platform.reconcile import (
    accounting_errors,
    eligible_rows,
    expected_days,
    landed_batches,
    unloaded_days,
)
from txn_platform.settings import load_settings
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.stores.batches import ALL_DAYS, DAYS, Row, land

RULES = IngestRules.from_settings(load_settings(environ={}), today=date(2026, 1, 1))
CHEAP = Decimal("1.00")


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path, "raw/transactions")


def test_the_marts_are_owed_the_eligible_rows_of_each_day(lake: LocalLake) -> None:
    land(lake, "one", Row("a"), Row("b", price=CHEAP), Row("c", day=DAYS[2]))

    days = {day.day: day for day in expected_days(lake, ALL_DAYS, RULES)}

    assert days.keys() == {DAYS[0], DAYS[2]}
    assert (days[DAYS[0]].accepted, days[DAYS[0]].eligible, days[DAYS[0]].mart_rows) == (2, 1, 1)
    assert days[DAYS[2]].mart_rows == 1


def test_a_later_batch_supersedes_the_same_transaction_of_the_same_day(lake: LocalLake) -> None:
    land(lake, "one", Row("a"), Row("b"), Row("c"))
    land(lake, "two", Row("a"), Row("b", price=CHEAP), Row("c", day=DAYS[1]))

    first, second = expected_days(lake, ALL_DAYS, RULES)

    # a: replaced by an eligible row; b: by one that isn't; c of another day stays.
    assert (first.eligible, first.superseded, first.mart_rows) == (4, 2, 2)
    assert second.mart_rows == 1


def test_a_file_with_fewer_rows_than_its_manifest_is_an_error(lake: LocalLake) -> None:
    land(lake, "one", Row("a"), Row("b"))
    (file,) = lake.files(ALL_DAYS)
    pq.write_table(pq.read_table(file.uri).slice(0, 1), file.uri)

    with pytest.raises(StoreError, match="holds 1 rows, its manifest says 2"):
        list(expected_days(lake, ALL_DAYS, RULES))


def test_eligible_rows_counts_one_batch_over_all_its_days(lake: LocalLake) -> None:
    land(lake, "other", Row("x"))
    manifest = land(lake, "one", Row("a"), Row("b", day=DAYS[4]), Row("c", price=CHEAP))
    assert eligible_rows(lake, manifest, RULES) == 2


def test_an_empty_batch_has_no_eligible_rows_and_adds_up(lake: LocalLake) -> None:
    manifest = land(lake, "empty")
    assert eligible_rows(lake, manifest, RULES) == 0
    assert accounting_errors(lake, [manifest]) == []


def test_an_account_that_does_not_add_up_names_what_differs(lake: LocalLake) -> None:
    manifest = land(lake, "one", Row("a"), Row("b"))
    assert accounting_errors(lake, [manifest]) == []

    lost = manifest.model_copy(update={"rows": 3})
    (error,) = accounting_errors(lake, [lost])
    assert "rows 3, but accepted + rejected 2" in error
    stored = accounting_errors(lake, [manifest.model_copy(update={"accepted": 5, "rows": 5})])
    assert any("rows in the lake 2" in error for error in stored)


def test_days_are_unloaded_until_the_stores_hold_exactly_their_batches(lake: LocalLake) -> None:
    one = land(lake, "one", Row("a"), Row("b", day=DAYS[1]))
    two = land(lake, "two", Row("c", day=DAYS[1]))
    manifests = lake.manifests()

    assert unloaded_days(manifests, {}) == [DAYS[0], DAYS[1]]
    assert unloaded_days(manifests, landed_batches(manifests)) == []
    partly = {DAYS[0]: frozenset({one.batch_id}), DAYS[1]: frozenset({one.batch_id})}
    assert unloaded_days(manifests, partly) == [DAYS[1]]
    gone = {**landed_batches(manifests), DAYS[3]: frozenset({two.batch_id})}
    assert unloaded_days(manifests, gone) == [DAYS[3]]
