"""Signing in and out as a browser does it."""

import pytest
from fastapi.testclient import TestClient

from api.auth.service import SESSION_COOKIE
from api.problems import StoreAwayError, too_many
from txn_platform_tests.api.dashboard.conftest import Browser
from txn_platform_tests.api.dashboard.markup import parse
from txn_platform_tests.api.dashboard.stand_ins import CSRF_TOKEN, PASSWORD, Stage, stage


def filled_in(
    client: TestClient, password: str = PASSWORD, path: str = "/"
) -> tuple[str, dict[str, str]]:
    """The login form's target and fields."""
    form = parse(client.get(path).text).one("form")
    token = form.one("input", name="csrf_token").attributes["value"]
    fields = {"username": "ana", "password": password, "csrf_token": token}
    return form.attributes["action"], fields


def test_who_signs_in_gets_to_the_dashboard(browser: Browser) -> None:
    client = browser(stage([]), None)
    target, fields = filled_in(client)
    response = client.post(target, data=fields)
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert "Signed in as ana" in parse(client.get("/").text).text


def test_who_signs_in_gets_to_what_the_address_asked_for(browser: Browser) -> None:
    client = browser(stage([]), None)
    target, fields = filled_in(client, path="/?month=2023-10&product=Halal+Mouse&next=//evil.test")
    response = client.post(target, data=fields)
    assert response.headers["Location"] == "/?month=2023-10&product=Halal+Mouse"


def test_a_wrong_password_is_said_once_for_name_and_password(browser: Browser) -> None:
    client = browser(stage([]), None)
    target, fields = filled_in(client, password="wrong")
    response = client.post(target, data=fields)
    assert response.status_code == 401
    document = parse(response.text)
    assert document.one("p", id="message").text == "The user name or the password is wrong."
    assert document.one("input", id="username").attributes["value"] == "ana"
    assert "value" not in document.one("input", id="password").attributes
    assert "wrong" not in str(client.cookies.get(SESSION_COOKIE))


@pytest.mark.parametrize("part", ["auth", "limiter"])
def test_who_is_locked_out_is_told_for_how_long(browser: Browser, part: str) -> None:
    at: Stage = stage([])
    getattr(at, part).failure = too_many(64)
    client = browser(at, None)
    target, fields = filled_in(client)
    response = client.post(target, data=fields)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "64")
    assert "64 seconds" in parse(response.text).one("p", id="message").text


def test_while_postgresql_is_away_the_form_says_so(browser: Browser) -> None:
    at = stage([])
    at.auth.failure = StoreAwayError("postgres")
    client = browser(at, None)
    target, fields = filled_in(client)
    response = client.post(target, data=fields)
    assert response.status_code == 503
    assert "PostgreSQL does not answer" in parse(response.text).one("p", id="message").text


def test_while_no_session_can_be_verified_the_form_says_so(browser: Browser) -> None:
    at = stage([])
    at.auth.blind = True
    response = browser(at, "ana").get("/")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "PostgreSQL does not answer" in parse(response.text).one("p", id="message").text


@pytest.mark.parametrize("token", ["", "x" * 43])
def test_a_form_without_the_browsers_own_token_is_refused(browser: Browser, token: str) -> None:
    client = browser(stage([]), None)
    target, fields = filled_in(client)
    response = client.post(target, data=fields | {"csrf_token": token})
    assert response.status_code == 403
    assert SESSION_COOKIE not in client.cookies


def test_a_form_of_another_kind_is_refused_with_the_form(browser: Browser) -> None:
    response = browser(stage([]), None).post("/login", json={"username": "ana"})
    assert response.status_code == 422
    assert parse(response.text).one("form")


def test_a_session_that_ended_is_said_to_have_ended(browser: Browser) -> None:
    response = browser(stage([]), "gone").get("/")
    assert response.status_code == 200
    assert parse(response.text).one("p", id="message").text.startswith("Your session has ended.")


def test_a_download_without_a_session_leads_to_the_form(browser: Browser) -> None:
    response = browser(stage([]), None).get("/dashboard/sales.csv?month=2023-10")
    assert response.status_code == 401
    assert "WWW-Authenticate" in response.headers
    assert parse(response.text).one("form").attributes["action"] == "/login?month=2023-10"


def test_who_signs_out_is_out(browser: Browser) -> None:
    client = browser(stage([]), "ana")
    response = client.post("/logout", data={"csrf_token": CSRF_TOKEN})
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert 'txn_session=""; expires=' in response.headers["Set-Cookie"]


def test_another_sites_form_signs_nobody_out(browser: Browser) -> None:
    client = browser(stage([]), "ana")
    for fields, headers in (
        ({"csrf_token": "x"}, {}),
        ({"csrf_token": CSRF_TOKEN}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        response = client.post("/logout", data=fields, headers=headers)
        assert response.status_code == 403
        assert "Set-Cookie" not in response.headers


def test_signing_out_twice_is_no_error_and_touches_no_cookie(browser: Browser) -> None:
    response = browser(stage([]), None).post("/logout")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert "Set-Cookie" not in response.headers


def test_signing_out_of_a_session_that_ended_clears_its_cookie(browser: Browser) -> None:
    response = browser(stage([]), "gone").post("/logout")
    assert response.status_code == 303
    assert 'txn_session=""; expires=' in response.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "http://[::1"},
    ],
)
@pytest.mark.parametrize("user", [None, "gone"])
def test_another_site_gets_no_cookie_cleared_though_the_browser_withholds_it(
    browser: Browser, user: str | None, headers: dict[str, str]
) -> None:
    response = browser(stage([]), user).post("/logout", headers=headers)
    assert response.status_code == 403
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("query", ["", "?month=2023-10&product=Halal+Mouse"])
def test_who_asks_for_the_login_page_is_led_to_it(browser: Browser, query: str) -> None:
    response = browser(stage([]), None).get(f"/login{query}")
    assert (response.status_code, response.headers["Location"]) == (303, f"/{query}")
