"""Lines of every origin look alike, and hold nothing that must not be logged."""

import logging
import re
import secrets
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from fastapi import FastAPI, Header, Request
from fastapi.testclient import TestClient
from jose import jwt

from api.auth.principal import Principal
from api.observability import logs
from api.observability.logs import logger
from api.problems import unauthorized
from txn_platform.settings import load_settings
from txn_platform_tests.api.observability.recording import Recorder, observed_app

IDENTIFIER = sha256(b"T001").hexdigest()
TOKEN = jwt.encode({"sub": "ada"}, "k" * 32)
UNSIGNED = f"{TOKEN.rsplit('.', 1)[0]}."


def test_the_standard_library_logs_through_the_same_renderer(recorder: Recorder) -> None:
    for name in ("uvicorn.error", "psycopg.pool", "limits"):
        logging.getLogger(name).warning("lost %s of %d", "a connection", 2)
    assert [(event["logger"], event["level"], event["event"]) for event in recorder.events] == [
        ("uvicorn.error", "warning", "lost a connection of 2"),
        ("psycopg.pool", "warning", "lost a connection of 2"),
        ("limits", "warning", "lost a connection of 2"),
    ]


def test_a_level_of_another_librarys_own_is_the_one_below(recorder: Recorder) -> None:
    for level in (31, 60):
        logging.getLogger("other").log(level, "x")
    assert [event["level"] for event in recorder.events] == ["warning", "critical"]


def test_the_servers_own_access_log_is_silent(recorder: Recorder) -> None:
    recorder.start()  # again, since pytest hands loggers that don't propagate a handler of its own
    access = logging.getLogger("uvicorn.access")
    access.info('127.0.0.1 - "GET /sales?product=Halal"')
    # This is how uvicorn decides whether to write it at all.
    assert not access.hasHandlers()
    assert recorder.text == ""


def test_an_exception_is_told_by_types_and_frames_without_its_values(recorder: Recorder) -> None:
    try:
        try:
            int("4111-1111")
        except ValueError as error:
            raise LookupError("no row 4111-1111") from error
    except LookupError:
        logging.getLogger("asyncio").exception("task failed")
        logger().exception("task failed", row=3)
    first, second = (event["exception"] for event in recorder.events)
    for exception in (first, second):
        assert exception["type"] == "builtins.LookupError"
        assert exception["cause"]["type"] == "builtins.ValueError"
        assert re.fullmatch(
            r"txn_platform_tests/.*test_logs\.py:\d+ test_an_exception_is_.*",
            exception["frames"][0],
        )
    assert "4111" not in recorder.text


def test_the_members_of_a_group_are_named(recorder: Recorder) -> None:
    group = ExceptionGroup("two", [ValueError("4111-1111"), KeyError("4111-1111")])
    logger().error("tasks failed", exc_info=group)
    [event] = recorder.events
    members = [member["type"] for member in event["exception"]["members"]]
    assert members == ["builtins.ValueError", "builtins.KeyError"]
    assert "4111" not in recorder.text


@pytest.mark.parametrize("value", [IDENTIFIER, IDENTIFIER.upper(), TOKEN, UNSIGNED])
def test_identifiers_and_tokens_are_taken_out_wherever_they_are(
    recorder: Recorder, value: str
) -> None:
    logger().info(f"row {value} was lost", at=f"/rows/{value}", rows=[value, {value: (value,)}])
    logging.getLogger("limits").warning("row %s", value)
    assert value not in recorder.text
    [event, foreign] = recorder.events
    assert event["event"] == "row [redacted] was lost"
    assert event["at"] == "/rows/[redacted]"
    assert event["rows"] == ["[redacted]", {"[redacted]": ["[redacted]"]}]
    assert foreign["event"] == "row [redacted]"


@pytest.mark.parametrize("key", ["password", "token", "authorization", "cookie", "query"])
def test_what_a_sensitive_name_holds_is_taken_out(recorder: Recorder, key: str) -> None:
    logger().info("signed in", **{key: "hunter2"}, form={key: "hunter2"})
    [event] = recorder.events
    assert event[key] == event["form"][key] == "[redacted]"


def test_what_json_does_not_know_is_named_and_not_shown(recorder: Recorder) -> None:
    principal = Principal("ada", frozenset(), "session-1", csrf_token="secret-1")
    logger().info("signed in", who=principal, price=Decimal("1.5"), key=secrets)
    [event] = recorder.events
    assert event["who"] == "<Principal>"
    assert event["price"] == "<Decimal>"
    assert "secret-1" not in recorder.text


def test_no_log_call_raises(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without pytest's own handlers, which do raise.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    recorder.start()
    logger().info("half a character: \ud800", count=2**70)
    logging.getLogger("psycopg").warning("%d connections", "4111-1111")
    first, second = recorder.events
    assert first["count"] == 2**70
    assert (second["level"], second["logger"]) == ("error", "psycopg")
    assert "4111" not in recorder.text


def test_a_new_line_in_a_value_makes_no_second_line(recorder: Recorder) -> None:
    logger().info('x\n{"event": "forged"}')
    assert len(recorder.events) == 1


def test_many_requests_leave_no_token_identifier_or_query_in_the_log(recorder: Recorder) -> None:
    client = TestClient(_careless_app(), raise_server_exceptions=False)
    secret = "hunter2-hunter2"
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Cookie": f"session={secret}",
        "X-Request-Id": IDENTIFIER,
        "User-Agent": secret,
    }
    for path in ("/rows/", "/broken/", "/denied/", "/nothing/", "/number/"):
        for value in (IDENTIFIER, TOKEN, UNSIGNED):
            for method in ("GET", "POST", "BREW"):
                client.request(
                    method, f"{path}{value}?q={secret}&{value}=1", headers=headers, content=secret
                )
    assert len(recorder.requests()) == 45
    for forbidden in (IDENTIFIER, TOKEN, TOKEN.split(".")[1], secret, "Bearer"):
        assert forbidden not in recorder.text


def test_the_configuration_names_the_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "logs" / "api.log"
    config = tmp_path / "config.yaml"
    config.write_text(f"api: {{log_file: {path}}}")
    recorder = Recorder()
    output = logs.configure(load_settings(config=config, home=tmp_path, environ={}))
    logger().info("started", port=8000)
    output.close()
    logger().info("stopped")
    recorder.stop()
    text = path.read_text()
    assert text == capfd.readouterr().out
    assert [orjson.loads(line)["event"] for line in text.splitlines()] == ["started", "stopped"]


def _careless_app() -> FastAPI:
    app = observed_app()

    @app.get("/rows/{row}")
    async def rows(request: Request, row: str) -> str:
        logger().info("read a row", at=request.url.path)
        logging.getLogger("limits").warning("read %s", row)
        return row

    @app.get("/broken/{row}")
    async def broken(row: str, authorization: str = Header()) -> None:
        raise KeyError(row, authorization)

    @app.get("/denied/{row}")
    async def denied(row: str) -> None:
        assert row
        raise unauthorized("The token can't be used.")

    @app.get("/number/{row}")
    async def number(row: int) -> int:
        return row

    return app
