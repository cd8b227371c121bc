"""The configuration decides which rows reach the marts, and what their columns can hold."""

from decimal import Decimal
from pathlib import Path

import pytest

from txn_platform_tests.transform.marts import Mart, Row, days, identifier, settings_with

LARGEST_INT32 = 2**31 - 1


def names_in(mart: Mart, candidates: list[Row]) -> set[str]:
    by_hash = {identifier(row.name): row.name for row in candidates}
    return {by_hash[found] for found in mart.amounts()}


def test_rows_at_the_limit_of_a_rule_are_in_and_rows_beyond_it_are_out(mart: Mart) -> None:
    rows = [
        Row("the least price", price="10.00"),
        Row("less than the least price", price="9.99"),
        Row("negative", price="-10.00"),
        Row("trailing zeros", price="10.990000"),
        Row("three decimals", price="10.999"),
        Row("largest quantity", quantity=100),
        Row("beyond it", quantity=101),
        Row("nothing", quantity=0),
        Row("the prefix alone", product="Halal"),
        Row("small letters", product="halal Beef"),
        Row("prefix inside", product="Not Halal"),
    ]
    mart.land(*rows)
    mart.must_build()
    assert names_in(mart, rows) == {
        "the least price",
        "trailing zeros",
        "largest quantity",
        "the prefix alone",
    }


@pytest.mark.parametrize("prefix", ["50%_", "O'Neill\\s \"", "ナ😀", "{{ x }}{% a: ~\x7f"])
def test_the_prefix_is_taken_literally(mart: Mart, tmp_path: Path, prefix: str) -> None:
    mart.settings = settings_with(tmp_path, product_prefix=prefix)
    rows = [Row("with", product=prefix + " Beef"), Row("without", product="50xx O_Neill_s Beef")]
    mart.land(*rows)
    mart.must_build()
    assert names_in(mart, rows) == {"with"}


def test_an_empty_prefix_lets_every_product_in(mart: Mart, tmp_path: Path) -> None:
    mart.settings = settings_with(tmp_path, product_prefix="")
    mart.land(Row("A", product="Beef"))
    mart.must_build()
    assert len(mart.rows()) == 1


def test_a_price_of_zero_is_out_whatever_the_least_price(mart: Mart, tmp_path: Path) -> None:
    mart.settings = settings_with(tmp_path, min_price=0.0)
    rows = [Row("zero", price="0"), Row("a cent", price="0.01")]
    mart.land(*rows)
    mart.must_build()
    assert names_in(mart, rows) == {"a cent"}


@pytest.mark.parametrize(("decimals", "allowed"), [(0, "11"), (3, "10.999")])
def test_the_number_of_decimals_is_the_configured_one(
    mart: Mart, tmp_path: Path, decimals: int, allowed: str
) -> None:
    mart.settings = settings_with(tmp_path, max_decimals=decimals)
    rows = [Row("allowed", price=allowed), Row("one more", price="10.9999")]
    mart.land(*rows)
    mart.must_build()
    assert names_in(mart, rows) == {"allowed"}
    assert mart.amounts()[identifier("allowed")] == Decimal(allowed)


def test_the_largest_amount_of_the_shipped_rules_is_exact(mart: Mart) -> None:
    mart.land(Row("A", price="999999999999.99", quantity=100))
    mart.must_build()
    assert mart.amounts()[identifier("A")] == Decimal("99999999999999.00")


def test_the_largest_amount_of_the_widest_rules_is_exact(mart: Mart, tmp_path: Path) -> None:
    mart.settings = settings_with(tmp_path, max_decimals=6, max_quantity=LARGEST_INT32)
    mart.land(Row("A", price="999999999999.999999", quantity=LARGEST_INT32))
    mart.must_build()
    expected = Decimal("2147483646999999997852.516353")
    assert mart.amounts()[identifier("A")] == expected


def test_pg_sales_holds_cents_under_the_shipped_rules(database: Mart) -> None:
    database.must_build()
    assert database.query(
        "select column_name, numeric_precision, numeric_scale from information_schema.columns"
        " where table_name = 'pg_sales' and data_type = 'numeric' order by 1"
    ) == [("amount", 18, 2), ("price", 18, 2)]


def test_rules_that_need_wider_columns_stop_before_anything_is_rounded(
    database: Mart, tmp_path: Path
) -> None:
    database.land(Row("A", price="10.99"))
    database.must_build()
    database.settings = settings_with(tmp_path, max_decimals=3)
    database.land(Row("A", price="10.999"))
    outcome = database.build(days(0, 1))
    assert [failure.node for failure in outcome.failures] == ["pg_sales"]
    assert database.amounts()[identifier("A")] == Decimal("10.99")


def test_pg_sales_is_indexed_for_dates_and_for_product_prefixes(database: Mart) -> None:
    database.must_build()
    definitions = " ".join(
        row[0]
        for row in database.query("select indexdef from pg_indexes where tablename = 'pg_sales'")
    )
    assert "UNIQUE INDEX" in definitions
    assert '(sale_date, transaction_id COLLATE "C")' in definitions
    assert "(product text_pattern_ops, sale_date)" in definitions
