"""What a strict Content-Security-Policy, screen readers and keyboards need from every page."""

from datetime import date
from decimal import Decimal

import pytest

from txn_platform_tests.api.dashboard.conftest import Browser
from txn_platform_tests.api.dashboard.markup import Element, parse
from txn_platform_tests.api.dashboard.stand_ins import Sale, pipeline_status, stage

SALES = [Sale("Halal Mouse", date(2023, 10, 2), Decimal("24.99"), 10, 4)]
PAGES = [
    ("/", None),
    ("/", "gone"),
    ("/", "ana"),
    ("/?month=x", "ana"),
    ("/", "loader"),
    ("/docs", None),
]


@pytest.fixture(params=PAGES, ids=lambda page: f"{page[0]} as {page[1]}")
def document(request: pytest.FixtureRequest, browser: Browser) -> Element:
    path, user = request.param
    at = stage(SALES)
    at.watch.status = pipeline_status(at.marts.materialization, failed=["marts_agree"])
    response = browser(at, user).get(path)
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    return parse(response.text)


def test_nothing_is_inline(document: Element) -> None:
    assert not document.all("style")
    for element in document.everything():
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        if element.name == "script":
            assert element.attributes["src"].startswith("/static/")
            assert element.text == ""
        for name in ("href", "src", "action"):
            assert not element.attributes.get(name, "").lower().startswith("javascript:")


def test_nothing_is_loaded_from_elsewhere(document: Element) -> None:
    for element in document.all("script") + document.all("link") + document.all("img"):
        address = element.attributes.get("src") or element.attributes["href"]
        assert address.startswith("/static/")


def test_the_page_has_a_language_a_title_a_heading_and_a_main_part(document: Element) -> None:
    assert document.one("html").attributes["lang"] == "en"
    assert document.one("title").text.endswith(" · Sales")
    assert document.one("meta", name="viewport")
    assert document.one("h1").text
    assert document.one("main")


def test_headings_leave_no_level_out(document: Element) -> None:
    levels = [int(each.name[1]) for each in _in_order(document) if each.name in {"h1", "h2", "h3"}]
    assert all(after <= before + 1 for before, after in zip([0, *levels], levels, strict=False))


def test_every_field_has_a_label(document: Element) -> None:
    labelled = {label.attributes["for"] for label in document.all("label")}
    for field in document.all("select") + document.all("input"):
        if field.attributes.get("type") != "hidden":
            assert field.attributes["id"] in labelled


def test_every_table_has_a_caption_headings_and_a_region_to_scroll_in(document: Element) -> None:
    for table in document.all("table"):
        assert table.one("caption").text
        assert all(head.attributes["scope"] in {"col", "row"} for head in table.all("th"))
    regions = document.all("div", role="region")
    assert sum(len(region.all("table")) for region in regions) == len(document.all("table"))
    assert all(region.attributes["tabindex"] == "0" for region in regions)


def test_every_name_that_is_referred_to_exists_once(document: Element) -> None:
    ids = [each.attributes["id"] for each in document.everything() if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for element in document.everything():
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert set(element.attributes.get(name, "").split()) <= set(ids)
        target = element.attributes.get("href", "")
        assert not target.startswith("#") or target[1:] in ids


def _in_order(element: Element) -> list[Element]:
    children = [child for child in element.children if isinstance(child, Element)]
    return [found for child in children for found in (child, *_in_order(child))]
