"""API benchmark: cached and uncached routes beside a bare route and a naive one, in one run.

One worker each, 32 connections, the load generator on the same machine, authentication included.
"bare" is a route that returns a constant of the size of the trends answer, the ceiling of what the
framework can do. Uncached trends read rows that the adapter holds in memory. The operational
queries all differ; "1000" are pages of 1,000 rows, the others of 100.
"""

import argparse
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import httpx2
import psycopg
from rich.console import Console
from rich.table import Table

from txn_platform.samples import generate
from txn_platform.services import EmbeddedPostgres
from txn_platform_tests.api.server import Server, api_server, config_file
from txn_platform_tests.bench.load import Figures, Load, apply_load
from txn_platform_tests.bench.reference import SIZE_VARIABLE, UNINDEXED
from txn_platform_tests.platform import txn_platform

TRENDS = "/api/v1/sales/trends?" + urlencode({"sale_month": "2023-10"})
PG_TRENDS = "/api/v1/sales/pg-trends?"
NAIVE = "/naive?"
MONTH = "2023-11"
SELECTED_ROWS = 2_700
"""What the filter of the operational routes selects, as nearly as the products allow."""
PAGE_ROWS = 100
LARGE_PAGE_ROWS = 1_000
DIFFERENT = 1_000
"""Operational queries in turn: the same ones at once would share one reading."""
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Servers:
    """The API with and without its cache, and what it is measured against."""

    cached: Server
    uncached: Server
    reference: Server


@dataclass(frozen=True)
class Contender:
    """One route under load."""

    name: str
    load: Load
    rounds: int = 3


@dataclass(frozen=True)
class Report:
    """Figures by contender, and what was measured besides.

    Attributes:
        alone, beside: Cached trends with 16 connections alone, and beside uncached pg-trends.
        memory: Bytes of the server after so many requests.
    """

    figures: Mapping[str, Figures]
    alone: Figures
    beside: Figures
    memory: Mapping[int, int]


def run(rows: int, seconds: float, requests: Sequence[int], folder: Path) -> Report:
    """Prepare marts of `rows` rows and measure everything.

    Args:
        rows: Of each mart.
        seconds: Of one round of one contender.
        requests: After which numbers of requests the memory is taken, ascending.
        folder: Empty; for state and logs.
    """
    home = _prepared(rows, folder)
    with _servers(home, folder) as servers:
        bearer = servers.cached.bearer()
        selection = _selection(servers.cached, bearer)
        _require_same_rows(servers, bearer, selection)
        contenders = _contenders(servers, bearer, seconds, selection)
        figures = _side_by_side(contenders)
        alone, beside = _isolation(servers.cached, bearer, seconds, selection)
        return Report(figures, alone, beside, _memory(servers.cached, bearer, requests))


