"""Refreshing and revoking: a session has one owner, and ends everywhere at once."""

import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier

import httpx2
import psycopg
import pytest

from api.auth.revocations import Revocations
from txn_platform.stores.sql_files import sql_file
from txn_platform.users import UserDirectory
from txn_platform_tests.api.auth.support import (
    Api,
    add_user,
    execute,
    local_settings,
    rows,
    running_api,
)


@pytest.fixture
def replica(url: str, tmp_path: Path) -> Generator[Api]:
    """Another process of the same API."""
    with running_api(local_settings(tmp_path), url) as found:
        yield found


def test_a_refresh_token_gets_the_next_pair(api: Api) -> None:
    first = api.sign_in("ana").json()
    second = api.refresh(first["refresh_token"])
    assert second.status_code == 200
    assert second.headers["Cache-Control"] == "no-store"
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert api.read(second.json()["access_token"]).status_code == 200
    assert api.refresh(second.json()["refresh_token"]).status_code == 200


def test_only_the_hash_of_a_refresh_token_is_stored(api: Api, url: str) -> None:
    given = api.sign_in("ana").json()["refresh_token"]
    assert len(given) >= 43
    stored = rows(url, "SELECT token_hash FROM api.refresh_tokens")
    assert stored == [(sha256(given.encode()).digest(),)]


def test_a_replayed_refresh_token_ends_the_whole_session(api: Api) -> None:
    first = api.sign_in("ana").json()
    second = api.refresh(first["refresh_token"]).json()
    replayed = api.refresh(first["refresh_token"])
    assert replayed.status_code == 401
    assert replayed.headers["WWW-Authenticate"].startswith("Bearer")
    assert api.refresh(second["refresh_token"]).status_code == 401
    assert api.read(first["access_token"]).status_code == 401
    assert api.read(second["access_token"]).status_code == 401
    # Another login is not touched.
    assert api.read(api.sign_in("ana").json()["access_token"]).status_code == 200


def test_of_two_who_refresh_at_the_same_moment_one_wins(api: Api, replica: Api) -> None:
    for _ in range(5):
        token = api.sign_in("ana").json()["refresh_token"]
        barrier = Barrier(2)

        def refresh(which: Api, token: str = token, barrier: Barrier = barrier) -> int:
            barrier.wait()
            return which.refresh(token).status_code

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(refresh, (api, replica))) == [200, 401]


@pytest.mark.parametrize("token", ["unknown", "\0", "a.b.c"])
def test_an_unknown_refresh_token_is_401(api: Api, token: str) -> None:
    assert api.refresh(token).status_code == 401


def test_an_access_token_does_not_refresh(api: Api) -> None:
    assert api.refresh(api.sign_in("ana").json()["access_token"]).status_code == 401


def test_an_expired_refresh_token_is_401(api: Api, url: str) -> None:
    token = api.sign_in("ana").json()["refresh_token"]
    execute(url, "UPDATE api.refresh_tokens SET expires_at = now()")
    assert api.refresh(token).status_code == 401


def test_refreshing_may_narrow_the_scopes_and_never_widens_them(api: Api, url: str) -> None:
    add_user(url, "bo", "sales:read", "ingest:write", "admin")
    first = api.sign_in("bo", scope="sales:read ingest:write").json()
    narrow = api.refresh(first["refresh_token"], scope="sales:read admin").json()
    assert narrow["scope"] == "sales:read"
    # What was granted by the login can be asked for again, unless the user has lost it.
    execute(url, "UPDATE api.users SET scopes = '{ingest:write,admin}' WHERE username = 'bo'")
    wide = api.refresh(narrow["refresh_token"]).json()
    assert wide["scope"] == "ingest:write"


def test_a_refresh_that_is_denied_its_scope_does_not_use_the_token_up(api: Api) -> None:
    token = api.sign_in("ana").json()["refresh_token"]
    assert api.refresh(token, scope="admin").status_code == 403
    assert api.refresh(token).status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_revoked_token_ends_its_session_here_at_once_and_elsewhere_with_the_next_poll(
    api: Api, replica: Api, kind: str
) -> None:
    granted = api.sign_in("ana").json()
    access, refresh = granted["access_token"], granted["refresh_token"]
    assert replica.read(access).status_code == 200
    assert api.client.post("/token/revoke", data={"token": granted[kind]}).status_code == 200
    assert api.read(access).status_code == 401
    assert api.refresh(refresh).status_code == 401
    replica.poll()
    assert replica.read(access).status_code == 401


