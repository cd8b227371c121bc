"""The row contract: what one transaction is, as a reader finds it easiest to check.

The engine states the same rules once more in columns (`rules`), some 50 times as fast; property
tests hold the two together, row for row.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, NoReturn, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from txn_platform.ingest.formats import (
    DATE_PATTERN,
    INT32_MAX,
    INT32_MIN,
    MAX_ID_LENGTH,
    MAX_PRODUCT_LENGTH,
    MISSING,
    PRICE_PATTERN,
    QUANTITY_PATTERN,
    Reason,
)
from txn_platform.ingest.rules import IngestRules


def _reject(reason: Reason) -> NoReturn:
    raise PydanticCustomError(cast(Any, reason.value), "rejected")


def _identifier(value: str) -> str:
    return value if len(value) <= MAX_ID_LENGTH else _reject(Reason.VALUE_TOO_LONG)


def _product(value: str) -> str:
    return value if len(value) <= MAX_PRODUCT_LENGTH else _reject(Reason.VALUE_TOO_LONG)


def _price(value: str) -> Decimal:
    return Decimal(value) if re.fullmatch(PRICE_PATTERN, value) else _reject(Reason.INVALID_PRICE)


def _quantity(value: str) -> int:
    digits = value.lstrip("+-").lstrip("0") or "0"
    if not re.fullmatch(QUANTITY_PATTERN, value) or len(digits) > len(str(INT32_MAX)):
        _reject(Reason.INVALID_QUANTITY)
    quantity = -int(digits) if value.startswith("-") else int(digits)
    return quantity if INT32_MIN <= quantity <= INT32_MAX else _reject(Reason.INVALID_QUANTITY)


def _date(value: str, info: ValidationInfo) -> date:
    rules: IngestRules = cast(Any, info.context)
    try:
        day = date.fromisoformat(value if re.fullmatch(DATE_PATTERN, value) else "")
    except ValueError:
        _reject(Reason.INVALID_DATE)
    in_range = rules.earliest <= day <= rules.today and (rules.end is None or day < rules.end)
    return day if in_range else _reject(Reason.DATE_OUT_OF_RANGE)


class Transaction(BaseModel):
    """One accepted row, before its identifier is hashed.

    Each value is read from its text by the notation of this contract alone; pydantic's own
    conversions would take `1e3`, `1_000`, `5.0`, Arabic digits or a timestamp.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    transaction_id: Annotated[str, Strict(), BeforeValidator(_identifier)]
    product: Annotated[str, Strict(), BeforeValidator(_product)]
    price: Annotated[Decimal, Strict(), BeforeValidator(_price)]
    quantity: Annotated[int, Strict(), BeforeValidator(_quantity)]
    date: Annotated[date, Strict(), BeforeValidator(_date)]


def parse_row(fields: Mapping[str, str], rules: IngestRules) -> Transaction | Reason:
    """The transaction that a record's stripped fields hold, or why they hold none.

    Schema tier only, and without its rule on duplicates, which no single row can break.
    """
    for column in rules.required_fields:
        if not fields[column]:
            return MISSING[column]
    try:
        return Transaction.model_validate(dict(fields), context=rules)
    except ValidationError as error:
        found = {problem["type"] for problem in error.errors(include_input=False)}
    return next(reason for reason in Reason if reason in found)


def ineligibility(row: Transaction, rules: IngestRules) -> Reason | None:
    """Why a transaction stays out of the marts, or None when it belongs there."""
    if not row.product.startswith(rules.product_prefix):
        return Reason.PRODUCT_PREFIX
    if row.price < rules.min_price or row.price <= 0:
        return Reason.PRICE_TOO_LOW
    if row.price != round(row.price, rules.max_decimals):
        return Reason.PRICE_DECIMALS
    if not 1 <= row.quantity <= rules.max_quantity:
        return Reason.QUANTITY_OUT_OF_RANGE
    return None
