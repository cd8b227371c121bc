"""Each check shows that it can fail, and names what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from txn_platform.config import DataMartSection, PipelineConfig
from txn_platform.defs.checks import build_checks
from txn_platform.defs.partitions import daily_partitions
from txn_platform.ingest.batch import Manifest
from txn_platform.settings import Settings, load_settings
from txn_platform.stores.lake_local import LocalLake
from txn_platform.stores.ports import DayTotals
from txn_platform.windows import DateWindow
from txn_platform_tests.stores.batches import DAYS, Row, land


@dataclass
class Store:
    """A warehouse or a database that answers what a check asks, as a faulty one would."""

    totals: list[DayTotals] = field(default_factory=list[DayTotals])
    unhashed: Mapping[date, int] = field(default_factory=dict[date, int])

    def daily_totals(self, window: DateWindow) -> list[DayTotals]:
        return [totals for totals in self.totals if totals.day in window]

    def unhashed_ids(self, _table: str, window: DateWindow) -> Mapping[date, int]:
        return {day: rows for day, rows in self.unhashed.items() if day in window}


def totals(day: date, rows: int = 1, amount: str = "25.00") -> DayTotals:
    return DayTotals(day, rows, rows * 2, Decimal(amount))


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path, "raw/transactions")


def evaluate(
    asset: str,
    name: str,
    *,
    lake: LocalLake | None = None,
    warehouse: Store | None = None,
    operational: Store | None = None,
    settings: Settings | None = None,
) -> dg.AssetCheckEvaluation:
    """Run one check on its own, over all partitions."""
    settings = settings or load_settings(environ={})
    key = dg.AssetCheckKey(dg.AssetKey(asset), name)
    (check,) = [
        check
        for check in build_checks(settings, daily_partitions(settings))
        if key in check.check_keys
    ]
    definitions = dg.Definitions(
        assets=[dg.AssetSpec("fact_sales"), dg.AssetSpec("pg_sales")],
        asset_checks=[check],
        jobs=[dg.define_asset_job("checks", dg.AssetSelection.checks(key))],
        resources={
            "lake": lake,
            "warehouse": warehouse or Store(),
            "operational": operational or Store(),
        },
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("checks").execute_in_process(
            instance=instance, raise_on_error=False
        )
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def shown(evaluation: dg.AssetCheckEvaluation, name: str) -> Any:  # noqa: ANN401
    return evaluation.metadata[name].value


def test_marts_that_agree_pass_and_a_cent_or_a_day_of_difference_fails() -> None:
    same = [totals(DAYS[0]), totals(DAYS[1])]
    agree = evaluate("pg_sales", "marts_agree", warehouse=Store(same), operational=Store(same))
    assert agree.passed
    assert shown(agree, "days_compared") == 2

    off = [totals(DAYS[0], amount="25.01")]
    differ = evaluate("pg_sales", "marts_agree", warehouse=Store(same), operational=Store(off))
    assert not differ.passed
    assert "2023-10-01: fact_sales 1 rows, quantity 2, amount 25.00" in shown(differ, "different")
    assert "2023-10-02: fact_sales 1 rows" in shown(differ, "different")
    assert "pg_sales nothing" in shown(differ, "different")


@pytest.mark.parametrize(
    ("asset", "store", "word"),
    [
        ("raw_transactions", "warehouse", "warehouse"),
        ("raw_transactions", "operational", "PostgreSQL"),
        ("fact_sales", "warehouse", "warehouse"),
        ("pg_sales", "operational", "PostgreSQL"),
    ],
)
def test_an_identifier_in_clear_fails_in_every_table_and_is_counted_not_shown(
    asset: str, store: str, word: str
) -> None:
    clean = evaluate(asset, "pii_hashed")
    assert clean.passed
    faulty = Store(unhashed={DAYS[0]: 3})
    found = evaluate(
        asset,
        "pii_hashed",
        warehouse=faulty if store == "warehouse" else None,
        operational=faulty if store == "operational" else None,
    )
    assert not found.passed
    assert shown(found, "unhashed_rows") == 3
    assert f"| {word}, 2023-10-01: 3 rows |" in shown(found, "offenders")


@pytest.mark.parametrize("asset", ["fact_sales", "pg_sales"])
def test_a_mart_must_hold_exactly_the_rows_that_the_lake_accounts_for(
    asset: str, lake: LocalLake
) -> None:
    land(lake, "one", Row("a"), Row("b"), Row("c", day=DAYS[1]), Row("d", price=Decimal(1)))
    right = Store([totals(DAYS[0], 2), totals(DAYS[1], 1)])

    def judged(store: Store) -> dg.AssetCheckEvaluation:
        return evaluate(asset, "expected_row_count", lake=lake, warehouse=store, operational=store)

    passed = judged(right)
    assert passed.passed
    assert shown(passed, "expected_rows") == shown(passed, "found_rows") == 3
    assert shown(passed, "ineligible") == 1

    for wrong, words in (
        ([totals(DAYS[0], 3), totals(DAYS[1], 1)], "2023-10-01: expected 2, found 3"),
        ([totals(DAYS[0], 2)], "2023-10-02: expected 1, found 0"),
        ([*right.totals, totals(DAYS[3], 7)], "2023-10-04: expected 0, found 7"),
    ):
        failed = judged(Store(wrong))
        assert not failed.passed
        assert words in shown(failed, "wrong_days")


def test_a_file_of_a_known_name_must_yield_its_number(lake: LocalLake) -> None:
    land(lake, "daily.csv", Row("a"), Row("b"))
    mart = DataMartSection(expected_rows={"daily.csv": 3})
    settings = load_settings(environ={}).model_copy(
        update={"config": PipelineConfig(data_mart=mart)}
    )
    failed = evaluate(
        "fact_sales",
        "expected_row_count",
        lake=lake,
        warehouse=Store([totals(DAYS[0], 2)]),
        settings=settings,
    )
    assert not failed.passed
    assert "daily.csv: expected 3, yielded 2" in shown(failed, "wrong_files")


def test_an_account_that_does_not_add_up_fails(
    lake: LocalLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, "one.csv", Row("a"))
    assert evaluate("lake_transactions", "row_accounting", lake=lake).passed

    (manifest,) = lake.manifests()
    lossy: Manifest = manifest.model_copy(update={"rows": 2})
    monkeypatch.setattr(lake, "manifests", lambda: [lossy])
    failed = evaluate("lake_transactions", "row_accounting", lake=lake)
    assert not failed.passed
    assert "one.csv" in shown(failed, "errors")
    assert "rows 2, but accepted + rejected 1" in shown(failed, "errors")
