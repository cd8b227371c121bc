from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from txn_platform.ingest.contract import Transaction, ineligibility, parse_row
from txn_platform_tests.ingest.support import RULES

GOOD = {
    "transaction_id": "T1",
    "product": "Halal Laptop",
    "price": "999.99",
    "quantity": "2",
    "date": "2023-10-01",
}


def _reason(**changes: str) -> str | None:
    row = parse_row(GOOD | changes, RULES)
    return None if isinstance(row, Transaction) else row.value


def test_a_good_row_becomes_typed_values() -> None:
    assert parse_row(GOOD, RULES) == Transaction.model_construct(
        transaction_id="T1",
        product="Halal Laptop",
        price=Decimal("999.99"),
        quantity=2,
        date=date(2023, 10, 1),
    )


@pytest.mark.parametrize(
    "price",
    ["1e3", "1_000", "1,000", "NaN", "inf", "Infinity", "٣", "¹", "5.", ".5", "", "+", "--5",
     "0x10", "1 000", "1.2345678", "1" * 13, "5.0000001", "1.5\n", "$5", "5\0"],
)  # fmt: skip
def test_a_price_that_is_not_plain_decimal_notation_is_rejected(price: str) -> None:
    assert _reason(price=price) == ("missing_price" if not price else "invalid_price")


@pytest.mark.parametrize("price", ["5", "+5", "-5", "007", "0.000001", "9" * 12 + "." + "9" * 6])
def test_a_price_in_plain_decimal_notation_is_read_to_the_last_digit(price: str) -> None:
    row = parse_row(GOOD | {"price": price}, RULES)
    assert isinstance(row, Transaction)
    assert row.price == Decimal(price)


@pytest.mark.parametrize(
    "quantity", ["5.0", "1_000", "1e3", "٣", "2147483648", "-2147483649", "+", "0x1", "9" * 5000]
)
def test_a_quantity_that_is_not_a_plain_integer_of_32_bits_is_rejected(quantity: str) -> None:
    assert _reason(quantity=quantity) == "invalid_quantity"


@pytest.mark.parametrize(
    ("text", "value"),
    [("2147483647", 2**31 - 1), ("-2147483648", -(2**31)), ("+5", 5), ("-0", 0), ("0" * 5000, 0)],
)
def test_a_quantity_of_32_bits_is_read_with_sign_and_leading_zeros(text: str, value: int) -> None:
    row = parse_row(GOOD | {"quantity": text}, RULES)
    assert isinstance(row, Transaction)
    assert row.quantity == value


@pytest.mark.parametrize(
    "day",
    ["2024-02-30", "2023-13-01", "0000-01-01", "2023-1-1", "20231001", "2023-10-01T00:00:00",
     "1696118400", "2023-W40-1", "٢٠٢٣-10-01", "2023/10/01", "10000-01-01"],
)  # fmt: skip
def test_a_date_that_is_not_a_calendar_date_is_rejected(day: str) -> None:
    assert _reason(date=day) == "invalid_date"


def test_a_date_before_the_first_partition_or_after_today_is_out_of_range() -> None:
    assert _reason(date="2023-09-30") == "date_out_of_range"
    assert _reason(date="2024-07-01") == "date_out_of_range"
    assert _reason(date="2024-06-30") is None


def test_the_end_of_the_partitions_is_itself_out_of_range() -> None:
    rules = replace(RULES, end=date(2023, 10, 3))
    assert parse_row(GOOD | {"date": "2023-10-03"}, rules) == "date_out_of_range"
    assert isinstance(parse_row(GOOD | {"date": "2023-10-02"}, rules), Transaction)


def test_lengths_count_characters_not_bytes() -> None:
    assert _reason(transaction_id="é" * 128) is None
    assert _reason(transaction_id="é" * 129) == "value_too_long"
    assert _reason(product="é" * 256) is None
    assert _reason(product="é" * 257) == "value_too_long"


def test_the_first_reason_that_applies_is_given() -> None:
    everything = {"price": "x", "quantity": "x", "date": "x"}
    assert _reason(**everything, transaction_id="x" * 129) == "value_too_long"
    assert _reason(**everything) == "invalid_price"
    assert _reason(quantity="x", date="x") == "invalid_quantity"
    assert _reason(**everything, product="") == "missing_product"


def test_missing_fields_are_looked_for_in_the_order_of_the_configuration() -> None:
    rules = replace(RULES, required_fields=("date", "product"))
    empty = dict.fromkeys(GOOD, "")
    assert parse_row(empty, rules) == "missing_date"
    assert parse_row(empty | {"date": "2023-10-01"}, rules) == "missing_product"
    assert parse_row(GOOD | {"price": ""}, rules) == "invalid_price"
    assert isinstance(parse_row(GOOD | {"transaction_id": ""}, rules), Transaction)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"product": "halal"}, "product_prefix"),
        ({"product": "x", "price": "1", "quantity": "0"}, "product_prefix"),
        ({"price": "9.99"}, "price_too_low"),
        ({"price": "9.999"}, "price_too_low"),
        ({"price": "10"}, None),
        ({"price": "10.500000"}, None),
        ({"price": "10.505"}, "price_decimals"),
        ({"price": "10.505", "quantity": "0"}, "price_decimals"),
        ({"quantity": "0"}, "quantity_out_of_range"),
        ({"quantity": "101"}, "quantity_out_of_range"),
        ({"quantity": "100"}, None),
    ],
)
def test_a_row_is_kept_out_of_the_marts_for_the_first_business_rule_it_breaks(
    changes: dict[str, str], reason: str | None
) -> None:
    row = parse_row(GOOD | changes, RULES)
    assert isinstance(row, Transaction)
    assert ineligibility(row, RULES) == reason


def test_a_free_product_is_not_eligible_even_where_no_price_is_too_low() -> None:
    row = parse_row(GOOD | {"price": "0"}, RULES)
    assert isinstance(row, Transaction)
    assert ineligibility(row, replace(RULES, min_price=Decimal(0))) == "price_too_low"
