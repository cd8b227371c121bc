"""The vars of the dbt project, all from the one configuration."""

from txn_platform.config import ValidationSection
from txn_platform.settings import Settings
from txn_platform.windows import DateWindow

INTEGER_DIGITS_OF_A_PRICE = 12
"""The schema tier of the input rules accepts no more."""


def vars_for(settings: Settings, window: DateWindow | None) -> dict[str, object]:
    """What dbt needs to know: names, business rules, and the window to replace.

    Args:
        settings: Where the names and rules come from.
        window: The sale dates to replace; None for everything.
    """
    config = settings.config
    rules = config.ingestion.validation
    return {
        "warehouse_dataset": config.data_warehouse.dataset,
        "raw_table": config.data_warehouse.table,
        "mart_dataset": config.data_mart.dataset,
        "product_prefix": _as_var(rules.product_prefix),
        "min_price": format(rules.min_price, "f"),
        "max_quantity": rules.max_quantity,
        "max_decimals": rules.max_decimals,
        "operational_price_type": price_type(rules),
        "operational_amount_type": amount_type(rules),
        "partition_start": window.start.isoformat() if window else None,
        "partition_end": window.end.isoformat() if window else None,
    }


def price_type(rules: ValidationSection) -> str:
    """The PostgreSQL type of an eligible price: at least cents, and whatever the rules allow.

    numeric(18,…) leaves the 12 digits of a price before the point for up to 6 after it.
    """
    return f"numeric(18,{_decimals(rules)})"


def amount_type(rules: ValidationSection) -> str:
    """The PostgreSQL type that holds every eligible amount exactly.

    numeric(18,2) under the rules as shipped: 12 digits of a price and 3 of a quantity up to
    100 leave one to spare. Rules that allow more widen the type instead of rounding.
    """
    decimals = _decimals(rules)
    digits = INTEGER_DIGITS_OF_A_PRICE + len(str(rules.max_quantity)) + decimals
    return f"numeric({max(18, digits)},{decimals})"


def _decimals(rules: ValidationSection) -> int:
    return max(2, rules.max_decimals)


def _as_var(text: str) -> str:
    """A text that means itself to dbt, which renders every var as a template."""
    return text.replace("{", "{{ '{' }}")
