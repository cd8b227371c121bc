from datetime import date
from pathlib import Path

import pytest

from txn_platform.transform.variables import amount_type, price_type, vars_for
from txn_platform.windows import DateWindow
from txn_platform_tests.transform.marts import settings_with


def test_the_rules_and_names_of_the_configuration_become_vars(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, product_prefix="Kosher", min_price=2.5, max_quantity=7)
    variables = vars_for(settings, None)
    assert variables["product_prefix"] == "Kosher"
    assert variables["min_price"] == "2.5"
    assert variables["max_quantity"] == 7
    assert variables["mart_dataset"] == "transactions_mart"


def test_a_window_becomes_two_iso_dates_the_end_excluded(tmp_path: Path) -> None:
    window = DateWindow(date(2023, 10, 1), date(2023, 10, 3))
    variables = vars_for(settings_with(tmp_path), window)
    assert variables["partition_start"] == "2023-10-01"
    assert variables["partition_end"] == "2023-10-03"


def test_a_large_least_price_is_written_without_an_exponent(tmp_path: Path) -> None:
    variables = vars_for(settings_with(tmp_path, min_price=1e11), None)
    assert variables["min_price"] in ("100000000000", "100000000000.0")


@pytest.mark.parametrize(
    ("decimals", "quantity", "price", "amount"),
    [
        (2, 100, "numeric(18,2)", "numeric(18,2)"),
        (0, 9_999, "numeric(18,2)", "numeric(18,2)"),
        (2, 10_000, "numeric(18,2)", "numeric(19,2)"),
        (6, 2**31 - 1, "numeric(18,6)", "numeric(28,6)"),
    ],
)
def test_postgresql_types_hold_what_the_rules_allow(
    tmp_path: Path, decimals: int, quantity: int, price: str, amount: str
) -> None:
    settings = settings_with(tmp_path, max_decimals=decimals, max_quantity=quantity)
    rules = settings.config.ingestion.validation
    assert (price_type(rules), amount_type(rules)) == (price, amount)
