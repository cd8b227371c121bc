"""What the dashboard says in each state."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from api.dashboard.figures import product_token
from api.watch import PipelineStatus
from txn_platform.stores.published import Materialization
from txn_platform_tests.api.dashboard.conftest import Browser
from txn_platform_tests.api.dashboard.markup import Element, parse, table
from txn_platform_tests.api.dashboard.stand_ins import Sale, Stage, pipeline_status, stage

LAPTOP, MOUSE = "Halal Laptop", "Halal Mouse"
SALES = [
    Sale(LAPTOP, date(2023, 10, 1), Decimal("999.99"), 2),
    Sale(MOUSE, date(2023, 10, 2), Decimal("24.99"), 10, 4),
    Sale(MOUSE, date(2023, 11, 5), Decimal("24.99"), 1000, 5),
]


def page(
    browser: Browser, at: Stage, query: str = "", user: str = "ana", status: int = 200
) -> Element:
    response = browser(at, user).get(f"/{query}")
    assert response.status_code == status
    return parse(response.text)


def notices(document: Element) -> list[str]:
    levels = ("notice error", "notice warning", "notice note")
    return [found.text for level in levels for found in document.all("div", class_=level)]


def test_the_page_shows_the_figures_of_the_mart(browser: Browser) -> None:
    document = page(browser, stage(SALES), "?month=2023-10")
    assert document.one("h1").text == "October 2023"
    assert [value.text for value in document.all("dd", class_="value")] == [
        "2,249.88",
        "5 transactions",
        "12 pieces",
        "219.99",
    ]
    assert table(document, "months") == [
        ["Oct 2023", "2,249.88", "5", "12", "219.99"],
        ["Nov 2023", "24,990.00", "5", "1,000", "24.99"],
    ]
    assert table(document, "days") == [
        ["2023-10-01", "1,999.98", "1", "2", "999.99"],
        ["2023-10-02", "249.90", "4", "10", "24.99"],
    ]
    assert table(document, "products") == [
        [LAPTOP, "1,999.98", "1", "2", "999.99"],
        [MOUSE, "249.90", "4", "10", "24.99"],
    ]
    assert table(document, "reasons") == [["invalid date", "1,500"], ["missing product", "500"]]
    assert notices(document) == []


def test_a_single_month_has_a_table_and_no_trend(browser: Browser) -> None:
    document = page(browser, stage(SALES[:2]))
    assert len(table(document, "months")) == 1
    assert not document.all("figure", **{"data-table": "months"})


def test_charts_get_the_exact_amounts_of_the_tables(browser: Browser) -> None:
    document = page(browser, stage(SALES))
    cells = document.one("table", id="months").all("td")
    assert [cell.attributes["data-value"] for cell in cells[4:]] == [
        "24990.00",
        "5",
        "1000",
        "24.99",
    ]
    for figure in document.all("figure"):
        named = document.one("table", id=figure.attributes["data-table"])
        assert int(figure.attributes["data-column"]) <= len(
            named.one("tbody").all("tr")[0].all("td")
        )


def test_the_latest_month_is_compared_with_the_one_before(browser: Browser) -> None:
    document = page(browser, stage(SALES))
    changes = [found.text for found in document.all("dd", class_="change up")]
    assert changes[0] == "+22,740.12 (+1,010.7\u202f%) more than Oct 2023".replace("\u202f", " ")
    assert document.one("dd", class_="change same").text == "±0 the same as Oct 2023"
    assert document.one("dd", class_="change down").text.endswith("lower than Oct 2023")


def test_the_first_month_says_that_it_has_none_to_compare_with(browser: Browser) -> None:
    document = page(browser, stage(SALES), "?month=2023-10")
    assert [found.text for found in document.all("dd", class_="change")] == [
        "Sep 2023 had no sales"
    ] * 4


def test_the_page_says_which_materialization_it_shows(browser: Browser) -> None:
    at = datetime.now(UTC) - timedelta(minutes=12)
    response = browser(stage(SALES, at=at), "ana").get("/")
    assert response.headers["X-Materialization-Id"] == "first"
    assert datetime.fromisoformat(response.headers["X-Materialized-At"]) == at
    shown = parse(response.text).one("dl", class_="provenance").text
    for part in ("12 minutes ago", f"{at:%Y-%m-%d %H:%M} UTC", "id first", "5 of 5 passed"):
        assert part in shown


def test_a_product_is_chosen_by_name_or_by_token(browser: Browser) -> None:
    at = stage(SALES)
    for value in ("Halal+Mouse", product_token(MOUSE)):
        document = page(browser, at, f"?month=2023-10&product={value}")
        assert [row[0] for row in table(document, "products")] == [MOUSE]
        assert document.one("select", id="product").one("option", selected="").text == MOUSE


def test_a_month_without_sales_of_the_product_says_so(browser: Browser) -> None:
    at = stage(SALES)
    document = page(browser, at, "?month=2023-11&product=Halal+Laptop")
    assert "No sales of this product in November 2023." in document.text
    assert table(document, "months") == [["Oct 2023", "1,999.98", "1", "2", "999.99"]]
    file = browser(at, "ana").get("/dashboard/sales.csv?month=2023-11&product=Halal+Laptop")
    assert len(file.text.splitlines()) == 1


def test_the_forms_values_and_links_lead_back_to_what_they_name(browser: Browser) -> None:
    odd = 'Halal "A" & <B>=#'
    at = stage([Sale(odd, date(2023, 10, 1), Decimal(10), 1)])
    document = page(browser, at)
    link = document.one("table", id="products").one("a").attributes["href"]
    assert table(page(browser, at, link.removeprefix("/")), "products")[0][0] == odd
    values = [
        option.attributes["value"] for option in document.one("select", id="product").all("option")
    ]
    assert values == ["", odd]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=y>'])
def test_a_product_name_is_never_markup(browser: Browser, name: str) -> None:
    at = stage([Sale(name, date(2023, 10, 1), Decimal(10), 1)])
    response = browser(at, "ana").get("/", params={"product": name})
    assert response.status_code == 200
    assert name not in response.text
    document = parse(response.text)
    assert table(document, "products")[0][0] == name
    options = document.one("select", id="product").all("option")
    assert [option.text for option in options] == ["All products", name]


@pytest.mark.parametrize(
    "query",
    ["", "?month=2023-10", f"?product={product_token(MOUSE)}", "?product=Halal+Mouse", "?month=x"],
)
def test_no_byte_of_a_masked_page_holds_a_name(browser: Browser, query: str) -> None:
    client = browser(stage(SALES), "masked")
    for path in (f"/{query}", f"/dashboard/sales.csv{query}"):
        response = client.get(path)
        assert response.status_code in {200, 422}
        assert "Halal" not in response.text + str(response.headers)
        assert "Laptop" not in response.text


def test_a_masked_page_shows_tokens_instead(browser: Browser) -> None:
    at = stage(SALES)
    # Names were shown to somebody else before: what is kept for one must not reach the other.
    assert LAPTOP in browser(at, "ana").get("/?month=2023-10").text
    document = page(browser, at, "?month=2023-10", user="masked")
    tokens = [product_token(LAPTOP), product_token(MOUSE)]
    assert [row[0] for row in table(document, "products")] == tokens
    options = document.one("select", id="product").all("option")
    assert [option.attributes["value"] for option in options] == ["", *sorted(tokens)]


def test_whether_a_product_exists_cannot_be_found_out_by_name(browser: Browser) -> None:
    client = browser(stage(SALES), "masked")
    told, untold = (client.get(f"/?product={name}") for name in (MOUSE, "Halal Nothing"))
    assert (told.status_code, told.text) == (422, untold.text)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?month=2023-13", ["month"]),
        ("?product=Halal+Nothing", ["product"]),
        ("?month=soon&product=Halal+Nothing", ["month", "product"]),
    ],
)
def test_parameters_that_cannot_be_used_are_named_and_the_page_still_works(
    browser: Browser, query: str, names: list[str]
) -> None:
    document = page(browser, stage(SALES), query, status=422)
    assert [text.split()[1] for text in notices(document)] == names
    assert document.one("h1").text == "November 2023"
    assert "Nothing" not in document.text


def test_a_month_without_sales_says_so(browser: Browser) -> None:
    document = page(browser, stage(SALES), "?month=2024-02")
    assert document.one("h1").text == "February 2024"
    assert "No sales in February 2024." in document.text
    assert not document.all("table", id="products")
    assert document.one("nav", **{"aria-label": "Neighbouring months"}).text == "← Nov 2023"


def test_a_month_that_is_not_over_is_marked(browser: Browser) -> None:
    during = datetime(2023, 11, 20, tzinfo=UTC)
    (note,) = notices(page(browser, stage(SALES, at=during)))
    assert note.startswith("November 2023 is not over yet.")


def test_before_the_first_run_the_page_says_how_to_start_one(browser: Browser) -> None:
    at = stage([], PipelineStatus())
    at.marts.unpublished = True
    document = page(browser, at)
    (note,) = notices(document)
    assert "txn-platform run" in note
    assert "No check has run yet." in document.text


def test_an_empty_mart_is_told_from_a_missing_one(browser: Browser) -> None:
    (note,) = notices(page(browser, stage([])))
    assert note.startswith("The marts hold no sales.")


def test_while_the_warehouse_is_away_what_was_read_before_is_shown_as_stale(
    browser: Browser,
) -> None:
    at = stage(SALES)
    client = browser(at, "ana")
    client.get("/")
    at.marts.away = True
    at.watch.status = pipeline_status(Materialization("second", datetime.now(UTC)))
    response = client.get("/")
    assert (response.status_code, response.headers["X-Data-Stale"]) == (200, "true")
    assert response.headers["X-Materialization-Id"] == "first"
    (warning,) = notices(parse(response.text))
    assert warning.startswith("The warehouse does not answer; these figures may be out of date.")


def test_while_the_warehouse_is_away_and_nothing_was_read_the_page_says_what_to_do(
    browser: Browser,
) -> None:
    at = stage(SALES)
    at.marts.away = True
    response = browser(at, "ana").get("/")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    document = parse(response.text)
    assert "txn-platform doctor" in notices(document)[0]
    assert table(document, "reasons")


def test_while_postgresql_is_away_the_page_says_how_old_the_checks_are(browser: Browser) -> None:
    at = stage(SALES)
    at.watch.reachable = False
    at.watch.last_seen = datetime.now(UTC) - timedelta(minutes=3)
    (warning,) = notices(page(browser, at))
    assert warning.startswith(
        "PostgreSQL does not answer. Checks and freshness are as of 3 minutes ago"
    )
    at.watch.last_seen = None
    assert "unknown" in notices(page(browser, at))[0]


def test_failed_checks_stand_first_and_lead_to_dagster(browser: Browser) -> None:
    at = stage(SALES)
    at.watch.status = pipeline_status(at.marts.materialization, failed=["marts_agree"])
    document = page(browser, at)
    (banner,) = notices(document)
    assert banner.startswith("1 check failed. marts_agree of pg_sales.")
    first = document.all("table", class_="words")[0]
    row = first.one("tbody").all("tr")[0]
    assert row.text == "marts_agreepg_sales✕ failed error, blocking"
    assert row.one("a").attributes["href"] == "http://127.0.0.1:3000/assets/pg_sales?view=checks"
    assert "4 of 5 passed" in document.one("dl", class_="provenance").text


def test_the_mart_is_read_again_only_when_it_was_materialized_anew(browser: Browser) -> None:
    at = stage(SALES)
    client = browser(at, "ana")
    client.get("/")
    reads = at.marts.reads
    client.get("/")
    assert at.marts.reads == reads
    at.marts.materialization = Materialization("second", datetime.now(UTC))
    at.watch.status = pipeline_status(at.marts.materialization)
    assert client.get("/").headers["X-Materialization-Id"] == "second"
    assert at.marts.reads > reads


def test_a_user_without_the_scope_gets_a_page_that_says_so(browser: Browser) -> None:
    client = browser(stage(SALES), "loader")
    for path in ("/", "/dashboard/sales.csv"):
        response = client.get(path)
        assert response.status_code == 403
        document = parse(response.text)
        assert "sales:read" in document.one("main").text
        assert document.one("form", action="/logout")


def test_a_program_may_come_with_a_token(browser: Browser) -> None:
    client = browser(stage(SALES), None)
    response = client.get("/", headers={"Authorization": "Bearer masked"})
    assert "Signed in as masked" in parse(response.text).text
    assert client.get("/", headers={"Authorization": "Bearer x"}).status_code == 401


def test_the_csv_file_holds_what_the_page_shows(browser: Browser) -> None:
    response = browser(stage(SALES), "ana").get("/dashboard/sales.csv?month=2023-10")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="sales-2023-10.csv"'
    assert response.headers["X-Materialization-Id"] == "first"
    assert response.text.splitlines()[1:] == [
        "Halal Laptop,2023-10-01,1999.98,999.99,2,1",
        "Halal Mouse,2023-10-01,249.90,24.99,10,4",
    ]


def test_the_name_of_a_file_about_one_product_holds_its_token(browser: Browser) -> None:
    response = browser(stage(SALES), "ana").get("/dashboard/sales.csv?product=Halal+Mouse")
    name = f'filename="sales-2023-11-{product_token(MOUSE)}.csv"'
    assert response.headers["Content-Disposition"] == f"attachment; {name}"


@pytest.mark.parametrize(
    ("query", "status"), [("?month=x", 422), ("?product=Halal+Nothing", 422), ("", 503)]
)
def test_a_download_that_fails_says_why(browser: Browser, query: str, status: int) -> None:
    at = stage(SALES)
    at.marts.away = status == 503
    response = browser(at, "ana").get(f"/dashboard/sales.csv{query}")
    assert response.status_code == status
    assert parse(response.text).one("h1").text == "That did not work"
    assert "Content-Disposition" not in response.headers


def test_an_empty_mart_has_no_file(browser: Browser) -> None:
    assert browser(stage([]), "ana").get("/dashboard/sales.csv").status_code == 404


def test_nobody_may_keep_a_page(browser: Browser) -> None:
    for path in ("/", "/dashboard/sales.csv"):
        assert browser(stage(SALES), "ana").get(path).headers["Cache-Control"] == "no-store"
