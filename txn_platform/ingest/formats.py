"""The notations and limits of one row, and the reasons for which a record is rejected.

The fast engine (`rules`) and the row contract (`contract`) both build on these.
"""

from enum import StrEnum

from txn_platform.config import CONTRACT_COLUMNS

WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""What `str.strip()` removes (U+3000 is the last such character). Polars' own default differs
in U+001C to U+001F."""

MAX_ID_LENGTH = 128
MAX_PRODUCT_LENGTH = 256
PRICE_PATTERN = r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,6})?"
QUANTITY_PATTERN = r"[+-]?[0-9]+"
DATE_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
PRICE_DIGITS = 18
PRICE_SCALE = 6
INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1


class Reason(StrEnum):
    """Why a record is rejected; where several apply, the first in this order.

    The one exception: the `missing_` reasons apply in the order of `required_fields`.
    """

    INVALID_ENCODING = "invalid_encoding"
    WRONG_FIELD_COUNT = "wrong_field_count"
    MISSING_TRANSACTION_ID = "missing_transaction_id"
    MISSING_PRODUCT = "missing_product"
    MISSING_PRICE = "missing_price"
    MISSING_QUANTITY = "missing_quantity"
    MISSING_DATE = "missing_date"
    VALUE_TOO_LONG = "value_too_long"
    INVALID_PRICE = "invalid_price"
    INVALID_QUANTITY = "invalid_quantity"
    INVALID_DATE = "invalid_date"
    DATE_OUT_OF_RANGE = "date_out_of_range"
    DUPLICATE_TRANSACTION_ID = "duplicate_transaction_id"
    PRODUCT_PREFIX = "product_prefix"
    PRICE_TOO_LOW = "price_too_low"
    PRICE_DECIMALS = "price_decimals"
    QUANTITY_OUT_OF_RANGE = "quantity_out_of_range"


MISSING = {column: Reason(f"missing_{column}") for column in CONTRACT_COLUMNS}
"""The reason for an empty required field, by column."""
