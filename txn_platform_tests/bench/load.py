"""A load generator: so many connections, each asking again as soon as it is answered.

Runs in a process of its own, speaks HTTP/1.1 over bare sockets and reads just what it must: a
client library costs more than the server that is measured.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from multiprocessing import get_context
from typing import cast
from urllib.parse import urlsplit

import uvloop

WARM_UP_SECONDS = 0.5
MOST_SECONDS = 300.0
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Load:
    """What to ask, with how many connections, for how long.

    Attributes:
        urls: With path and query, of one server; asked in turn.
        requests: Ends the load after so many answers instead of `seconds`.
    """

    urls: Sequence[str]
    headers: Headers = field(default_factory=dict[str, str])
    connections: int = 32
    seconds: float = 3.0
    requests: int | None = None


@dataclass(frozen=True)
class Figures:
    """What came of it.

    Attributes:
        latencies: Of each answer in seconds, ascending.
        statuses: Answers by status; 0 counts lost connections.
        body_bytes: Of all answers.
    """

    latencies: Sequence[float]
    statuses: Mapping[int, int]
    seconds: float
    body_bytes: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    @property
    def errors(self) -> int:
        """Answers other than 200 and 304, and lost connections."""
        return sum(count for status, count in self.statuses.items() if status not in {200, 304})

    @classmethod
    def together(cls, rounds: Sequence["Figures"]) -> "Figures":
        """Several rounds as one."""
        statuses: Counter[int] = Counter()
        for figures in rounds:
            statuses.update(figures.statuses)
        return cls(
            sorted(latency for figures in rounds for latency in figures.latencies),
            dict(statuses),
            sum(figures.seconds for figures in rounds),
            sum(figures.body_bytes for figures in rounds),
        )

    def quantile(self, share: float) -> float:
        """The latency in seconds that this share of the answers did not exceed."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def apply_load(*loads: Load) -> list[Figures]:
    """Apply all loads at once, in one process of their own."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        return process.submit(_run, loads).result()


def _run(loads: Sequence[Load]) -> list[Figures]:
    return uvloop.run(_apply(loads))


async def _apply(loads: Sequence[Load]) -> list[Figures]:
    return list(await asyncio.gather(*(_Generator(load).run() for load in loads)))


class _Generator:
    """The connections of one load, and what they count."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._address = urlsplit(load.urls[0])
        self.requests = cycle(_request(url, load.headers) for url in load.urls)
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.body_bytes = 0
        self.done = asyncio.Event()
        self.measuring = False

    def answered(self, status: int, seconds: float, length: int) -> bool:
        """Count an answer; True when another one is wanted."""
        if self.measuring:
            self.latencies.append(seconds)
            self.statuses[status] += 1
            self.body_bytes += length
            if self._load.requests and len(self.latencies) >= self._load.requests:
                self.done.set()
        return not self.done.is_set()

    async def run(self) -> Figures:
        loop = asyncio.get_running_loop()
        host, port = self._address.hostname or "", self._address.port or 80
        transports = [
            (await loop.create_connection(lambda: _Connection(self), host, port))[0]
            for _ in range(self._load.connections)
        ]
        await asyncio.sleep(WARM_UP_SECONDS)
        self.measuring = True
        started = time.perf_counter()
        limit = MOST_SECONDS if self._load.requests else self._load.seconds
        try:
            await asyncio.wait_for(self.done.wait(), limit)
        except TimeoutError:
            self.done.set()
        seconds = time.perf_counter() - started
        for transport in transports:
            transport.abort()
        return Figures(sorted(self.latencies), dict(self.statuses), seconds, self.body_bytes)


def _request(url: str, headers: Headers) -> bytes:
    address = urlsplit(url)
    target = address.path + (f"?{address.query}" if address.query else "")
    lines = [f"GET {target} HTTP/1.1", f"Host: {address.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class _Connection(asyncio.Protocol):
    """One connection: asks, reads the answer up to its Content-Length, asks again."""

    def __init__(self, generator: _Generator) -> None:
        self._generator = generator
        self._received = bytearray()
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        status = int(head[9:12])
        length = 0 if status == 304 else int(_header(head, b"content-length"))
        if len(self._received) < end + 4 + length:
            return
        self._received.clear()
        if self._generator.answered(status, time.perf_counter() - self._started, length):
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - given signature
        if not self._generator.done.is_set():
            self._generator.answered(0, 0.0, 0)

    def _ask(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(next(self._generator.requests))


def _header(head: bytes, name: bytes) -> bytes:
    start = head.index(b"\r\n" + name + b":") + len(name) + 3
    return head[start:].partition(b"\r\n")[0].strip()
