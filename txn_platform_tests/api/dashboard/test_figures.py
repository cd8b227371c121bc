from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from api.dashboard.figures import (
    ago,
    following_month,
    money,
    percentage,
    preceding_month,
    product_token,
    signed,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("1234567.8", "1,234,567.80"),
        ("0.005", "0.01"),
        ("0.004999999", "0.00"),
        ("9" * 29 + ".994", "99," + ",".join(["999"] * 9) + ".99"),
    ],
)
def test_money_has_two_decimals_and_thousands_separators_however_large(
    amount: str, text: str
) -> None:
    assert money(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(3, "+3"), (-1234, "\u22121,234"), (0, "±0"), (Decimal("-0.5"), "\u22120.50")],
)
def test_a_difference_carries_its_sign(number: int | Decimal, text: str) -> None:
    assert signed(number) == text


@pytest.mark.parametrize(
    ("change", "of", "text"),
    [
        (5, 100, "+5.0"),
        (-1, 3, "\u221233.3"),
        (1, 100_000, "±0.0"),
        (Decimal(30), Decimal(2), "+1,500.0"),
    ],
)
def test_a_percentage_has_one_decimal_and_a_sign(
    change: int | Decimal, of: int | Decimal, text: str
) -> None:
    assert percentage(change, of) == f"{text}\u202f%"


def test_there_is_no_percentage_of_nothing() -> None:
    assert percentage(5, 0) is None


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "a minute ago"),
        (timedelta(minutes=12, seconds=40), "12 minutes ago"),
        (timedelta(minutes=119), "119 minutes ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(days=30), "30 days ago"),
    ],
)
def test_an_age_is_told_in_words(passed: timedelta, text: str) -> None:
    assert ago(NOW - passed, NOW) == text


def test_months_follow_each_other_across_years() -> None:
    assert following_month(date(2023, 12, 1)) == date(2024, 1, 1)
    assert following_month(date(2024, 1, 1)) == date(2024, 2, 1)
    assert preceding_month(date(2024, 1, 1)) == date(2023, 12, 1)


def test_a_product_token_is_the_beginning_of_its_sha_256() -> None:
    expected = sha256("Halal Çay Set".encode()).hexdigest()
    assert product_token("Halal Çay Set") == expected[:8]
