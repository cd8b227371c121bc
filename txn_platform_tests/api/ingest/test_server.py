"""Uploads to a server process: its memory, its files, and clients that break off."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from txn_platform_tests.api.ingest.support import END, HEADER, MULTIPART, files_below, part
from txn_platform_tests.api.server import Server, api_server

MARKER = b"RAW-IDENTIFIER-"
PIECE_BYTES = 2**20
DEADLINE = 30
HEADERS = {"Authorization": "Bearer uploader ingest:write", "Content-Type": MULTIPART}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Whatever it writes is below `tmp_path`."""
    for folder in ("home", "tmp", "user"):
        (tmp_path / folder).mkdir()
    with api_server(
        tmp_path / "home",
        tmp_path / "log",
        app="txn_platform_tests.api.ingest.application:create_app",
        ready="/openapi.json",
        TMPDIR=str(tmp_path / "tmp"),
        HOME=str(tmp_path / "user"),
    ) as running:
        yield running


def pieces(total: int, watch: Callable[[], None]) -> Iterator[bytes]:
    """A body with a file of some `total` bytes, made as it is sent: long rows, all different."""
    yield part(HEADER.encode())[:-2]
    product = b"Halal" + b"x" * 250
    rows_each = PIECE_BYTES // len(MARKER + b"0000000," + product + b",10.00,1,2023-10-01\n")
    for piece in range(total // PIECE_BYTES):
        first = piece * rows_each
        yield b"".join(
            b"%s%07d,%s,10.00,1,2023-10-01\n" % (MARKER, number, product)
            for number in range(first, first + rows_each)
        )
        watch()
    yield b"\r\n" + END


def send(server: Server, total: int, watch: Callable[[], None]) -> int:
    """Upload so many bytes; returns how many rows were taken in."""
    answer = httpx2.post(
        f"{server.url}/ingest", content=pieces(total, watch), headers=HEADERS, timeout=60
    )
    assert answer.status_code == 200
    return answer.json()["processed"]


def test_memory_does_not_grow_with_the_size_of_the_upload(server: Server) -> None:
    def peak_of(total: int) -> int:
        seen: list[int] = []
        rows = send(server, total, lambda: seen.append(server.process.memory_info().rss))
        assert rows > total // 300
        return max(seen)

    # Rows wait in parts of a quarter of a million: the smaller upload already fills one.
    small = peak_of(96 * 2**20)
    assert peak_of(288 * 2**20) - small < 96 * 2**20


def holds_marker(path: Path) -> bool:
    try:
        return MARKER in path.read_bytes()
    except FileNotFoundError:
        return False


def test_nothing_raw_reaches_the_disk(server: Server, tmp_path: Path) -> None:
    looked_at: set[Path] = set()
    # A temporary file may have no name any more, but its owner still holds it open.
    opened = Path(f"/proc/{server.process.pid}/fd")

    def look() -> None:
        for path in [*files_below(tmp_path), *filter(Path.is_file, opened.glob("*"))]:
            looked_at.add(path)
            assert not holds_marker(path), path

    assert send(server, 40 * 2**20, look) > 100_000
    look()
    assert any(".staging" in path.parts for path in looked_at)
    assert any(path.suffix == ".parquet" for path in files_below(tmp_path / "home"))


def test_a_client_that_is_still_sending_learns_why_it_is_refused(server: Server) -> None:
    sent = [part(b"no,header\n")[:-2], *[b"x" * PIECE_BYTES] * 40, b"\r\n" + END]
    with httpx2.Client(headers=HEADERS, timeout=60) as client:
        refused = client.post(f"{server.url}/ingest", content=iter(sent))
        assert refused.status_code == 422
        assert "missing columns" in refused.json()["detail"]
        # The rest of that body is not taken for the next request.
        assert client.post(f"{server.url}/ingest", content=b"").status_code == 422


def test_a_connection_that_breaks_leaves_nothing(server: Server, tmp_path: Path) -> None:
    address = urlsplit(server.url)
    assert address.hostname
    assert address.port
    head = [
        "POST /ingest HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
        f"Content-Length: {2**30 - 1}",
    ]
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        for piece in pieces(12 * 2**20, lambda: None):
            client.sendall(piece.removesuffix(END))
        await_(lambda: files_below(tmp_path / "home"))

    await_(lambda: not files_below(tmp_path / "home"))
    assert send(server, 2**20, lambda: None) > 0


def await_(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
