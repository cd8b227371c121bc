import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.stores.published import QueryTooExpensiveError
from txn_platform_tests.api.marts.support import (
    Observed,
    Pipeline,
    Serving,
    eventually,
    serving,
)
from txn_platform_tests.stores.published_cases import AT, PublishedCase, some_sales

LATER = AT + timedelta(hours=1)


def test_a_repeated_query_costs_no_call_of_the_store(api: Serving, observed: Observed) -> None:
    first = api.trends("limit=5")
    again = api.trends("limit=5")
    assert observed.calls == 1
    assert again.content == first.content
    assert dict(again.headers) == dict(first.headers)
    assert [state["cache"] for state in api.states[-2:]] == ["miss", "hit"]
    assert api.states[-1]["result_count"] == 5


@pytest.mark.parametrize(
    "same",
    [
        "offset=0&limit=5&min_amount=10.5&product_prefix=Halal+Z",
        "min_amount=10.5&product_prefix=Halal%20Z&limit=5",
        "product_prefix=%48alal+Z&limit=005&min_amount=0010.500",
    ],
)
def test_another_spelling_of_a_query_is_the_same_query(
    api: Serving, observed: Observed, same: str
) -> None:
    first = api.trends("product_prefix=Halal Z&min_amount=10.50&limit=5")
    assert api.trends(same).headers["ETag"] == first.headers["ETag"]
    assert observed.calls == 1


def test_another_query_is_another_answer(api: Serving, observed: Observed) -> None:
    assert len(api.trends("limit=1").json()) == 1
    assert len(api.trends("limit=2").json()) == 2
    assert api.trends("limit=2&sort=-product").json() != api.trends("limit=2").json()
    assert observed.calls == 3


def test_a_new_materialization_is_visible_without_a_restart(
    api: Serving, published: PublishedCase, pipeline: Pipeline
) -> None:
    before = api.trends("limit=1000")
    published.publish(some_sales(seed=8), [], "second", LATER)
    pipeline.publish("summary_sales", "second", LATER)
    api.sees("summary_sales", "second")
    after = api.trends("limit=1000")
    assert after.headers["X-Materialization-Id"] == "second"
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.json() != before.json()


def test_the_same_rows_of_a_new_materialization_have_a_new_entity_tag(
    api: Serving, published: PublishedCase, pipeline: Pipeline
) -> None:
    before = api.trends()
    published.publish(some_sales(), [], "second", LATER)
    pipeline.publish("summary_sales", "second", LATER)
    api.sees("summary_sales", "second")
    after = api.trends()
    assert after.content == before.content
    assert after.headers["ETag"] != before.headers["ETag"]


def test_another_mart_leaves_answers_fresh(
    api: Serving, pipeline: Pipeline, observed: Observed
) -> None:
    api.trends()
    pipeline.publish("pg_sales", "another", LATER)
    api.sees("pg_sales", "another")
    api.trends()
    assert observed.calls == 1


def test_rows_published_ahead_of_their_marker_are_shown(
    api: Serving, published: PublishedCase
) -> None:
    published.publish(some_sales(), [], "second", LATER)
    for _ in range(2):
        answer = api.trends()
        assert answer.headers["X-Materialization-Id"] == "second"
        assert "X-Data-Stale" not in answer.headers


def test_a_run_whose_clock_is_behind_still_replaces_what_is_remembered(
    api: Serving, published: PublishedCase, pipeline: Pipeline
) -> None:
    api.trends()
    earlier = AT - timedelta(hours=1)
    published.publish(some_sales(seed=8), [], "second", earlier)
    pipeline.publish("summary_sales", "second", earlier)
    api.sees("summary_sales", "second")
    assert api.trends().headers["X-Materialization-Id"] == "second"
    eventually(lambda: api.trends().status_code == 200 and api.states[-1]["cache"] == "hit")


def test_many_who_ask_at_once_share_one_query(api_url: str, observed: Observed) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def pause() -> None:
        begun.set()
        assert go_on.wait(20)

    observed.blocking, observed.pause = True, pause
    with serving(api_url, observed) as api, ThreadPoolExecutor(32) as clients:
        api.sees("summary_sales", "first")
        first = clients.submit(api.trends, "limit=9")
        assert begun.wait(20)
        others = [clients.submit(api.trends, "limit=9&offset=0") for _ in range(31)]
        # From there to the store each goes without giving way to another.
        eventually(lambda: api.auth.asked == 32)
        go_on.set()
        answers = [client.result() for client in (first, *others)]
    assert observed.calls == 1
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_a_failed_query_fails_all_who_share_it_and_the_next_one_asks_again(
    api: Serving, observed: Observed
) -> None:
    observed.failure = TransientStoreError("away")
    assert api.trends().status_code == 503
    observed.failure = None
    assert api.trends().status_code == 200
    assert observed.calls == 2


