"""Signing in: what is answered, what is counted, what is written down."""

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus

import httpx2
import psycopg
import pytest
from argon2 import PasswordHasher

from api.auth.audit import Caller
from api.auth.passwords import Passwords
from api.problems import ProblemError
from txn_platform.users import UserDirectory
from txn_platform_tests.api.auth.support import (
    ADDRESS,
    CHEAP,
    PASSWORD,
    WRONG,
    Api,
    CountedPasswords,
    add_user,
    execute,
    rows,
)
from txn_platform_tests.api.observability.recording import Recorder


@pytest.fixture
def recorder() -> Generator[Recorder]:
    found = Recorder()
    found.start()
    yield found
    found.stop()


def statuses(api: Api, username: str, password: str, times: int) -> list[int]:
    return [api.sign_in(username, password).status_code for _ in range(times)]


def let_pass(url: str, seconds: int) -> None:
    """As if the failures were older."""
    execute(
        url,
        "UPDATE api.login_failures SET last_failure_at = last_failure_at "
        f"- interval '{seconds} seconds'",
    )


def test_a_password_gets_tokens_that_nobody_may_store(api: Api) -> None:
    answer = api.sign_in("ana")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    document = answer.json()
    assert document["token_type"] == "bearer"
    assert document["expires_in"] == 900
    assert document["scope"] == "sales:read"
    assert api.read(document["access_token"]).json()["username"] == "ana"


def test_the_token_is_good_for_the_requested_scopes_that_the_user_has(api: Api, url: str) -> None:
    add_user(url, "bo", "sales:read", "ingest:write")
    assert api.sign_in("bo").json()["scope"] == "ingest:write sales:read"
    narrow = api.sign_in("bo", scope="sales:read admin").json()
    assert narrow["scope"] == "sales:read"
    assert api.read(narrow["access_token"], "/uploads").status_code == 403


def test_a_login_without_any_of_the_requested_scopes_is_403(api: Api, url: str) -> None:
    answer = api.sign_in("ana", scope="admin products:read")
    assert answer.status_code == 403
    assert 'scope="admin products:read"' in answer.headers["WWW-Authenticate"]
    assert rows(url, "SELECT FROM api.sessions") == []


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"username": "ana"}, "password"),
        ({"password": PASSWORD}, "username"),
        ({"username": "ana", "password": ""}, "password"),
        ({"username": "ana", "password": "x" * 1025}, "password"),
        ({"username": "a" * 2049, "password": PASSWORD}, "username"),
        ({"username": ["ana", "bo"], "password": PASSWORD}, "username"),
        ({"username": "ana", "password": PASSWORD, "scope": "sales:write"}, "scope"),
        ({"grant_type": "client_credentials"}, "grant_type"),
        ({"grant_type": "refresh_token"}, "refresh_token"),
    ],
)
def test_a_form_that_can_not_be_used_is_422_and_names_the_parameter(
    api: Api, fields: Mapping[str, str], parameter: str
) -> None:
    answer = api.client.post("/token", data=fields)
    assert answer.status_code == 422
    assert [found["name"] for found in answer.json()["parameters"]] == [parameter]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b'{"username": "ana"}', "application/json"),
        (b"", ""),
        (b"username=\xff&password=x", "application/x-www-form-urlencoded"),
        (b"username=%FF&password=x", "application/x-www-form-urlencoded"),
        (b"a=1&" * 200, "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_form_is_422(api: Api, content: bytes, media_type: str) -> None:
    answer = api.client.post("/token", content=content, headers={"Content-Type": media_type})
    assert answer.status_code == 422


def test_fields_that_nobody_asks_for_are_ignored(api: Api) -> None:
    form = {"username": "ana", "password": PASSWORD, "client_id": ["x", "y"], "": "z"}
    assert api.client.post("/token", data=form).status_code == 200


def test_nothing_tells_an_unknown_user_from_a_wrong_password_or_a_disabled_user(
    api: Api, url: str, passwords: CountedPasswords
) -> None:
    add_user(url, "gone")
    UserDirectory(url).disable("gone")
    answers: list[httpx2.Response] = []
    for username, password in (
        ("ana", WRONG),
        ("nobody", WRONG),
        ("gone", PASSWORD),
        ("gone", WRONG),
        ("\0'; --", WRONG),
        ("x" * 2000, WRONG),
    ):
        before = passwords.compared
        answers.append(api.sign_in(username, password))
        assert passwords.compared == before + 1
    first, *others = answers
    assert first.status_code == 401
    for other in others:
        assert other.status_code == first.status_code
        assert other.content == first.content
        assert other.headers == first.headers


def test_an_unknown_user_is_compared_at_the_cost_of_new_hashes() -> None:
    costly = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    assert Passwords(costly)._nobodys.startswith("$argon2id$v=19$m=16,t=2,p=1$")  # noqa: SLF001


@pytest.mark.parametrize(
    ("username", "password"), [("ana", WRONG), ("nobody", WRONG), ("gone", PASSWORD)]
)
def test_repeated_failures_lock_for_longer_each_time_whether_or_not_the_user_exists(
    api: Api, url: str, passwords: CountedPasswords, username: str, password: str
) -> None:
    add_user(url, "gone")
    UserDirectory(url).disable("gone")
    assert statuses(api, username, password, 6) == [401] * 5 + [429]
    for wait in (2, 4, 8, 16):
        compared = passwords.compared
        locked = api.sign_in(username, password)
        assert locked.status_code == 429
        assert locked.headers["Retry-After"] == str(wait)
        assert passwords.compared == compared
        let_pass(url, wait)
        assert api.sign_in(username, password).status_code == 401


def test_a_locked_login_is_refused_with_the_right_password_too_and_recovers(
    api: Api, url: str
) -> None:
    statuses(api, "ana", WRONG, 5)
    assert api.sign_in("ana").status_code == 429
    let_pass(url, 2)
    assert api.sign_in("ana").status_code == 200
    # Success clears the record of this client.
    assert statuses(api, "ana", WRONG, 5) == [401] * 5


def test_failures_are_forgotten_after_an_hour(api: Api, url: str) -> None:
    statuses(api, "ana", WRONG, 5)
    let_pass(url, 3600)
    assert statuses(api, "ana", WRONG, 5) == [401] * 5


def login_from(api: Api, address: str, password: str, username: str = "ana") -> int:
    """The status of a login from another address."""
    try:
        api.call(partial(api.auth.login, username, password, None, Caller(address, "")))
    except ProblemError as problem:
        return problem.status
    return HTTPStatus.OK


def test_one_client_does_not_lock_another_out(api: Api) -> None:
    statuses(api, "ana", WRONG, 6)
    assert login_from(api, "10.0.0.2", PASSWORD) == 200


def test_the_addresses_of_one_ipv6_network_are_locked_out_together(api: Api, url: str) -> None:
    attempts = [login_from(api, f"2001:db8:1:2::{number}", WRONG) for number in range(1, 7)]
    assert attempts == [401] * 5 + [429]
    assert login_from(api, "2001:db8:1:3::1", PASSWORD) == 200
    log = rows(url, "SELECT client FROM api.audit_log ORDER BY id LIMIT 2")
    assert log == [("2001:db8:1:2::1",), ("2001:db8:1:2::2",)]


def test_many_clients_together_lock_a_user_for_a_minute_at_most(api: Api, url: str) -> None:
    attempts = [login_from(api, f"10.0.0.{number}", WRONG) for number in range(50)]
    assert attempts == [401] * 50
    assert login_from(api, "10.0.1.1", PASSWORD) == 429
    assert login_from(api, "10.0.1.1", PASSWORD, "bo") == 401
    execute(url, "UPDATE api.login_failures SET failures = failures + 1000")
    let_pass(url, 60)
    assert login_from(api, "10.0.1.1", PASSWORD) == 200


def test_attempts_at_the_same_moment_do_not_slip_past_the_lock(
    api: Api, passwords: CountedPasswords
) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: api.sign_in("ana", WRONG).status_code, range(20)))
    # Two at a time look before the failure of the other is written down.
    assert passwords.compared <= 6
    assert sorted(set(answers)) == [401, 429]


