import json
from decimal import Decimal
from email.utils import parsedate_to_datetime

import pytest

from txn_platform.stores.published import SortKey, SummaryFilter
from txn_platform_tests.api.marts.support import ConstantMarts, Observed, Pipeline, Serving, serving
from txn_platform_tests.stores.published_cases import AT, expected, some_sales


def test_rows_are_those_of_the_published_mart(api: Serving) -> None:
    answer = api.trends("limit=1000")
    assert answer.status_code == 200
    rows = json.loads(answer.content, parse_float=Decimal, parse_int=Decimal)
    assert rows == expected(some_sales(), SummaryFilter(), [])


def test_filters_and_order_reach_the_mart(api: Serving) -> None:
    answer = api.trends(
        "product_prefix=Halal&sale_month=2023-10&min_amount=12.50&max_quantity=2"
        "&min_avg_price=0.10&max_avg_price=2.25&sort=-total_amount,product"
    )
    filters = SummaryFilter(
        product_prefix="Halal",
        months=(AT.date().replace(2023, 10, 1),),
        min_amount=Decimal("12.50"),
        max_quantity=2,
        min_avg_price=Decimal("0.10"),
        max_avg_price=Decimal("2.25"),
    )
    keys = [SortKey("total_amount", descending=True), SortKey("product")]
    rows = json.loads(answer.content, parse_float=Decimal, parse_int=Decimal)
    assert rows
    assert rows == expected(some_sales(), filters, keys)


def test_a_month_has_two_names_and_any_date_in_it_names_it(api: Serving) -> None:
    whole = api.trends("sale_month=2023-10&limit=1000").json()
    assert whole
    assert {row["sale_month"] for row in whole} == {"2023-10-01"}
    for query in ("month=2023-10", "sale_month=2023-10-31", "month=2023-10-01&sale_month=2023-10"):
        assert api.trends(f"{query}&limit=1000").json() == whole
    assert api.trends("month=2023-10&sale_month=2023-11").json() == []


def test_an_answer_says_which_materialization_it_shows(api: Serving) -> None:
    headers = api.trends("limit=2&offset=2&product_prefix=Halal&sort=-product").headers
    total = len(expected(some_sales(), SummaryFilter(product_prefix="Halal"), []))
    assert headers["X-Materialization-Id"] == "first"
    assert headers["X-Materialized-At"] == "2024-02-01T12:30:15.123456Z"
    assert parsedate_to_datetime(headers["Last-Modified"]) == AT.replace(microsecond=0)
    assert headers["ETag"].startswith('"')
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Vary"] == "Authorization"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Total-Count"] == str(total)
    assert "X-Data-Stale" not in headers
    base = "</api/v1/sales/trends?product_prefix=Halal&sort=-product&limit=2&offset="
    last = (total - 1) // 2 * 2
    assert headers["Link"] == (
        f'{base}0>; rel="first", {base}0>; rel="prev", {base}4>; rel="next", '
        f'{base}{last}>; rel="last"'
    )


def test_the_unversioned_path_is_the_same_route(api: Serving, observed: Observed) -> None:
    versioned = api.trends("limit=5")
    alias = api.get("/sales/trends", "limit=5")
    assert alias.content == versioned.content
    assert alias.headers["ETag"] == versioned.headers["ETag"]
    assert observed.calls == 1


def test_following_next_shows_every_row_exactly_once(api: Serving) -> None:
    path, query, seen = "/api/v1/sales/trends", "limit=7&sort=-total_amount", []
    while True:
        answer = api.get(path, query)
        seen += answer.json()
        following = answer.links.get("next")
        if following is None:
            break
        path, _, query = following["url"].partition("?")
    whole = api.trends("limit=1000&sort=-total_amount").json()
    assert seen == whole
    assert len(whole) > 7


def test_a_page_beyond_the_end_is_empty_and_leads_back(api: Serving) -> None:
    answer = api.trends("limit=10&offset=1000000")
    assert answer.json() == []
    back = answer.links["prev"]["url"]
    assert api.client.get(back, headers={"Authorization": "Bearer reader"}).json()
    assert "next" not in answer.links


def test_head_answers_like_get_without_the_body(api: Serving) -> None:
    got = api.trends("limit=3")
    for _ in range(2):
        head = api.client.head(
            "/api/v1/sales/trends?limit=3", headers={"Authorization": "Bearer reader"}
        )
        assert head.status_code == 200
        assert head.content == b""
        assert dict(head.headers) == dict(got.headers)


def test_another_method_is_refused_with_what_is_accepted(api: Serving) -> None:
    answer = api.client.post("/api/v1/sales/trends")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/api/v1/sales/trends", "/sales/trends"])
def test_who_may_not_read_gets_nothing_even_from_the_cache(api: Serving, path: str) -> None:
    assert api.get(path).status_code == 200
    nobody = api.client.get(path, headers={"Authorization": "Bearer nobody"})
    assert nobody.status_code == 403
    assert 'scope="sales:read"' in nobody.headers["WWW-Authenticate"]
    stranger = api.client.get(path)
    assert stranger.status_code == 401
    assert stranger.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("place", ["unused_url", "api_url"])
def test_before_the_first_run_there_is_an_empty_page(
    request: pytest.FixtureRequest, place: str
) -> None:
    observed = Observed(ConstantMarts())
    with serving(request.getfixturevalue(place), observed) as api:
        answer = api.trends()
        assert (answer.status_code, answer.json()) == (200, [])
        assert answer.headers["X-Total-Count"] == "0"
        assert not {"ETag", "X-Materialization-Id", "Last-Modified"} & set(answer.headers)
        assert observed.calls == 0


def test_an_adapter_that_blocks_is_asked_in_a_thread(api_url: str, pipeline: Pipeline) -> None:
    pipeline.publish("summary_sales", "constant", AT)
    observed = Observed(ConstantMarts(), blocking=True)
    with serving(api_url, observed) as api:
        api.sees("summary_sales", "constant")
        assert api.trends().json() == [{"product": "Halal"}]
        assert api.states[-1]["bytes_processed"] == 77
        assert api.states[-1]["result_count"] == 1
        assert api.states[-1]["cache"] == "miss"


def test_a_configured_rate_limit_counts_remembered_answers_too(
    api_url: str, observed: Observed
) -> None:
    with serving(api_url, observed, limits=frozenset({"reads"})) as api:
        api.sees("summary_sales", "first")
        for _ in range(3):
            api.trends()
        assert api.limiter.checked == [("reads", "user:reader")] * 3
