from datetime import date
from decimal import Decimal

import pyarrow as pa

from txn_platform.defs.metadata import counts_table, preview


def test_a_preview_is_a_table_with_shortened_hashes_and_money_to_the_cent() -> None:
    rows = pa.table(
        {
            "transaction_id": ["ab" * 32],
            "product": ["Halal Mouse"],
            "price": [Decimal("24.900000000")],
            "date": [date(2023, 10, 1)],
        }
    )
    assert preview(rows).value == (
        "| transaction_id | product | price | date |\n"
        "| --- | --- | --- | --- |\n"
        "| abababababab… | Halal Mouse | 24.90 | 2023-10-01 |"
    )


def test_more_than_two_decimals_show_where_they_say_something() -> None:
    assert "| 1.125 |" in preview(pa.table({"price": [Decimal("1.125000")]})).value


def test_a_product_cannot_break_out_of_its_cell() -> None:
    assert preview(pa.table({"product": ["a|b\nc"]})).value.endswith("| a\\|b c |")


def test_no_rows_are_said_to_be_none() -> None:
    assert preview(pa.table({"product": pa.array([], pa.string())})).value == "*No rows.*"
    assert counts_table("reason", {}).value == "*None.*"


def test_counts_come_largest_first() -> None:
    assert counts_table("reason", {"b": 1, "a": 1, "c": 2000}).value == (
        "| reason | rows |\n|---|---:|\n| c | 2,000 |\n| a | 1 |\n| b | 1 |"
    )
