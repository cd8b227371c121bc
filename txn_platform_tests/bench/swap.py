"""Marts are replaced again and again while requests run: is every answer of one materialization?

Each version of the input holds the same transactions at another price, so that a row tells which
materialization it comes from.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from txn_platform_tests.api.server import Server, api_server, config_file
from txn_platform_tests.platform import txn_platform

TRANSACTIONS = 600
DAYS = 6
PATHS = (
    "/api/v1/sales/trends",
    "/api/v1/sales/trends?sort=-total_amount&limit=2",
    "/api/v1/sales/pg-trends?limit=1000",
    "/api/v1/sales/pg-trends?sale_month=2023-10&limit=200&offset=100",
)
CLIENTS = 4


@dataclass
class Observations:
    """What the clients saw.

    Attributes:
        statuses: Answers by status.
        prices: The prices seen under each materialization id; more than one is a mixture.
        mixed: Answers whose own rows had more than one price.
        miscounted: Answers whose total was not the number of the mart's rows.
    """

    statuses: Counter[int] = field(default_factory=Counter[int])
    prices: dict[str, set[float]] = field(default_factory=dict[str, set[float]])
    mixed: int = 0
    miscounted: int = 0

    @property
    def answers(self) -> int:
        """All of them."""
        return sum(self.statuses.values())

    @property
    def consistent(self) -> bool:
        """No error, and every answer and every id of one materialization."""
        return (
            set(self.statuses) == {200}
            and not self.mixed
            and not self.miscounted
            and all(len(prices) == 1 for prices in self.prices.values())
        )

    def add(self, path: str, answer: httpx2.Response) -> None:
        """Count one answer."""
        self.statuses[answer.status_code] += 1
        if answer.status_code != httpx2.codes.OK:
            return
        prices = {row["avg_price"] for row in json.loads(answer.content)}
        self.mixed += len(prices) != 1
        self.miscounted += "pg-trends" in path and answer.headers["X-Total-Count"] != str(
            TRANSACTIONS
        )
        materialization = answer.headers["X-Materialization-Id"]
        self.prices.setdefault(materialization, set()).update(prices)


def version(folder: Path, number: int) -> Path:
    """The input at a price of its own."""
    rows = [
        f"T{row:05},Halal Product {row % 5},{100 + number}.00,1,2023-10-{1 + row % DAYS:02}"
        for row in range(TRANSACTIONS)
    ]
    path = folder / f"version_{number:03}.csv"
    path.write_text("\n".join(["transaction_id,product,price,quantity,date", *rows]) + "\n")
    return path


async def observe(server: Server, until: Callable[[], Awaitable[None]]) -> Observations:
    """Ask without a pause until the awaited thing is done."""
    seen = Observations()
    bearer = server.bearer()
    done = asyncio.Event()

    async def client(paths: tuple[str, ...]) -> None:
        async with httpx2.AsyncClient(base_url=server.url, headers=bearer, timeout=30) as session:
            while not done.is_set():
                for path in paths:
                    seen.add(path, await session.get(path))

    clients = [
        asyncio.create_task(client(PATHS[number % 2 :] + PATHS[: number % 2]))
        for number in range(CLIENTS)
    ]
    await until()
    done.set()
    await asyncio.gather(*clients)
    return seen


def run(folder: Path, *, seconds: float = 0, swaps: int = 0) -> tuple[Observations, int]:
    """Replace the marts at least so many times and for so long.

    Returns:
        What was seen, and how often the marts were replaced.
    """
    home = folder / "home"
    _materialize(home, version(folder, 0))
    config = config_file(folder, {"access_token_seconds": 3600})
    replaced = 0

    async def replace() -> None:
        nonlocal replaced
        started = time.monotonic()
        while replaced < swaps or time.monotonic() - started < seconds:
            replaced += 1
            await asyncio.to_thread(_materialize, home, version(folder, replaced))

    with api_server(home, folder / "server.log", TXN_CONFIG=str(config)) as server:
        return asyncio.run(observe(server, replace)), replaced


def _materialize(home: Path, path: Path) -> None:
    outcome = txn_platform("run", "--home", home, "--input", path, "--json")
    assert outcome.status == 0, outcome.stderr


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench ARGS=swap", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    with TemporaryDirectory() as folder:
        seen, replaced = run(Path(folder), seconds=parser.parse_args().seconds)
    print(  # noqa: T201 - a command's output
        f"{replaced} materializations, {len(seen.prices)} ids seen, {seen.answers:,} answers: "
        f"statuses {dict(seen.statuses)}, {seen.mixed} mixed, {seen.miscounted} miscounted"
    )
    if not seen.consistent:
        sys.exit("Not every answer was of one materialization.")
