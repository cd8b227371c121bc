"""What was uploaded over HTTP is found by the pipeline."""

from collections.abc import Mapping
from datetime import date

import anyio
import dagster as dg
from fastapi import FastAPI

from txn_platform.defs.automation import build_job, build_sensor
from txn_platform.defs.partitions import RANGE_END_TAG, RANGE_START_TAG, daily_partitions
from txn_platform.reconcile import landed_batches
from txn_platform.settings import load_settings
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.api.ingest.support import HEADER, body, part, post


class Ledger:
    """What the stores say they have loaded."""

    def __init__(self, finished: Mapping[date, frozenset[str]]) -> None:
        self.finished = finished

    def finished_batches(self) -> Mapping[date, frozenset[str]]:
        return self.finished


def upload(app: FastAPI, *rows: str) -> None:
    content = HEADER + "".join(f"{row}\n" for row in rows)
    assert anyio.run(post, app, body(part(content.encode()))).status == 200


def requested(lake: LocalLake, ledger: Ledger) -> list[tuple[str, str]]:
    """The ranges of partitions that the sensor asks for."""
    settings = load_settings(environ={})
    sensor = build_sensor(build_job(settings), daily_partitions(settings))
    context = dg.build_sensor_context(resources={"lake": lake, "operational": ledger})
    result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return [
        (request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG])
        for request in result.run_requests or []
    ]


def test_the_sensor_requests_exactly_the_days_that_an_upload_touched(
    app: FastAPI, lake: LocalLake
) -> None:
    upload(app, "T1,Halal,10.00,1,2023-10-01", "T2,Halal,10.00,1,2023-10-02")
    ledger = Ledger(landed_batches(lake.manifests()))

    upload(
        app,
        "T3,Halal,10.00,1,2023-10-02",
        "T4,,10.00,1,2023-10-04",
        "T5,Halal,10.00,1,2023-10-06",
    )

    assert requested(lake, ledger) == [("2023-10-02", "2023-10-02"), ("2023-10-06", "2023-10-06")]
