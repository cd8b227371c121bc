"""Uploads that come slowly, stop, or come too many at once."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import anyio
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect

from api.ingest import landing, upload
from api.ingest.upload import BLOCK_BYTES
from txn_platform.errors import InputFileError
from txn_platform.landing import Landing
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.api.ingest.support import (
    BOUNDARY,
    CSV,
    END,
    HEADER,
    Answer,
    body,
    files_below,
    part,
    post,
)

PIECE = 64 * 1024
ROWS = b"".join(b"T%d,Halal,10.00,1,2023-10-01\n" % number for number in range(400_000))
"""Some 12 MB: more than the landing takes in at once, so that there is something staged."""


def beginning(content: bytes = HEADER.encode() + ROWS) -> bytes:
    """A body that holds the content, and no end."""
    return part(content)[:-2]


def in_pieces(sent: bytes) -> Iterable[bytes]:
    return (sent[at : at + PIECE] for at in range(0, len(sent), PIECE))


def staged(folder: Path) -> list[Path]:
    return [path for path in files_below(folder) if ".staging" in path.parts]


def test_nothing_is_read_ahead_of_what_is_landed(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = taken = ahead = 0

    def take(source: Iterable[bytes], **_: object) -> Landing:
        nonlocal taken, ahead
        for block in source:
            ahead = max(ahead, sent - taken)
            taken += len(block)
        raise InputFileError("seen enough")

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for piece in in_pieces(beginning() + b"\r\n" + END):
            sent += len(piece)
            yield piece

    monkeypatch.setattr(landing, "land_stream", take)
    assert anyio.run(post, app, pieces()).status == 422
    assert taken == len(HEADER) + len(ROWS)
    assert ahead <= BLOCK_BYTES + 2 * PIECE


def test_a_client_that_goes_away_leaves_nothing(app: FastAPI, tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in in_pieces(beginning()):
            yield piece
        assert staged(tmp_path)

    async def scenario() -> None:
        with pytest.raises(ClientDisconnect):
            await post(app, pieces(), disconnect=True)
        assert files_below(tmp_path) == []
        assert (await post(app, body())).status == 200

    anyio.run(scenario)


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (b"", "ends before its last boundary"),
        (b"\r\n--" + BOUNDARY + b"\r\n" + b"bad header\r\n", "not well-formed"),
        (b"\r\n" + part() + END, "more than one file"),
    ],
)
def test_what_is_wrong_at_the_very_end_undoes_everything(
    app: FastAPI, tmp_path: Path, ending: bytes, reason: str
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in in_pieces(beginning()):
            yield piece
        assert staged(tmp_path)
        yield ending

    answer = anyio.run(post, app, pieces())
    assert answer.status == 422
    assert reason in answer.reason
    assert files_below(tmp_path) == []


def test_a_file_that_is_refused_early_is_not_read_to_its_end(app: FastAPI) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for piece in in_pieces(beginning(b"no,header\n" + ROWS * 10)):
            sent += len(piece)
            yield piece

    assert anyio.run(post, app, pieces()).status == 422
    assert sent < len(ROWS) * 3


@pytest.mark.parametrize("sent", [b"", beginning()])
def test_a_client_that_falls_silent_is_not_waited_for(
    app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(upload, "IDLE_SECONDS", 0.3)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in in_pieces(sent):
            yield piece
        await anyio.sleep_forever()

    assert anyio.run(post, app, pieces()).status == 408
    assert files_below(tmp_path) == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that uploads see, in its one element."""
    now = [0.0]
    monkeypatch.setattr(upload, "current_time", lambda: now[0])
    return now


def test_a_client_that_trickles_is_given_up_after_half_a_minute(
    app: FastAPI, tmp_path: Path, clock: list[float]
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            clock[0] += 7
            yield part(HEADER.encode())[:-2] if clock[0] == 7 else b"T"

    assert anyio.run(post, app, pieces()).status == 408
    assert clock[0] == 35
    assert files_below(tmp_path) == []


def test_a_long_upload_at_the_slowest_pace_is_taken_in(app: FastAPI, clock: list[float]) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in in_pieces(beginning() + b"\r\n" + END):
            clock[0] += PIECE / upload.BYTES_PER_SECOND
            yield piece

    assert anyio.run(post, app, pieces()).status == 200
    assert clock[0] > 2 * upload.START_SECONDS


def test_a_request_that_is_cancelled_leaves_nothing(app: FastAPI, tmp_path: Path) -> None:
    stalled = anyio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        for piece in in_pieces(beginning()):
            yield piece
        assert staged(tmp_path)
        stalled.set()
        await anyio.sleep_forever()

    async def scenario() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(post, app, pieces())
            await stalled.wait()
            group.cancel_scope.cancel()
        assert files_below(tmp_path) == []
        assert (await post(app, body())).status == 200

    anyio.run(scenario)


def test_uploads_beyond_those_that_fit_are_asked_to_come_back(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "PATIENCE_SECONDS", 0.1)
    stalled = [anyio.Event() for _ in range(landing.AT_ONCE)]
    go_on = anyio.Event()
    answers: list[Answer] = []

    async def pieces(stalling: anyio.Event) -> AsyncIterator[bytes]:
        yield beginning(CSV)
        stalling.set()
        await go_on.wait()
        yield b"\r\n" + END

    async def send_slowly(stalling: anyio.Event) -> None:
        answers.append(await post(app, pieces(stalling)))

    async def scenario() -> None:
        async with anyio.create_task_group() as group:
            for stalling in stalled:
                group.start_soon(send_slowly, stalling)
            for stalling in stalled:
                await stalling.wait()
            refused = await post(app, body())
            assert refused.status == 503
            assert int(refused.headers["retry-after"]) > 0
            go_on.set()
        assert [answer.status for answer in answers] == [200] * landing.AT_ONCE
        assert (await post(app, body())).document["already_there"]

    anyio.run(scenario)


def test_an_upload_waits_a_little_for_its_turn(app: FastAPI) -> None:
    answers: list[Answer] = []

    async def send(number: int) -> None:
        content = CSV + b"N%d,Halal,10.00,1,2023-10-01\n" % number
        answers.append(await post(app, body(part(content))))

    async def scenario() -> None:
        async with anyio.create_task_group() as group:
            for number in range(6):
                group.start_soon(send, number)

    anyio.run(scenario)
    assert [answer.status for answer in answers] == [200] * 6
    assert len({answer.document["batch_id"] for answer in answers}) == 6


def test_the_same_file_several_times_at_once_is_one_batch(
    app: FastAPI, lake: LocalLake, tmp_path: Path
) -> None:
    answers: list[Answer] = []

    async def send() -> None:
        answers.append(await post(app, body()))

    async def scenario() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(send)

    anyio.run(scenario)
    assert [answer.status for answer in answers] == [200] * 6
    assert not answers[0].document["already_there"]
    assert answers[-1].document["already_there"]
    [manifest] = lake.manifests()
    assert len(files_below(tmp_path)) == len(manifest.dates) + len({"rejects", "manifest"})