def test_a_hash_of_another_cost_is_renewed_by_the_login(api: Api, url: str) -> None:
    query = "SELECT password_hash FROM api.users WHERE username = 'ana'"
    before = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    execute(url, f"UPDATE api.users SET password_hash = '{before}'")
    assert api.sign_in("ana").status_code == 200
    [(after,)] = rows(url, query)
    assert after != before
    assert not CHEAP.check_needs_rehash(after)
    assert api.sign_in("ana").status_code == 200
    assert rows(url, query) == [(after,)]


def test_a_hash_that_is_damaged_is_a_wrong_password(api: Api, url: str) -> None:
    execute(url, "UPDATE api.users SET password_hash = 'x'")
    assert api.sign_in("ana").status_code == 401


def test_what_happens_is_written_down_without_a_password_or_a_token(
    api: Api, url: str, recorder: Recorder
) -> None:
    typed_as_name = "my-password-as-a-name"
    granted = api.sign_in("ana").json()
    following = api.refresh(granted["refresh_token"]).json()
    api.refresh(granted["refresh_token"])
    api.sign_in("ana", WRONG)
    api.sign_in(typed_as_name, WRONG)
    statuses(api, "ana", WRONG, 5)
    log = rows(url, "SELECT event_name, username, client FROM api.audit_log ORDER BY id")
    assert log == [
        ("login_succeeded", "ana", ADDRESS),
        ("token_refreshed", "ana", ADDRESS),
        ("refresh_replayed", "ana", ADDRESS),
        ("session_revoked", "ana", ADDRESS),
        ("login_failed", "ana", ADDRESS),
        ("login_failed", None, ADDRESS),
        *[("login_failed", "ana", ADDRESS)] * 4,
        ("login_blocked", "ana", ADDRESS),
    ]
    logged = [
        (event["event"], event["username"], event["client"])
        for event in recorder.events
        if event.get("audit")
    ]
    assert logged == log
    secrets = [PASSWORD, WRONG, typed_as_name]
    secrets += [given[name] for given in (granted, following) for name in
                ("access_token", "refresh_token")]  # fmt: skip
    stored = everything(url)
    for secret in secrets:
        assert secret not in recorder.text
        assert secret not in stored


def everything(url: str) -> str:
    """All rows of all tables of the API, as text."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'api'::regnamespace "
            "AND relkind = 'r'"
        ).fetchall()
        assert len(tables) == 6
        return "".join(
            str(
                connection.execute(
                    f"SELECT row_to_json(t) FROM api.{name} AS t".encode()
                ).fetchall()
            )
            for (name,) in tables
        )


def test_a_login_waits_for_nothing_while_the_tables_are_not_there(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.auth, "_prepared", False)
    answer = api.sign_in("ana")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    api.poll()
    assert api.sign_in("ana").status_code == 200
