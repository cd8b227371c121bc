from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from txn_platform.errors import ConfigurationError
from txn_platform.ingest.contract import Transaction, ineligibility, parse_row
from txn_platform.ingest.rules import (
    IngestRules,
    business_reason,
    eligible_expr,
    schema_reason,
    typed_columns,
)
from txn_platform.settings import load_settings
from txn_platform_tests.ingest.support import GOOD, RULES, accepted_rows, csv_bytes, stage_bytes

PRICES = ["", "10", "9.999999", "10.00", "10.001", "10.010000", "+10", "-10", "0", "-0", "1e3",
          "1_000", "5.", ".5", "NaN", "٣", "9" * 12, "9" * 13, "0.0000001"]  # fmt: skip
QUANTITIES = ["", "0", "1", "100", "101", "-1", "+1", "001", "5.0", "2147483647", "2147483648",
              "-2147483649", "9" * 30, "0" * 30 + "7", "٣"]  # fmt: skip
DATES = ["", "2023-10-01", "2023-09-30", "2024-06-30", "2024-07-01", "2024-02-30", "0000-01-01",
         "9999-12-31", "2023-1-01", "20231001", "2023-10-01Z"]  # fmt: skip


def _judged(rows: list[dict[str, str]], rules: IngestRules) -> list[str | None]:
    frame = pl.DataFrame(rows).with_columns(typed_columns())
    return frame.select(reason=schema_reason(rules))["reason"].to_list()


@pytest.mark.parametrize(
    "rules",
    [
        RULES,
        replace(RULES, end=date(2024, 1, 1)),
        replace(RULES, required_fields=("date", "price"), earliest=date(1, 1, 1)),
        replace(RULES, required_fields=()),
    ],
)
def test_the_expressions_give_the_reasons_of_the_row_contract(rules: IngestRules) -> None:
    rows = [
        {"transaction_id": i, "product": p, "price": price, "quantity": quantity, "date": day}
        for (i, p), price, quantity, day in product(
            [("T1", "Halal"), ("", "Halal"), ("T1", ""), ("é" * 129, "x"), ("T1", "é" * 257)],
            PRICES[::3],
            QUANTITIES[::3],
            DATES[::2],
        )
    ]
    rows += [rows[0] | {"price": price} for price in PRICES]
    rows += [rows[0] | {"price": "10", "quantity": quantity} for quantity in QUANTITIES]
    rows += [rows[0] | {"price": "10", "quantity": "1", "date": day} for day in DATES]
    parsed = [parse_row(row, rules) for row in rows]
    expected = [None if isinstance(row, Transaction) else row.value for row in parsed]
    assert _judged(rows, rules) == expected


@pytest.mark.parametrize("max_decimals", range(7))
def test_eligibility_of_typed_columns_is_that_of_the_row_contract(max_decimals: int) -> None:
    rules = replace(RULES, max_decimals=max_decimals, max_quantity=2**31 - 1)
    rows = [
        Transaction.model_construct(
            transaction_id="", product=name, price=Decimal(price), quantity=quantity, date=None
        )
        for name, price, quantity in product(
            ["Halal", "Halal Laptop", "halal", "", "Hala"],
            ["10", "9.999999", "10.5", "10.12", "10.123", "10.123456", "-10", "0", "999999999999"],
            [0, 1, 2**31 - 1, -5],
        )
    ]
    frame = pl.DataFrame(
        {
            "product": [row.product for row in rows],
            "price": pl.Series([row.price for row in rows], dtype=pl.Decimal(18, 6)),
            "quantity": [row.quantity for row in rows],
        }
    )
    expected = [ineligibility(row, rules) for row in rows]
    assert frame.select(reason=business_reason(rules))["reason"].to_list() == expected
    eligible = frame.select(eligible=eligible_expr(rules))["eligible"].to_list()
    assert eligible == [reason is None for reason in expected]


def test_the_highest_minimum_price_of_a_configuration_makes_every_row_ineligible() -> None:
    rules = replace(RULES, min_price=Decimal(10) ** 12)
    frame = pl.DataFrame(
        {
            "product": ["Halal"],
            "price": pl.Series([Decimal("999999999999.999999")], dtype=pl.Decimal(18, 6)),
            "quantity": [1],
        }
    )
    assert frame.select(business_reason(rules)).item() == "price_too_low"


def test_eligibility_can_be_asked_of_a_parquet_file_of_the_lake(tmp_path: Path) -> None:
    batch = stage_bytes(csv_bytes(GOOD, "T2,Monitor,999.99,2,2023-10-01"), tmp_path)
    eligible = accepted_rows(batch).filter(eligible_expr(RULES))
    assert eligible["product"].to_list() == ["Halal Laptop"]


def test_the_rules_come_from_the_settings() -> None:
    settings = load_settings(environ={"PII_HASH_KEY": "schlüssel"})
    rules = IngestRules.from_settings(settings, date(2026, 1, 2))
    config = settings.config
    assert rules.required_fields == config.ingestion.validation.required_fields
    assert rules.min_price == config.ingestion.validation.min_price
    assert rules.earliest == config.orchestration.partitions_start
    assert rules.end == config.orchestration.partitions_end
    assert rules.today == date(2026, 1, 2)
    assert rules.pii_hash_key == "schlüssel".encode()
    assert IngestRules.from_settings(load_settings(environ={}), rules.today).pii_hash_key is None


def test_a_key_that_is_not_text_is_refused_without_showing_it() -> None:
    settings = load_settings(environ={"PII_HASH_KEY": "geheim\udcff"})
    with pytest.raises(ConfigurationError, match="PII_HASH_KEY") as caught:
        IngestRules.from_settings(settings, date(2026, 1, 2))
    assert "geheim" not in str(caught.value)


def test_the_key_is_not_part_of_the_rules_text() -> None:
    assert "geheim" not in repr(replace(RULES, pii_hash_key=b"geheim"))
