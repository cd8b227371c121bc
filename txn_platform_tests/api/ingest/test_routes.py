"""Uploading over HTTP: what lands, what is answered, and what is refused."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from txn_platform.errors import StoreError
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.api.ingest.support import (
    CSV,
    HEADER,
    Answer,
    body,
    build_app,
    files_below,
    part,
    post,
    settings_with,
)

HASH = sha256(CSV).hexdigest()
ALL_REJECTED = HEADER.encode() + b"T1,,1.00,1,2023-10-01\nT2,Halal,x,1,2023-10-01\n"


def upload(app: FastAPI, sent: bytes | None = None, **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return anyio.run(post, app, body() if sent is None else sent, given)


def unread() -> Iterator[bytes]:
    """A body that must not be asked for."""
    pytest.fail("the body was read")
    yield b""


def test_a_file_lands_and_is_accounted_for_to_the_row(app: FastAPI, lake: LocalLake) -> None:
    answer = upload(app)

    assert answer.status == 200
    assert answer.document == {
        "status": "success",
        "processed": 2,
        "rejected": 1,
        "batch_id": HASH,
        "reasons": {"missing_product": 1},
        "already_there": False,
    }
    [manifest] = lake.manifests()
    assert (manifest.batch_id, manifest.name) == (HASH, "sales.csv")
    assert (manifest.rows, manifest.accepted, manifest.rejected) == (3, 2, 1)


@pytest.mark.parametrize("path", ["/api/v1/ingest", "/ingest", "/in/here"])
def test_every_path_takes_files_in(lake: LocalLake, path: str) -> None:
    settings = settings_with()
    ingestion = settings.config.ingestion.model_copy(update={"fastapi_endpoint": "/in/here"})
    config = settings.config.model_copy(update={"ingestion": ingestion})
    app = build_app(lake, settings.model_copy(update={"config": config}))

    async def send() -> Answer:
        return await post(app, body(), path=path)

    assert anyio.run(send).status == 200


def test_the_same_bytes_again_are_a_success_that_writes_nothing(
    app: FastAPI, lake: LocalLake, tmp_path: Path
) -> None:
    first = upload(app).document
    before = {path: path.stat() for path in files_below(tmp_path)}

    renamed = part(CSV, b'form-data; name="file"; filename="other.csv"')
    again = upload(app, body(renamed)).document

    assert again == {**first, "already_there": True}
    assert {path: path.stat() for path in files_below(tmp_path)} == before
    assert [manifest.name for manifest in lake.manifests()] == ["sales.csv"]


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (ALL_REJECTED, {"missing_product": 1, "invalid_price": 1}),
        (HEADER.encode(), {}),
        (b"", {}),
    ],
)
def test_a_file_without_a_valid_row_is_landed_and_called_an_error(
    app: FastAPI, lake: LocalLake, content: bytes, reasons: dict[str, int]
) -> None:
    answer = upload(app, body(part(content)))

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/json"
    assert answer.document == {
        "status": "error",
        "message": "No valid transactions",
        "processed": 0,
        "rejected": len(reasons),
        "batch_id": sha256(content).hexdigest(),
        "reasons": reasons,
    }
    assert [manifest.reasons for manifest in lake.manifests()] == [reasons]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"product,price\nHalal,1\n", "sales.csv: missing columns transaction_id, quantity, date"),
        (b"PK\x03\x04\x00\x00\xff\xfe", "sales.csv: is not a CSV file"),
    ],
)
def test_a_file_that_is_refused_as_a_whole_leaves_nothing(
    app: FastAPI, tmp_path: Path, content: bytes, reason: str
) -> None:
    answer = upload(app, body(part(content)))

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.reason.startswith(reason)
    assert files_below(tmp_path) == []


def test_a_file_lands_without_a_usable_name(app: FastAPI, lake: LocalLake) -> None:
    upload(app, body(part(CSV, b'form-data; name="file"; filename="../../"')))
    [manifest] = lake.manifests()
    assert manifest.name == "upload.csv"


def test_the_access_log_learns_how_many_rows_came_in(app: FastAPI) -> None:
    states = []

    @app.middleware("http")
    async def keep_state(request, call_next):  # noqa: ANN001, ANN202 - Starlette's own types
        answer = await call_next(request)
        states.append(request.state.result_count)
        return answer

    upload(app)
    assert states == [2]


@pytest.mark.parametrize(
    ("authorization", "status"), [("", 401), ("Bearer reader sales:read", 403)]
)
def test_who_may_not_upload_is_told_so_before_anything_is_read(
    app: FastAPI, authorization: str, status: int
) -> None:
    answer = anyio.run(post, app, unread(), {"Authorization": authorization})
    assert answer.status == status
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize(
    "content_type",
    ["", "text/csv", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x", ";", "é"],
)
def test_a_body_of_another_type_is_refused_unread(app: FastAPI, content_type: str) -> None:
    answer = anyio.run(post, app, unread(), {"Content-Type": content_type})
    assert answer.status == 415
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("boundary", ["", "; boundary", "; boundary=", '; boundary=""'])
def test_a_body_without_a_boundary_is_refused_unread(app: FastAPI, boundary: str) -> None:
    content_type = f"multipart/form-data{boundary}"
    answer = anyio.run(post, app, unread(), {"Content-Type": content_type})
    assert answer.status == 422
    assert "boundary" in answer.reason


def test_an_announced_length_beyond_the_limit_is_refused_unread(lake: LocalLake) -> None:
    app = build_app(lake, settings_with(max_upload_bytes=1000))
    for length in ("1001", "9" * 5000):
        answer = anyio.run(post, app, unread(), {"Content-Length": length})
        assert answer.status == 413
        assert "1,000 bytes" in answer.document["detail"]


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "10"}, {"Content-Length": "lots"}])
def test_a_body_that_grows_beyond_the_limit_is_refused_and_leaves_nothing(
    lake: LocalLake, tmp_path: Path, headers: dict[str, str]
) -> None:
    sent = body(part(CSV * 50))
    app = build_app(lake, settings_with(max_upload_bytes=len(sent) - 1))
    pieces = [sent[at : at + 500] for at in range(0, len(sent), 500)]

    assert anyio.run(post, app, pieces, headers).status == 413
    assert files_below(tmp_path) == []


def test_a_body_of_exactly_the_limit_lands(lake: LocalLake) -> None:
    app = build_app(lake, settings_with(max_upload_bytes=len(body())))
    assert upload(app, Content_Length=str(len(body()))).status == 200


def test_the_limit_of_other_bodies_does_not_concern_uploads(lake: LocalLake) -> None:
    app = build_app(lake, settings_with(max_body_bytes=1024))
    sent = body(part(CSV * 100))
    assert upload(app, sent, Content_Length=str(len(sent))).status == 200


def test_under_another_key_nothing_lands_and_the_client_learns_no_more(
    app: FastAPI, lake: LocalLake, tmp_path: Path
) -> None:
    upload(app)
    before = files_below(tmp_path)
    rekeyed = settings_with().model_copy(update={"pii_hash_key": SecretStr("another key")})

    answer = upload(build_app(lake, rekeyed), body(part(CSV + b"T9,Halal,10,1,2023-10-01\n")))

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "PII_HASH_KEY" not in answer.body.decode()
    assert files_below(tmp_path) == before


def test_with_the_lake_away_the_client_is_asked_to_come_back() -> None:
    def away() -> list[object]:
        raise StoreError("/var/lake: can't list the manifests: Input/output error")

    answer = upload(build_app(SimpleNamespace(manifests=away)))

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "/var/lake" not in answer.body.decode()


def test_only_the_versioned_path_is_documented_and_with_every_answer(app: FastAPI) -> None:
    document = app.openapi()
    assert list(document["paths"]) == ["/api/v1/ingest"]
    operation = document["paths"]["/api/v1/ingest"]["post"]
    documented = {"200", "401", "403", "408", "413", "415", "422", "429", "503"}
    assert set(operation["responses"]) == documented
    assert set(operation["responses"]["422"]["content"]) == {
        "application/json",
        "application/problem+json",
    }
    assert list(operation["requestBody"]["content"]) == ["multipart/form-data"]
