"""Browser sessions: the cookie, and forms that only this site's pages can send."""

from http.cookies import SimpleCookie

import httpx2
import pytest

from txn_platform_tests.api.auth.support import PASSWORD, WRONG, Api, forged

SESSION = "__Host-txn_session"
LOGIN = "__Host-txn_login"


def login(
    api: Api,
    *,
    password: str = PASSWORD,
    csrf_token: str | None = None,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    token = api.client.get("/login").text
    form = {
        "username": "ana",
        "password": password,
        "csrf_token": token if csrf_token is None else csrf_token,
    }
    return api.client.post("/login", json=form, headers=headers)


def who(api: Api) -> list[str]:
    """User and CSRF token of the browser's session."""
    return str(api.client.get("/").json() or "").split()


def cookie(answer: httpx2.Response, name: str) -> dict[str, str | bool]:
    for header in answer.headers.get_list("Set-Cookie"):
        parsed = SimpleCookie(header)
        if name in parsed:
            found = parsed[name]
            return {
                "httponly": found["httponly"],
                "secure": found["secure"],
                "samesite": found["samesite"],
                "path": found["path"],
                "domain": found["domain"],
                "max-age": found["max-age"],
            }
    raise AssertionError(f"no cookie {name}")


HARD = {"httponly": True, "secure": True, "samesite": "lax", "path": "/", "domain": ""}


def test_the_form_opens_a_session_in_a_cookie_that_scripts_and_other_sites_can_not_use(
    api: Api,
) -> None:
    answer = login(api)
    assert answer.status_code == 303
    assert cookie(answer, SESSION) == {**HARD, "max-age": str(8 * 3600)}
    assert cookie(answer, LOGIN)["max-age"] == "0"
    username, csrf_token = who(api)
    assert username == "ana"
    assert len(csrf_token) == 64


def test_the_login_cookie_is_as_hard(api: Api) -> None:
    assert cookie(api.client.get("/login"), LOGIN) == {**HARD, "max-age": "3600"}


def test_the_login_form_keeps_its_token_in_several_tabs(api: Api) -> None:
    assert api.client.get("/login").text == api.client.get("/login").text


def test_a_wrong_password_opens_no_session(api: Api) -> None:
    answer = login(api, password=WRONG)
    assert answer.status_code == 401
    assert who(api) == []


def test_repeated_failures_lock_the_browser_out(api: Api) -> None:
    assert [login(api, password=WRONG).status_code for _ in range(6)] == [401] * 5 + [429]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://testserver"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "https://testserver:8443"},
        {"Origin": "https://testserver.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
    ],
)
def test_a_form_from_another_site_is_refused(api: Api, headers: dict[str, str]) -> None:
    assert login(api, headers=headers).status_code == 403
    assert login(api).status_code == 303
    _, csrf_token = who(api)
    answer = api.client.post("/logout", json={"csrf_token": csrf_token}, headers=headers)
    assert answer.status_code == 403
    assert who(api)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://testserver"},
        # What Chromium sends under `Referrer-Policy: no-referrer`.
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": "https://testserver"},
    ],
)
def test_a_form_from_this_site_is_accepted(api: Api, headers: dict[str, str]) -> None:
    assert login(api, headers=headers).status_code == 303


@pytest.mark.parametrize("csrf_token", ["", "x", "A" * 43, "ü"])
def test_a_login_form_without_the_token_of_its_cookie_is_refused(api: Api, csrf_token: str) -> None:
    assert login(api, csrf_token=csrf_token).status_code == 403


@pytest.mark.parametrize("planted", ["", "short"])
def test_a_login_form_whose_cookie_is_missing_or_planted_is_refused(api: Api, planted: str) -> None:
    form = {"username": "ana", "password": PASSWORD, "csrf_token": planted}
    headers = {"Cookie": f"{LOGIN}={planted}"} if planted else {}
    assert api.client.post("/login", json=form, headers=headers).status_code == 403


@pytest.mark.parametrize("csrf_token", ["", "0" * 64, "ü"])
def test_a_form_without_the_token_of_its_session_is_refused(api: Api, csrf_token: str) -> None:
    login(api)
    assert api.client.post("/logout", json={"csrf_token": csrf_token}).status_code == 403
    assert who(api)


def test_the_token_of_one_session_does_not_serve_another(api: Api) -> None:
    login(api)
    _, first = who(api)
    login(api)
    _, second = who(api)
    assert first != second
    assert api.client.post("/logout", json={"csrf_token": first}).status_code == 403


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(api: Api) -> None:
    login(api)
    copy = api.client.cookies[SESSION]
    _, csrf_token = who(api)
    answer = api.client.post("/logout", json={"csrf_token": csrf_token})
    assert answer.status_code == 303
    assert cookie(answer, SESSION) == {**HARD, "max-age": "0"}
    assert who(api) == []
    api.client.cookies.set(SESSION, copy, domain="testserver")
    assert who(api) == []


def test_the_cookie_is_no_bearer_token(api: Api) -> None:
    login(api)
    assert api.read(api.client.cookies[SESSION]).status_code == 401


@pytest.mark.parametrize("value", ["nonsense", forged(), forged(aud="txn_platform.browser")[:-2]])
def test_a_cookie_that_was_not_made_here_is_no_session(api: Api, value: str) -> None:
    assert api.client.get("/", headers={"Cookie": f"{SESSION}={value}"}).json() is None
