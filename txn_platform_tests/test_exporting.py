"""The summary as files."""

import json
from datetime import date
from decimal import Decimal

import pyarrow as pa

from txn_platform.exporting import summary_csv, summary_json

ROWS = pa.table(
    {
        "product": ['Halal "Gold" Table, large', "Halal Mouse"],
        "sale_month": [date(2023, 10, 1), date(2023, 10, 1)],
        "total_amount": pa.array(
            [Decimal("90071992547409.93"), Decimal("0.10")], pa.decimal128(38, 9)
        ),
        "avg_price": pa.array([Decimal("12.5"), Decimal("0.10")], pa.decimal128(38, 9)),
        "total_quantity": [3, 1],
        "transaction_count": [2, 1],
    }
)


def test_json_amounts_are_numbers_with_two_decimals_and_every_digit() -> None:
    text = summary_json(ROWS).decode()
    assert '"total_amount": 90071992547409.93,' in text
    assert '"avg_price": 12.50,' in text
    rows = json.loads(text, parse_float=Decimal)
    assert [row["total_amount"] for row in rows] == [Decimal("90071992547409.93"), Decimal("0.10")]
    assert rows[0]["product"] == 'Halal "Gold" Table, large'
    assert rows[0]["sale_month"] == "2023-10-01"


def test_csv_amounts_have_two_decimals_and_products_are_quoted_where_they_must_be() -> None:
    assert summary_csv(ROWS).decode() == (
        "product,sale_month,total_amount,avg_price,total_quantity,transaction_count\n"
        '"Halal ""Gold"" Table, large",2023-10-01,90071992547409.93,12.50,3,2\n'
        "Halal Mouse,2023-10-01,0.10,0.10,1,1\n"
    )


def test_an_empty_summary_is_an_empty_array_and_a_header() -> None:
    assert json.loads(summary_json(ROWS.slice(0, 0))) == []
    assert summary_csv(ROWS.slice(0, 0)).decode().count("\n") == 1


def test_an_amount_as_wide_as_a_decimal_can_be_is_written_exactly() -> None:
    wide = Decimal("9" * 29 + ".12")
    row = ROWS.slice(0, 1).set_column(2, "total_amount", pa.array([wide], pa.decimal128(38, 9)))
    assert f'"total_amount": {wide},'.encode() in summary_json(row)


def test_half_a_cent_rounds_up_in_both_files() -> None:
    fine = pa.array([Decimal("2.345"), Decimal("2.335")], pa.decimal128(38, 9))
    rows = ROWS.set_column(2, "total_amount", fine)
    assert [row["total_amount"] for row in json.loads(summary_json(rows))] == [2.35, 2.34]
    assert b",2.35," in summary_csv(rows)
    assert b",2.34," in summary_csv(rows)
