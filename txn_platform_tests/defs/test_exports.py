"""The order in which readers come to see new marts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from txn_platform.defs.exports import build_export_assets, landed_rows
from txn_platform.errors import StoreError
from txn_platform.ingest.batch import Manifest
from txn_platform.settings import load_settings
from txn_platform.stores.ports import SUMMARY_SCHEMA
from txn_platform.stores.status import Publication

SUMMARY = pa.Table.from_pylist(
    [
        {
            "product": "Halal Lamp",
            "sale_month": date(2023, 10, 1),
            "total_amount": Decimal("20.00"),
            "avg_price": Decimal("10.00"),
            "total_quantity": 2,
            "transaction_count": 2,
        }
    ],
    schema=SUMMARY_SCHEMA,
)


class Stores:
    """All ports in one, noting what is done in which order, until one step is told to fail."""

    def __init__(self, failing: str = "", waiting: Sequence[date] = ()) -> None:
        self._waiting = waiting
        self.done: list[str] = []
        self.published: list[tuple[str, datetime]] = []
        self.finished: list[tuple[str, Publication]] = []
        self._failing = failing

    def _note(self, step: str) -> None:
        if step == self._failing:
            raise StoreError("told to fail")
        self.done.append(step)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self._note("lock")
        yield
        self._note("unlock")

    def manifests(self) -> list[Manifest]:
        return []

    def summary(self) -> pa.Table:
        return SUMMARY

    def write(self, name: str, _content: bytes) -> str:
        self._note(name)
        return name

    def mark_checked(self, load_id: str) -> list[date]:
        self._note("checked")
        assert load_id
        return list(self._waiting)

    def record_results(self, *_: Any) -> None:  # noqa: ANN401
        self._note("results")

    def publish(self, materialization_id: str, materialized_at: datetime) -> None:
        self._note("marts")
        self.published.append((materialization_id, materialized_at))

    def finish(self, load_id: str, publication: Publication) -> None:
        self._note("marker")
        self.finished.append((load_id, publication))


def export(stores: Stores) -> dg.ExecuteInProcessResult:
    ports: dict[str, object] = dict.fromkeys(
        ("lake", "warehouse", "operational", "exports"), stores
    )
    return dg.materialize(
        build_export_assets(load_settings(environ={})), resources=ports, raise_on_error=False
    )


def test_checks_come_first_then_the_marts_and_the_marker_last_under_one_lock() -> None:
    stores = Stores()
    result = export(stores)
    assert result.success
    files = ["summary_sales.json", "summary_sales.csv"]
    order = ["lock", "checked", "results", *files, "marts", "marker", "unlock"]
    assert stores.done == order
    ((load_id, publication),) = stores.finished
    assert load_id == result.run_id
    assert stores.published == [(publication.materialization_id, publication.materialized_at)]
    assert publication.summary_rows == 1


def test_every_publication_has_an_id_of_its_own_and_says_it_in_dagster() -> None:
    stores = Stores()
    shown: list[object] = []
    for _ in range(2):
        (event,) = export(stores).get_asset_materialization_events()
        shown.append(event.materialization.metadata["materialization_id"].value)
    assert shown == [publication.materialization_id for _, publication in stores.finished]
    assert len(set(shown)) == 2


@pytest.mark.parametrize(
    "step", ["checked", "results", "summary_sales.json", "summary_sales.csv", "marts", "marker"]
)
def test_a_step_that_fails_stops_the_ones_behind_it(step: str) -> None:
    stores = Stores(failing=step)
    assert not export(stores).success
    files = ["summary_sales.json", "summary_sales.csv"]
    reached = ["checked", "results", *files, "marts", "marker"]
    assert stores.done[1:] == reached[: reached.index(step)]
    assert stores.finished == []


def test_nothing_is_published_while_other_loaded_days_have_not_passed_their_checks() -> None:
    stores = Stores(waiting=[date(2023, 12, 5)])
    result = export(stores)
    assert result.success
    assert stores.done == ["lock", "checked", "results", "unlock"]
    assert result.get_asset_materialization_events() == []


def test_landed_rows_are_added_up_over_all_batches(manifest: Callable[..., Manifest]) -> None:
    assert landed_rows([]) == {}
    batches = [
        manifest(accepted=4, reasons={"missing_product": 1}),
        manifest(accepted=0, reasons={"missing_product": 2, "invalid_date": 1}),
    ]
    assert landed_rows(batches) == {"accepted": 4, "missing_product": 3, "invalid_date": 1}


@pytest.fixture
def manifest() -> Callable[..., Manifest]:
    def build(accepted: int, reasons: dict[str, int]) -> Manifest:
        rejected = sum(reasons.values())
        return Manifest.model_construct(
            rows=accepted + rejected, accepted=accepted, rejected=rejected, reasons=reasons
        )

    return build