def _prepared(rows: int, folder: Path) -> Path:
    """A state directory whose marts hold `rows` rows, and a copy of one without indexes."""
    home = folder / "home"
    sample = generate(folder / "sample.csv", rows=rows * 10 // 9, eligible=rows, days=92).path
    outcome = txn_platform("run", "--home", home, "--input", sample, "--json")
    assert outcome.status == 0, outcome.stderr
    with (
        EmbeddedPostgres(home, ["mydb"]).lease() as address,
        psycopg.connect(address.url("mydb")) as database,
    ):
        database.execute(f"CREATE TABLE {UNINDEXED} AS TABLE pg_sales".encode())
        database.execute(f"GRANT SELECT ON {UNINDEXED} TO PUBLIC".encode())
        database.execute(f"ANALYZE {UNINDEXED}".encode())
    return home


@contextmanager
def _servers(home: Path, folder: Path) -> Generator[Servers]:
    quiet = {"rate_limits": {"token": None}}
    config = config_file(folder, quiet)
    without_cache = config_file(folder, {**quiet, "cache_bytes": 0})
    with (
        api_server(home, folder / "cached.log", TXN_CONFIG=str(config)) as cached,
        api_server(home, folder / "uncached.log", TXN_CONFIG=str(without_cache)) as uncached,
    ):
        size = len(httpx2.get(cached.url + TRENDS, headers=cached.bearer()).content)
        with api_server(
            home,
            folder / "reference.log",
            app="txn_platform_tests.bench.reference:create_app",
            ready="/livez",
            **{SIZE_VARIABLE: str(size)},
        ) as reference:
            yield Servers(cached, uncached, reference)


def _selection(server: Server, bearer: dict[str, str]) -> dict[str, str]:
    """The filter for the product whose sales of the month are nearest to the wanted number."""
    answer = httpx2.get(f"{server.url}/sales/trends?sale_month={MONTH}", headers=bearer)
    product = min(
        json.loads(answer.content), key=lambda row: abs(row["transaction_count"] - SELECTED_ROWS)
    )["product"]
    name = "".join(takewhile(lambda letter: letter.isalnum() or letter == " ", product))
    return {"sale_month": MONTH, "product_prefix": name}


def _require_same_rows(servers: Servers, bearer: dict[str, str], selection: dict[str, str]) -> None:
    """A comparison of different answers would say nothing."""
    query = urlencode({**selection, "limit": LARGE_PAGE_ROWS})
    ours = httpx2.get(servers.uncached.url + PG_TRENDS + query, headers=bearer, timeout=60)
    naive = httpx2.get(servers.reference.url + NAIVE + query, headers=bearer, timeout=60)
    keys = [row["transaction_id"] for row in json.loads(ours.content)]
    assert keys == [row["transaction_id"] for row in json.loads(naive.content)]
    assert keys


def _contenders(
    servers: Servers, bearer: dict[str, str], seconds: float, selection: dict[str, str]
) -> list[Contender]:
    etag = httpx2.get(servers.cached.url + TRENDS, headers=bearer).headers["ETag"]

    def load(server: Server, *paths: str, times: float = 1.0, **headers: str) -> Load:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        urls = tuple(server.url + path for path in paths)
        return Load(urls, bearer | named, seconds=seconds * times)

    pages = _pages(selection, PAGE_ROWS)
    large = _pages(selection, LARGE_PAGE_ROWS)
    return [
        Contender("bare", load(servers.reference, "/constant")),
        Contender("trends, cached", load(servers.cached, TRENDS)),
        Contender("trends, 304", load(servers.cached, TRENDS, If_None_Match=etag)),
        Contender("trends, uncached", load(servers.uncached, TRENDS)),
        Contender("pg-trends", load(servers.uncached, *(PG_TRENDS + page for page in pages))),
        # Answers take seconds here: one long round instead of three short ones.
        Contender(
            "naive", load(servers.reference, *(NAIVE + page for page in pages), times=8), rounds=1
        ),
        Contender("pg-trends, 1000", load(servers.uncached, *(PG_TRENDS + page for page in large))),
        Contender(
            "naive, 1000",
            load(servers.reference, *(NAIVE + page for page in large), times=8),
            rounds=1,
        ),
    ]


def _pages(selection: dict[str, str], limit: int) -> list[str]:
    """Queries of which no two are the same."""
    return [
        urlencode({**selection, "limit": limit, "offset": offset}) for offset in range(DIFFERENT)
    ]


def _side_by_side(contenders: Sequence[Contender]) -> dict[str, Figures]:
    """All contenders in turn, round after round: a slow moment of the machine meets all of them."""
    rounds: dict[str, list[Figures]] = {contender.name: [] for contender in contenders}
    for turn in range(max(contender.rounds for contender in contenders)):
        for contender in contenders:
            if turn < contender.rounds:
                rounds[contender.name] += apply_load(contender.load)
    return {name: Figures.together(figures) for name, figures in rounds.items()}


def _isolation(
    server: Server, bearer: dict[str, str], seconds: float, selection: dict[str, str]
) -> tuple[Figures, Figures]:
    """Cached trends alone, and beside uncached pg-trends on the same worker."""
    cached = Load((server.url + TRENDS,), bearer, connections=16, seconds=seconds)
    # Every page is another one, so none of them is in the cache.
    pages = [server.url + PG_TRENDS + page for page in _pages(selection, LARGE_PAGE_ROWS)]
    heavy = Load(pages, bearer, connections=4, seconds=seconds)
    (alone,) = apply_load(cached)
    beside, _ = apply_load(cached, heavy)
    return alone, beside


def _memory(server: Server, bearer: dict[str, str], requests: Sequence[int]) -> dict[int, int]:
    """Bytes after each number of requests; every tenth query is one that was never asked before."""
    sizes: dict[int, int] = {}
    done = 0
    for number in requests:
        urls = tuple(
            f"{server.url}{TRENDS}" + (f"&min_amount={query}" if query % 10 == 0 else "")
            for query in range(done, number)
        )
        apply_load(Load(urls, bearer, requests=number - done))
        done = number
        sizes[number] = server.process.memory_info().rss
    return sizes


def table(report: Report) -> Table:
    ceiling = report.figures["bare"].rate
    naive = report.figures["naive"].rate
    large = report.figures["naive, 1000"].rate
    shown = Table("", "requests/s", "of bare", "of naive", "p50 ms", "p99 ms", "errors")
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, figures in report.figures.items():
        shown.add_row(
            name,
            f"{figures.rate:,.1f}",
            f"{figures.rate / ceiling:.0%}",
            f"{figures.rate / (large if '1000' in name else naive):,.1f}",
            f"{figures.quantile(0.5) * 1e3:.2f}",
            f"{figures.quantile(0.99) * 1e3:.2f}",
            str(figures.errors),
        )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench ARGS=api", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each mart")
    parser.add_argument("--seconds", type=float, default=3.0, help="of one round")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        report = run(options.rows, options.seconds, (10_000, 100_000), Path(folder))
    console = Console()
    console.print(table(report))
    for label, figures in (("alone", report.alone), ("beside pg-trends", report.beside)):
        median, slowest = figures.quantile(0.5) * 1e3, figures.quantile(0.99) * 1e3
        console.print(f"cached trends {label}: p50 {median:.2f} ms, p99 {slowest:.2f} ms")
    for requests, size in report.memory.items():
        console.print(f"memory after {requests:,} requests: {size / MEBIBYTE:.1f} MiB")
