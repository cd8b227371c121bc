from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from api.marts.conditional import is_unchanged
from txn_platform_tests.api.marts.support import Observed, Serving, serving
from txn_platform_tests.stores.published_cases import AT

TAG = b'"abc"'
AT_SECONDS = int(AT.timestamp())


def http_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)


@pytest.mark.parametrize(
    "value",
    [b'"abc"', b'W/"abc"', b"*", b" * ", b'"x", "abc"', b'"x",W/"abc" , "y"', b'"a,b", "abc"'],
)
def test_a_tag_that_the_client_has_means_unchanged(value: bytes) -> None:
    assert is_unchanged([(b"if-none-match", value)], TAG, AT_SECONDS)


def test_tags_may_come_in_several_fields() -> None:
    fields = [(b"if-none-match", b'"x"'), (b"if-none-match", b'"abc"')]
    assert is_unchanged(fields, TAG, AT_SECONDS)


@pytest.mark.parametrize("value", [b'"abd"', b"abc", b'"ab', b"", b'"x, abc"', b'"*"', b"\xff\xfe"])
def test_other_tags_mean_changed(value: bytes) -> None:
    assert not is_unchanged([(b"if-none-match", value)], TAG, AT_SECONDS)


@pytest.mark.parametrize(
    ("seconds", "unchanged"), [(-1, False), (0, True), (1, True), (86_400, True)]
)
def test_a_date_is_compared_in_whole_seconds(seconds: int, unchanged: bool) -> None:
    since = http_date(AT + timedelta(seconds=seconds)).encode()
    assert is_unchanged([(b"if-modified-since", since)], TAG, AT_SECONDS) is unchanged


@pytest.mark.parametrize(
    "value", [b"", b"yesterday", b"99", b"\xff", b"Sat, 01 Jan 12023 00:00:00 GMT"]
)
def test_a_date_that_can_not_be_read_is_ignored(value: bytes) -> None:
    assert not is_unchanged([(b"if-modified-since", value)], TAG, AT_SECONDS)


def test_the_tag_decides_where_both_are_given() -> None:
    date = (b"if-modified-since", http_date(AT).encode())
    assert not is_unchanged([date, (b"if-none-match", b'"other"')], TAG, AT_SECONDS)
    assert is_unchanged([(b"if-modified-since", b"x"), (b"if-none-match", TAG)], TAG, AT_SECONDS)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_unchanged_answer_is_304_with_the_same_headers_and_no_body(
    api: Serving, observed: Observed, method: str
) -> None:
    full = api.trends("limit=2")
    for condition in (
        {"If-None-Match": full.headers["ETag"]},
        {"If-None-Match": f'"other", W/{full.headers["ETag"]}'},
        {"If-Modified-Since": full.headers["Last-Modified"]},
    ):
        headers = {"Authorization": "Bearer reader", **condition}
        unchanged = api.client.request(method, "/api/v1/sales/trends?limit=2", headers=headers)
        assert unchanged.status_code == 304
        assert unchanged.content == b""
        expected = dict(full.headers)
        del expected["content-type"], expected["content-length"]
        assert dict(unchanged.headers) == expected
        assert api.states[-1]["cache"] == "revalidated"
    assert observed.calls == 1


def test_a_tag_from_one_replica_is_good_at_another(
    api: Serving, api_url: str, observed: Observed
) -> None:
    tag = api.trends("limit=2").headers["ETag"]
    with serving(api_url, observed) as replica:
        replica.sees("summary_sales", "first")
        answer = replica.trends("limit=2", **{"If-None-Match": tag})
        assert answer.status_code == 304
        assert replica.states[-1]["cache"] == "miss"


def test_a_changed_condition_gets_the_rows(api: Serving) -> None:
    headers = {"If-None-Match": '"other"', "If-Modified-Since": http_date(AT)}
    answer = api.trends("limit=2", **headers)
    assert answer.status_code == 200
    assert len(answer.json()) == 2