def test_without_room_for_answers_each_query_asks_the_store(
    api_url: str, observed: Observed
) -> None:
    with serving(api_url, observed, cache_bytes=0) as api:
        api.sees("summary_sales", "first")
        first = api.trends()
        again = api.trends()
        assert again.content == first.content
        assert observed.calls == 2
        unchanged = api.trends(**{"If-None-Match": first.headers["ETag"]})
        assert unchanged.status_code == 304


def test_the_cache_keeps_within_its_bytes_and_drops_what_was_not_used(
    api_url: str, observed: Observed
) -> None:
    room = 64 * 1024
    with serving(api_url, observed, cache_bytes=room) as api:
        api.sees("summary_sales", "first")
        for offset in range(100):
            api.trends(f"offset={offset}")
            api.trends("limit=1")
            assert api.results.size_bytes <= room
        assert observed.calls == 101
        api.trends("offset=0")
        assert observed.calls == 102


def test_a_store_that_failed_is_left_alone_for_a_while_where_an_older_answer_stands_in(
    api: Serving, observed: Observed, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.trends("limit=3")
    observed.failure = TransientStoreError("away")
    pipeline.publish("summary_sales", "second", LATER)
    api.sees("summary_sales", "second")
    for _ in range(5):
        assert api.trends("limit=3").headers["X-Data-Stale"] == "true"
    assert observed.calls == 2
    monkeypatch.setattr("api.marts.cache.AWAY_SECONDS", 0)
    api.results.note_away("summary_sales")
    observed.failure = None
    assert "X-Data-Stale" not in api.trends("limit=3").headers
    assert observed.calls == 3


def test_a_store_that_takes_long_is_not_waited_for_where_an_older_answer_stands_in(
    api: Serving,
    observed: Observed,
    published: PublishedCase,
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.marts.serving.PATIENCE_SECONDS", 0.05)
    held, go_on = api.trends("limit=3"), threading.Event()
    observed.blocking, observed.pause = True, lambda: go_on.wait(20)
    published.publish(some_sales(), [], "second", LATER)
    pipeline.publish("summary_sales", "second", LATER)
    api.sees("summary_sales", "second")
    stale = api.trends("limit=3")
    assert stale.headers["X-Data-Stale"] == "true"
    assert stale.content == held.content
    go_on.set()
    eventually(lambda: "X-Data-Stale" not in api.trends("limit=3").headers)
    assert api.trends("limit=3").headers["X-Materialization-Id"] == "second"
    assert observed.calls == 2


@pytest.mark.parametrize("failure", [StoreError("x"), TransientStoreError("x")])
def test_while_the_warehouse_is_away_older_answers_are_served_and_marked_stale(
    api: Serving, observed: Observed, pipeline: Pipeline, failure: Exception
) -> None:
    held = api.trends("limit=3")
    observed.failure = failure
    pipeline.publish("summary_sales", "second", LATER)
    api.sees("summary_sales", "second")
    stale = api.trends("limit=3")
    assert (stale.status_code, stale.content) == (200, held.content)
    assert stale.headers["X-Data-Stale"] == "true"
    assert stale.headers["Warning"] == '110 - "Response is Stale"'
    assert stale.headers["X-Materialization-Id"] == "first"
    assert api.states[-1]["cache"] == "stale"
    away = api.trends("limit=4")
    assert away.status_code == 503
    assert int(away.headers["Retry-After"]) > 0
    assert away.headers["Content-Type"] == "application/problem+json"
    assert "warehouse" in away.json()["detail"]


def test_a_query_that_costs_too_much_is_refused(api: Serving, observed: Observed) -> None:
    observed.failure = QueryTooExpensiveError("would be billed")
    answer = api.trends()
    assert answer.status_code == 503
    assert "bill" in answer.json()["detail"]


def test_while_postgres_is_away_answers_are_marked_stale_and_the_warehouse_still_serves(
    pipeline: Pipeline, published: PublishedCase, observed: Observed, api_url: str
) -> None:
    del published
    with serving(api_url, observed) as api:
        api.sees("summary_sales", "first")
        held = api.trends("limit=3")
        _shut(pipeline, out=True)
        api.loses_postgres()
        stale = api.trends("limit=3")
        assert stale.content == held.content
        assert stale.headers["X-Data-Stale"] == "true"
        assert observed.calls == 1
        other = api.trends("limit=4")
        assert other.status_code == 200
        assert len(other.json()) == 4
        assert "X-Data-Stale" not in other.headers
        assert other.headers["X-Materialization-Id"] == "first"
        assert api.pg_trends().status_code == 503
        _shut(pipeline, out=False)
        eventually(lambda: api.watch.reachable)
        assert "X-Data-Stale" not in api.trends("limit=3").headers
        assert observed.calls == 2


def _shut(pipeline: Pipeline, *, out: bool) -> None:
    """Keep the API's role out of the server, and end what it has open; or let it in again."""
    pipeline.execute(f"ALTER ROLE txn_api {'NOLOGIN' if out else 'LOGIN'}")
    if out:
        pipeline.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'txn_api' AND datname = current_database()"
        )
