"""The dashboard in a real browser, over a server of its own and marts that a run materialized."""

import csv
import json
import shutil
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from txn_platform.samples import generate
from txn_platform_tests.api.server import ADMIN_PASSWORD, Server, api_server
from txn_platform_tests.platform import txn_platform

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
MONTH = "2023-10"
Site = tuple[Server, list[dict[str, str]]]


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium on the PATH: install it with `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """A server, and the rows of the exported summary, which holds two months."""
    folder = tmp_path_factory.mktemp("site")
    sample = generate(folder / "sample.csv", rows=3000, days=45).path
    outcome = txn_platform("run", "--home", folder / "home", "--input", sample, "--json")
    assert outcome.status == 0, outcome.stderr
    exported = next(path for path in outcome.document["exports"] if path.endswith(".json"))
    rows = json.loads(Path(exported).read_text(), parse_float=str, parse_int=str)
    with api_server(folder / "home", folder / "server.log") as server:
        yield server, rows


@pytest.fixture
def page(browser: Browser) -> Generator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    violations: list[str] = []
    page.on("console", lambda message: violations.append(message.text))
    page.on("pageerror", lambda error: violations.append(str(error)))
    yield page
    context.close()
    # An error page is told as one, too: which status it has is for the tests to say.
    told = [text for text in violations if "the server responded with a status of" not in text]
    assert not told, "the browser complained: a script failed, or the policy forbids it"


def sign_in(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_an_analyst_signs_in_reads_a_month_downloads_it_and_signs_out(
    page: Page, site: Site
) -> None:
    server, summary = site
    of_the_month = [row for row in summary if row["sale_month"] == f"{MONTH}-01"]
    assert 0 < len(of_the_month) < len(summary)
    total = sum(Decimal(row["total_amount"]) for row in of_the_month)

    sign_in(page, server)
    page.get_by_label("Month", exact=True).select_option(MONTH)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("October 2023")
    tile = page.locator(".tile").filter(has_text="Total sales")
    expect(tile.locator(".value")).to_have_text(f"{total:,.2f}")
    expect(page.locator("figure.chart canvas").first).to_be_visible()

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download CSV").click()
    with Path(downloading.value.path()).open(newline="", encoding="utf-8-sig") as file:
        downloaded = {row["product"]: Decimal(row["total_amount"]) for row in csv.DictReader(file)}
    assert downloaded == {row["product"]: Decimal(row["total_amount"]) for row in of_the_month}

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_wrong_password_is_said_so_and_nothing_is_shown(page: Page, site: Site) -> None:
    page.goto(site[0].url)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.locator("#message")).to_be_visible()


def test_the_figures_are_there_without_javascript(browser: Browser, site: Site) -> None:
    server, _ = site
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, server)
    expect(page.locator("table#months tbody tr")).to_have_count(2)
    expect(page.locator("table#products tbody tr").first).to_be_visible()
    context.close()


def test_the_documentation_is_drawn_without_a_request_to_elsewhere(page: Page, site: Site) -> None:
    server, _ = site
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/docs")
    expect(page.get_by_text("/api/v1/sales/trends", exact=True)).to_be_visible()
    assert all(address.startswith((server.url, "data:")) for address in asked)


def test_a_phone_shows_everything_without_scrolling_sideways(browser: Browser, site: Site) -> None:
    server, _ = site
    context = browser.new_context(viewport={"width": 320, "height": 640}, is_mobile=True)
    page = context.new_page()
    sign_in(page, server)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()
