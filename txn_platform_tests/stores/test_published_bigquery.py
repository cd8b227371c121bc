"""What the published BigQuery tables promise beyond the contract of all published marts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
import requests

from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.stores.published import (
    PublishedMarts,
    QueryTooExpensiveError,
    SortKey,
    SummaryFilter,
)
from txn_platform.stores.published_bigquery import BigQueryPublishedMarts
from txn_platform_tests.stores.emulators import CloudEmulators
from txn_platform_tests.stores.faults import FaultySession, answers, loses_the_answer, refuses
from txn_platform_tests.stores.published_cases import (
    FIRST,
    MONTHS,
    PublishedCase,
    published_bigquery,
    some_sales,
)

EVERYTHING = SummaryFilter()
QUERIES = r"/projects/[\w-]+/queries\?"
SALES = some_sales()


@dataclass(frozen=True)
class Faulty:
    """Published marts over a session that can break, and the case that publishes them."""

    marts: PublishedMarts
    session: FaultySession
    case: PublishedCase

    def sent(self) -> list[dict[str, Any]]:
        """The queries, also those that were answered by a fault."""
        return self.session.bodies("POST", QUERIES)

    def values(self) -> dict[str, str | None]:
        """The parameters of the last query."""
        given = self.sent()[-1]["queryParameters"]
        return {given["name"]: given["parameterValue"]["value"] for given in given}


@pytest.fixture
def faulty(request: pytest.FixtureRequest, cloud_emulators: CloudEmulators) -> Iterator[Faulty]:
    session = FaultySession()
    with published_bigquery(request) as case:
        case.publish_sales(SALES)
        assert isinstance(case.marts, BigQueryPublishedMarts)
        client = cloud_emulators.bigquery_client(session)
        yield Faulty(replace(case.marts, client=client), session, case)


READS: list[Callable[[PublishedMarts], object]] = [
    lambda marts: marts.summary(EVERYTHING, [], 10, 0),
    lambda marts: marts.months(None),
    lambda marts: marts.products(MONTHS[0]),
    lambda marts: marts.days(MONTHS[0], None),
]


@pytest.mark.parametrize("read", READS)
def test_every_read_is_one_bounded_labelled_query(
    faulty: Faulty, read: Callable[[PublishedMarts], object]
) -> None:
    read(faulty.marts)
    [query] = faulty.sent()
    assert len(faulty.session.sent) == 1
    assert query["maximumBytesBilled"] == "1000000000"
    assert query["jobTimeoutMs"] == "10000"
    assert query["labels"]["app"] == "txn-platform"
    assert query["labels"]["operation"].startswith("published_")
    assert query.get("useQueryCache", True)


def test_what_a_reader_asks_for_is_bound_and_never_part_of_the_statement(faulty: Faulty) -> None:
    marts = faulty.marts
    marts.summary(SummaryFilter(product_prefix="mine' OR"), [SortKey("avg_price")], 17, 23)
    marts.days(MONTHS[0], "mine' OR")
    marts.summary(EVERYTHING, [SortKey("avg_price")], 10, 0)
    page, days, other = (query["query"] for query in faulty.sent())
    assert "mine" not in page + days
    assert page == other


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("Halal", "Halam"),
        ("100%", "100&"),
        ("a\ud7ff", "a\ue000"),
        ("a\U0010ffff\U0010ffff", "b"),
        ("\U0010ffff", None),
        (None, None),
    ],
)
def test_a_prefix_is_a_range_of_text(faulty: Faulty, prefix: str | None, end: str | None) -> None:
    faulty.marts.summary(SummaryFilter(product_prefix=prefix), [], 1, 0)
    assert faulty.values()["prefix"] == (prefix or "")
    assert faulty.values()["prefix_end"] == end


@pytest.mark.parametrize(
    ("bound", "lowest", "highest"),
    [
        ("12.5", "12.5", "12.5"),
        ("0.1234567891", "0.123456790", "0.123456789"),
        ("-1e99", "-99999999999999999999999999999.999999999", None),
        ("1e99", "99999999999999999999999999999.999999999", None),
        ("1e-99", "0.000000001", "0"),
    ],
)
def test_bounds_that_are_no_numeric_select_as_if_they_were(
    faulty: Faulty, bound: str, lowest: str, highest: str | None
) -> None:
    amount = Decimal(bound)
    faulty.marts.summary(SummaryFilter(min_amount=amount, max_avg_price=amount), [], 1, 0)
    values = faulty.values()
    assert Decimal(values["min_amount"] or "") == Decimal(lowest)
    assert Decimal(values["max_avg_price"] or "") == Decimal(highest or lowest)


def test_what_was_processed_is_reported(faulty: Faulty) -> None:
    def counts(
        request: requests.PreparedRequest, send: Callable[[], requests.Response]
    ) -> requests.Response:
        return answers({**send().json(), "totalBytesProcessed": "4711"})(request, send)

    faulty.session.breaks("POST", QUERIES, counts, times=2)  # the emulator counts no bytes
    assert faulty.marts.summary(EVERYTHING, [], 10, 0).bytes_processed == 4711
    assert faulty.marts.months(None).bytes_processed == 4711


def test_a_query_that_is_too_expensive_is_refused_and_not_tried_again(faulty: Faulty) -> None:
    refusal = "Query exceeded limit for bytes billed: 1000000000. 20004857600 or higher required."
    faulty.session.breaks("POST", QUERIES, refuses(500, "bytesBilledLimitExceeded", refusal))
    with pytest.raises(QueryTooExpensiveError, match="20,004,857,600 bytes") as caught:
        faulty.marts.summary(EVERYTHING, [], 10, 0)
    assert not caught.value.transient
    assert "api.maximum_bytes_billed (now 1,000,000,000)" in caught.value.remedy
    assert len(faulty.sent()) == 1


def test_a_read_that_fails_for_a_moment_is_tried_once_more(faulty: Faulty) -> None:
    faulty.session.breaks("POST", QUERIES, loses_the_answer())
    page = faulty.marts.summary(EVERYTHING, [], 10, 0)
    assert (page.total, page.materialization) == (len(SALES), FIRST)
    assert len(faulty.sent()) == 2


def test_a_store_that_stays_away_is_a_transient_error_after_two_attempts(faulty: Faulty) -> None:
    faulty.session.breaks("POST", QUERIES, refuses(503, "backendError"), times=9)
    with pytest.raises(TransientStoreError):
        faulty.marts.months(None)
    assert len(faulty.sent()) == 2


def test_a_missing_permission_is_an_error_that_names_the_roles(faulty: Faulty) -> None:
    faulty.session.breaks("POST", QUERIES, refuses(403, "accessDenied", "user mia@example.com"))
    with pytest.raises(StoreError, match=r"roles/bigquery\.dataViewer") as caught:
        faulty.marts.months(None)
    assert not caught.value.transient
    assert "mia" not in str(caught.value)


def test_a_table_that_is_filled_while_an_empty_one_is_read_is_read_again(faulty: Faulty) -> None:
    faulty.case.publish_sales([])

    def publishes(_: object, send: Callable[[], requests.Response]) -> requests.Response:
        answer = send()
        faulty.case.publish_sales(SALES, "second")
        return answer

    faulty.session.breaks("POST", QUERIES, publishes)
    page = faulty.marts.summary(EVERYTHING, [], 10, 0)
    assert page.total == len(SALES)
    assert page.materialization.materialization_id == "second"
