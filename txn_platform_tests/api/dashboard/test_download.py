import csv
import io
from datetime import date
from decimal import Decimal

import pytest

from api.dashboard.download import COLUMNS, harmless, read_file
from api.dashboard.names import ProductNames
from api.dashboard.selection import Selection
from txn_platform_tests.api.dashboard.stand_ins import OCTOBER, Sale, stage

CLEAR = ProductNames(clear=True)


def rows(*products: str, names: ProductNames = CLEAR, chosen: str | None = None) -> list[list[str]]:
    sales = [
        Sale(product, date(2023, 10, 5), Decimal(100 - rank), 2)
        for rank, product in enumerate(products)
    ]
    file = read_file(stage(sales).marts, Selection(OCTOBER, chosen), names)
    assert file
    text = io.StringIO(file.content.decode(), newline="")
    body = list(csv.reader(text, strict=True))
    assert file.rows == len(body) - 1
    return body


def test_the_file_holds_every_product_of_the_month_with_exact_amounts() -> None:
    header, *body = rows(*(f"Halal {number:03}" for number in range(60)))
    assert header == list(COLUMNS)
    assert len(body) == 60
    assert body[0] == ["Halal 000", "2023-10-01", "200.00", "100.00", "2", "1"]


def test_the_file_holds_only_the_chosen_product() -> None:
    assert [row[0] for row in rows("Halal A", "Halal B", chosen="Halal B")[1:]] == ["Halal B"]


def test_quotes_commas_and_line_ends_survive() -> None:
    name = 'Halal "27", wide\nand high'
    assert rows(name)[1][0] == name


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_name_that_a_spreadsheet_would_run_is_made_harmless(start: str) -> None:
    name = f"{start}cmd|' /C calc'!A0"
    assert rows(name)[1][0] == f"'{name}"
    assert harmless("Halal -1") == "Halal -1"


def test_no_name_stands_in_the_file_of_a_user_without_the_scope() -> None:
    masked = rows("Halal Mouse", "=cmd", names=ProductNames(clear=False))
    assert all(len(row[0]) == 8 and int(row[0], 16) >= 0 for row in masked[1:])