@pytest.mark.parametrize("token", ["unknown", "a.b.c", "\0", "ü"])
def test_revoking_what_nobody_knows_is_no_error(api: Api, token: str) -> None:
    answer = api.client.post("/token/revoke", data={"token": token, "token_type_hint": "x"})
    assert answer.status_code == 200
    assert answer.content == b""


def test_revoking_nothing_is_422(api: Api) -> None:
    answer = api.client.post("/token/revoke", data={"token_type_hint": "access_token"})
    assert answer.status_code == 422
    assert answer.json()["parameters"][0]["name"] == "token"


def test_a_disabled_user_is_out_with_the_next_poll(api: Api, url: str) -> None:
    granted = api.sign_in("ana").json()
    UserDirectory(url).disable("ana")
    assert api.refresh(granted["refresh_token"]).status_code == 401
    api.poll()
    assert api.read(granted["access_token"]).status_code == 401
    assert api.sign_in("ana").status_code == 401


def test_a_login_that_meets_the_disabling_of_its_user_opens_no_session(api: Api, url: str) -> None:
    with psycopg.connect(url) as disabling, ThreadPoolExecutor(1) as pool:
        values = {"username": "ana"}
        disabling.execute(sql_file("users", "disable_user"), values)
        login = pool.submit(api.sign_in, "ana")
        await_lock(url, login)
        disabling.execute(sql_file("users", "end_sessions"), values)
        disabling.commit()
        assert login.result().status_code == 401
    assert rows(url, "SELECT FROM api.sessions") == []


def await_lock(url: str, login: Future[httpx2.Response]) -> None:
    """Until the login waits for what another transaction holds."""
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'txn_api'"
    deadline = time.monotonic() + 20
    while not rows(url, waiting) and not login.done() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_user_who_is_disabled_by_hand_is_out_as_well(api: Api, url: str) -> None:
    granted = api.sign_in("ana").json()
    execute(url, "UPDATE api.users SET disabled = TRUE")
    api.poll()
    assert api.read(granted["access_token"]).status_code == 401


def test_a_revocation_that_became_visible_late_is_noticed(api: Api, url: str) -> None:
    """It is dated when its transaction began, and polls went on until it was committed."""
    access = api.sign_in("ana").json()["access_token"]
    for _ in range(3):
        api.poll()
    execute(url, "UPDATE api.sessions SET revoked_at = now() - interval '50 seconds'")
    api.poll()
    assert api.read(access).status_code == 401


def test_what_was_revoked_is_forgotten_when_its_tokens_have_expired(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Revocations(longest_seconds=100)
    known.add("first")
    started = time.monotonic()
    monkeypatch.setattr("api.auth.revocations.time.monotonic", lambda: started + 159)
    known.add("second")
    api.refresh_into(known)
    assert "first" in known
    monkeypatch.setattr("api.auth.revocations.time.monotonic", lambda: started + 161)
    api.refresh_into(known)
    assert "first" not in known
    assert "second" in known


def test_a_process_that_starts_knows_what_was_revoked_before(
    api: Api, url: str, tmp_path: Path
) -> None:
    access = api.sign_in("ana").json()["access_token"]
    api.client.post("/token/revoke", data={"token": access})
    with running_api(local_settings(tmp_path), url) as restarted:
        assert restarted.read(access).status_code == 401


def test_a_process_that_could_not_learn_what_was_revoked_trusts_no_token(
    api: Api, tmp_path: Path
) -> None:
    access = api.sign_in("ana").json()["access_token"]
    nowhere = "postgresql://x:y@127.0.0.1:1/z?connect_timeout=1"
    with running_api(local_settings(tmp_path), nowhere) as cut_off:
        answer = cut_off.read(access)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert cut_off.read("nonsense").status_code == 401


def test_what_has_expired_long_ago_is_purged(api: Api, url: str) -> None:
    kept = api.sign_in("ana").json()
    api.sign_in("ana", "wrong")
    execute(
        url,
        "INSERT INTO api.sessions (session_id, username, scopes, expires_at) "
        "VALUES ('old', 'ana', '{}', now() - interval '3 days');"
        "INSERT INTO api.refresh_tokens (token_hash, session_id, expires_at) "
        "VALUES ('old', 'old', now());"
        "INSERT INTO api.login_failures VALUES ('old', 1, now() - interval '2 days')",
    )
    api.poll()
    assert len(rows(url, "SELECT FROM api.sessions")) == 1
    assert len(rows(url, "SELECT FROM api.refresh_tokens")) == 1
    assert len(rows(url, "SELECT FROM api.login_failures")) == 2
    assert api.refresh(kept["refresh_token"]).status_code == 200
